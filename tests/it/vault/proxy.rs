//! Between the program and a server: sees each request, and may do something before it goes on.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::fake::{Answer, Request, read_request};

/// What becomes of a request.
pub(crate) enum Step {
    /// It goes to the server.
    Forward,
    /// It is answered here.
    Answer(Answer),
}

/// A running proxy; it ends with the test process.
pub(crate) struct Proxy {
    host: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy before the server at `upstream` (`host:port`), which asks `step` about each request:
    /// itself, and how many with the same method and path came before.
    pub(crate) fn start(
        upstream: String,
        step: impl Fn(&Request, usize) -> Step + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        let step = Arc::new(step);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (step, all, upstream) = (Arc::clone(&step), Arc::clone(&all), upstream.clone());
                thread::spawn(move || serve(stream, &upstream, &all, &*step));
            }
        });
        Self { host, seen }
    }

    /// What `VAULT_ADDR` names.
    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.host)
    }

    /// The requests so far, as they came: `GET /v1/kv/data/shop/web`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests there were with this path.
    pub(crate) fn count(&self, path: &str) -> usize {
        let all = self.seen.lock().unwrap();
        all.iter().filter(|line| line.ends_with(path)).count()
    }
}

fn serve(
    mut stream: TcpStream,
    upstream: &str,
    all: &Mutex<Vec<String>>,
    step: &dyn Fn(&Request, usize) -> Step,
) -> Option<()> {
    let request = read_request(&mut stream)?;
    let name = format!("{} {}", request.method, request.target);
    let before = {
        let mut all = all.lock().unwrap();
        all.push(name.clone());
        all.iter().filter(|other| **other == name).count() - 1
    };
    match step(&request, before) {
        Step::Answer(answer) => answer.send(&mut stream),
        Step::Forward => {
            let mut server = TcpStream::connect(upstream).ok()?;
            server.write_all(&request.for_one_connection()).ok()?;
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).ok()?;
            stream.write_all(&answer).ok()
        }
    }
}
