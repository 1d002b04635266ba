//! A server that says what a test wants, right or wrong.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// One request. One connection carries one.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `GET`.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The same request as bytes, for a server that is to close the connection.
    pub(crate) fn for_one_connection(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nConnection: close\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            if !name.eq_ignore_ascii_case("connection") {
                let _ = write!(head, "{name}: {value}\r\n");
            }
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend(&self.body);
        bytes
    }
}

/// Reads one request; `None` if the other side gives up.
pub(crate) fn read_request(stream: &mut impl Read) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let mut request = Request {
        method: first.next()?.to_owned(),
        target: first.next()?.to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect(),
        body: Vec::new(),
    };
    let length = request
        .header("content-length")
        .and_then(|text| text.parse().ok());
    request.body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut request.body).ok()?;
    Some(request)
}

/// What a server says, and how.
#[derive(Clone)]
pub(crate) enum Answer {
    /// A status, headers (`Name: value\r\n` each) and a body.
    Full(u16, String, Vec<u8>),
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, then nothing until the other side gives up.
    Stall(Vec<u8>),
    /// These bytes, then one a tenth of a second.
    Drip(Vec<u8>),
    /// These bytes, then so many more.
    Long(Vec<u8>, usize),
    /// These bytes, then a reset of the connection.
    Reset(Vec<u8>),
}

impl Answer {
    /// JSON with a status.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::Full(status, String::new(), body.to_string().into_bytes())
    }

    /// A failure in Vault's words.
    pub(crate) fn error(status: u16, text: &str) -> Self {
        Self::json(status, &json!({"errors": [text]}))
    }

    /// The secret `k: value`, in KV v2's form.
    pub(crate) fn secret(value: &str) -> Self {
        Self::json(200, &secret(value))
    }

    /// Sends it.
    pub(crate) fn send(self, stream: &mut impl Write) -> Option<()> {
        match self {
            Self::Full(status, headers, body) => {
                let length = if status == 204 {
                    String::new()
                } else {
                    format!("Content-Length: {}\r\n", body.len())
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n{length}{headers}\r\n"
                );
                stream.write_all(head.as_bytes()).ok()?;
                stream.write_all(&body).ok()
            }
            Self::Bytes(bytes) | Self::Reset(bytes) => stream.write_all(&bytes).ok(),
            Self::Stall(bytes) => {
                stream.write_all(&bytes).ok()?;
                stream.flush().ok()?;
                thread::sleep(Duration::from_secs(30));
                None
            }
            Self::Drip(bytes) => {
                stream.write_all(&bytes).ok()?;
                for _ in 0..300 {
                    stream.write_all(b" ").ok()?;
                    stream.flush().ok()?;
                    thread::sleep(Duration::from_millis(100));
                }
                None
            }
            Self::Long(bytes, more) => {
                stream.write_all(&bytes).ok()?;
                let block = vec![b'a'; 1 << 16];
                for _ in 0..more / block.len() {
                    stream.write_all(&block).ok()?;
                }
                None
            }
        }
    }
}

/// What Vault answers to a read of the secret `k: value`.
pub(crate) fn secret(value: &str) -> Value {
    json!({
        "request_id": "00000000-0000-0000-0000-000000000001", "lease_id": "", "renewable": false, "lease_duration": 0,
        "data": {"data": {"k": value}, "metadata": {
            "created_time": "2024-01-01T00:00:00Z", "custom_metadata": null, "deletion_time": "",
            "destroyed": false, "version": 1
        }},
        "wrap_info": null, "warnings": null, "auth": null, "mount_type": "kv"
    })
}

/// A running fake server; it ends with the test process.
pub(crate) struct Fake {
    host: String,
    seen: Arc<Mutex<Vec<Request>>>,
    most: Arc<AtomicUsize>,
}

impl Fake {
    /// A server that answers as `answer` says: for the request, and how many came before.
    pub(crate) fn start(
        answer: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fake = Self {
            host: listener.local_addr().unwrap().to_string(),
            seen: Arc::default(),
            most: Arc::default(),
        };
        let (seen, most) = (Arc::clone(&fake.seen), Arc::clone(&fake.most));
        let (answer, open) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                let (open, most) = (Arc::clone(&open), Arc::clone(&most));
                thread::spawn(move || {
                    most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let answer = hear(&mut stream, &seen, &*answer);
                    // before the other side can see an end and open another
                    open.fetch_sub(1, Ordering::SeqCst);
                    // what is closed over unread input is reset
                    answer.and_then(|answer| answer.send(&mut stream))
                });
            }
        });
        fake
    }

    /// `host:port`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// What `VAULT_ADDR` names.
    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.host)
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// How many connections were open at once, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// Takes a request; leaves it unread where the answer ends in a reset.
fn hear(
    stream: &mut TcpStream,
    seen: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request, usize) -> Answer,
) -> Option<Answer> {
    let request = peek_request(stream)?;
    let before = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    let answer = answer(&request, before);
    if !matches!(answer, Answer::Reset(_)) {
        read_request(stream)?;
    }
    Some(answer)
}

/// Reads a request and leaves it unread.
fn peek_request(stream: &TcpStream) -> Option<Request> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = stream.peek(&mut buffer).ok().filter(|length| *length > 0)?;
        if let Some(request) = read_request(&mut &buffer[..length]) {
            return Some(request);
        }
        thread::sleep(Duration::from_millis(1));
    }
}
