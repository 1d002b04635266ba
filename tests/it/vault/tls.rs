//! https: who is trusted, and what is said where nobody is.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use super::fake::{Answer, Fake, Request, read_request};
use super::server::Server;
use super::{ROOT, assert_once, assert_says, assert_values, manifest, render_at, render_with};
use crate::support::{Output, run, temp_dir};

#[track_caller]
fn server() -> Option<Server> {
    let server = Server::start_tls()?;
    server.secret("kv", "a", &json!({"k": "v"}));
    Some(server)
}

#[track_caller]
fn read(address: &str, settings: &[(&str, &str)]) -> Output {
    render_with(address, settings, &["<path:kv/a#k>"])
}

#[test]
fn authorities_from_a_file_from_text_and_from_a_folder() {
    let Some(server) = server() else { return };
    let address = server.tls_address();
    let file = server.path("tls/vault-ca.pem");
    let bytes = fs::read_to_string(&file).unwrap();
    let folder = temp_dir();
    fs::copy(&file, folder.path().join("ca.pem")).unwrap();
    let file = file.display().to_string();
    let folder = folder.path().display().to_string();
    for setting in [
        ("VAULT_CACERT", &*file),
        ("VAULT_CACERT_BYTES", &*bytes),
        ("VAULT_CAPATH", &*folder),
        ("BAO_CACERT", &*file),
    ] {
        let output = read(&address, &[setting]).success();
        assert_values(&output, &["v"]);
        assert_eq!(output.stderr, "");
    }
}

#[test]
fn a_server_that_is_not_trusted() {
    let (Some(server), Some(other)) = (server(), Server::start_tls()) else {
        return;
    };
    let address = server.tls_address();
    let wrong = other.path("tls/vault-ca.pem").display().to_string();
    for settings in [&[][..], &[("VAULT_CACERT", &*wrong)]] {
        let output = read(&address, settings).code(2);
        assert_once(&output);
        assert_says(&output, &["certificate", "VAULT_CACERT"]);
    }
    let right = server.path("tls/vault-ca.pem").display().to_string();
    let output = read(
        &address,
        &[
            ("VAULT_CACERT", &right),
            ("VAULT_TLS_SERVER_NAME", "vault.example"),
        ],
    )
    .code(2);
    assert_once(&output);
    assert_says(&output, &["certificate", "VAULT_TLS_SERVER_NAME"]);
    let output = read(
        &address,
        &[
            ("VAULT_CACERT", &right),
            ("VAULT_TLS_SERVER_NAME", "localhost"),
        ],
    );
    assert_values(&output.success(), &["v"]);
    let output = read(&address, &[("VAULT_CACERT", "/nowhere/ca.pem")]).code(2);
    assert_says(&output, &["VAULT_CACERT", "/nowhere/ca.pem"]);
    assert_eq!(
        server.requests().len(),
        2,
        "one read and one question for the mount"
    );
}

#[test]
fn a_server_that_wants_a_certificate_of_ours() {
    let (Some(server), Some(other)) = (server(), Server::start_tls()) else {
        return;
    };
    let path = |server: &Server, name: &str| server.path(name).display().to_string();
    let authority = path(&server, "tls/vault-ca.pem");
    let ours = |certificate: &str, key: &str| {
        read(
            &server.mutual_address(),
            &[
                ("VAULT_CACERT", &authority),
                ("VAULT_CLIENT_CERT", certificate),
                ("VAULT_CLIENT_KEY", key),
            ],
        )
    };
    let certificate = path(&server, "tls/vault-cert.pem");
    let key = path(&server, "tls/vault-key.pem");
    assert_values(&ours(&certificate, &key).success(), &["v"]);

    let none = read(&server.mutual_address(), &[("VAULT_CACERT", &authority)]);
    let (strange, its_key) = (
        path(&other, "tls/vault-cert.pem"),
        path(&other, "tls/vault-key.pem"),
    );
    for output in [none, ours(&strange, &its_key)] {
        let output = output.code(2);
        assert_once(&output);
        assert_says(
            &output,
            &[
                "client certificate",
                "VAULT_CLIENT_CERT",
                "VAULT_CLIENT_KEY",
            ],
        );
    }
    for (certificate, key, says) in [
        (&*certificate, &*its_key, "belong together"),
        (&*certificate, "/nowhere/key.pem", "/nowhere/key.pem"),
        (&*key, &*key, "VAULT_CLIENT_CERT holds no certificate"),
        (
            &*certificate,
            &*certificate,
            "VAULT_CLIENT_KEY holds no private key",
        ),
    ] {
        let output = ours(certificate, key).code(2);
        assert_once(&output);
        assert_says(&output, &[says]);
    }
    let half = [
        ("VAULT_CACERT", &*authority),
        ("VAULT_CLIENT_CERT", &*certificate),
    ];
    let output = read(&server.mutual_address(), &half).code(2);
    assert_says(&output, &["VAULT_CLIENT_KEY"]);
    assert_eq!(
        server.requests().len(),
        2,
        "one read and one question for the mount"
    );
}

#[test]
fn trust_without_proof_is_warned_of() {
    let Some(server) = server() else { return };
    for word in ["true", "1"] {
        let output = read(&server.tls_address(), &[("VAULT_SKIP_VERIFY", word)]).success();
        assert_values(&output, &["v"]);
        assert_says(&output, &["warning:", "VAULT_SKIP_VERIFY"]);
    }
}

#[test]
fn https_where_http_is_spoken_and_the_other_way_round() {
    let Some(server) = server() else { return };
    let plain = server.tls_address().replace("https", "http");
    let output = read(&plain, &[]).code(2);
    assert_once(&output);
    assert_says(&output, &["expects https, and VAULT_ADDR says http"]);
    let output = read(
        &server.address().replace("http", "https"),
        &[("GITOPS_FN_TIMEOUT", "3s")],
    )
    .code(2);
    assert_once(&output);
    assert_says(&output, &["could not make a TLS connection", "with TLS"]);
}

#[test]
fn no_redirect_leads_from_https_to_http() {
    let Some(server) = server() else { return };
    let other = Fake::start(|_, _| Answer::secret("v"));
    let standby = tls_redirect(&server, &format!("{}/v1/kv/data/a", other.address()));
    let ca = server.path("tls/vault-ca.pem").display().to_string();
    let output = run(
        render_at(&standby)
            .env("VAULT_TOKEN", ROOT)
            .env("VAULT_CACERT", ca)
            .env("VAULT_REDIRECT_HOSTS", other.host()),
        manifest(&["<path:kv/data/a#k>"]),
    )
    .code(3);
    assert_once(&output);
    assert_says(&output, &["http"]);
    assert_eq!(other.requests().len(), 0);
}

/// An https server with the certificate of `server`, which answers each request with a redirect.
fn tls_redirect(server: &Server, location: &str) -> String {
    let redirect = format!("Location: {location}\r\n");
    tls_server(server, move |_| {
        Answer::Full(307, redirect.clone(), Vec::new())
    })
}

/// An https server with the certificate of `server`: its address.
pub(super) fn tls_server(
    server: &Server,
    answer: impl Fn(&Request) -> Answer + Send + 'static,
) -> String {
    let certificates = CertificateDer::pem_file_iter(server.path("tls/vault-cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(server.path("tls/vault-key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates.map(Result::unwrap).collect(), key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, socket);
            if let Some(request) = read_request(&mut stream) {
                answer(&request).send(&mut stream);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    address
}
