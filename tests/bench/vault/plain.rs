//! A client that does the least: one connection that stays open, one request after the other.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

pub(super) struct Plain {
    stream: BufReader<Box<dyn Stream>>,
    /// How long answers took since the last [`Plain::sum`].
    waited: Duration,
}

impl Plain {
    /// A connection to `http://…` or, with the authority in a file, to `https://…`.
    pub(super) fn connect(address: &str, authority: &Path) -> Self {
        let (scheme, host) = address.split_once("://").unwrap();
        let socket = TcpStream::connect(host).unwrap();
        socket.set_nodelay(true).unwrap();
        let stream: Box<dyn Stream> = if scheme == "https" {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_file(authority).unwrap())
                .unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = ServerName::try_from(host.split(':').next().unwrap().to_owned()).unwrap();
            let connection = ClientConnection::new(Arc::new(config), name).unwrap();
            Box::new(StreamOwned::new(connection, socket))
        } else {
            Box::new(socket)
        };
        Self {
            stream: BufReader::new(stream),
            waited: Duration::ZERO,
        }
    }

    /// How long the server took for the requests that `work` makes.
    pub(super) fn sum(&mut self, work: impl FnOnce(&mut Self)) -> Duration {
        self.waited = Duration::ZERO;
        work(self);
        self.waited
    }

    /// Makes a request, which must succeed; the body of its answer.
    pub(super) fn ask(&mut self, method: &str, path: &str, token: &str, body: &str) -> String {
        let token = match token {
            "" => String::new(),
            token => format!("X-Vault-Token: {token}\r\n"),
        };
        let request = format!(
            "{method} /v1/{path} HTTP/1.1\r\nHost: vault\r\nX-Vault-Request: true\r\n{token}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let begin = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        self.stream.get_mut().flush().unwrap();
        let answer = self.answer();
        self.waited += begin.elapsed();
        answer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_ascii_lowercase()
    }

    fn answer(&mut self) -> String {
        let status = self.line();
        assert!(status.starts_with("http/1.1 2"), "{status}");
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line();
            match line.split_once(": ") {
                None => break,
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("transfer-encoding", _)) => chunked = true,
                Some(_) => {}
            }
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                let size = usize::from_str_radix(&self.line(), 16).unwrap();
                self.exact(size, &mut body);
                self.line();
                if size == 0 {
                    break;
                }
            }
        } else {
            self.exact(length, &mut body);
        }
        String::from_utf8(body).unwrap()
    }

    fn exact(&mut self, size: usize, body: &mut Vec<u8>) {
        let begin = body.len();
        body.resize(begin + size, 0);
        self.stream.read_exact(&mut body[begin..]).unwrap();
    }
}
