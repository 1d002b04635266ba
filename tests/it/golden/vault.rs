//! A Vault with a KV v2 engine, as far as argocd-vault-plugin asks it: `GET /v1/MOUNT/data/PATH`.
//!
//! Each case has secrets of its own, told apart by the token: it is the number of the case.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};

/// A running server; it ends with the test process.
pub(super) struct Vault {
    address: SocketAddr,
}

impl Vault {
    /// Starts a server with the secrets of each case.
    pub(super) fn start<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let cases: Arc<Vec<Value>> = Arc::new(
            secrets
                .map(|text| serde_yaml::from_str(text).unwrap_or(Value::Null))
                .collect(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let cases = Arc::clone(&cases);
                thread::spawn(move || serve(&stream, &cases));
            }
        });
        Self { address }
    }

    /// What `VAULT_ADDR` names.
    pub(super) fn address(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(mut stream: &TcpStream, cases: &[Value]) -> Option<()> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let target = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let token = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.eq_ignore_ascii_case("x-vault-token")).then(|| value.trim())
    });
    let case = token.and_then(|token| cases.get(token.parse::<usize>().ok()?));
    let (status, body) = answer(&target, case.unwrap_or(&Value::Null));
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .ok()
}

/// The status and body for a request target.
fn answer(target: &str, secrets: &Value) -> (u16, Value) {
    let missing = (404, json!({"errors": []}));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let Some(found) = path.strip_prefix("/v1/").and_then(|path| secrets.get(path)) else {
        return missing;
    };
    let versions = match found {
        Value::Array(versions) => versions.as_slice(),
        one => std::slice::from_ref(one),
    };
    // as in Vault, a blank (sent as `+`) is no part of a number
    let wanted = query.strip_prefix("version=").unwrap_or("0");
    let wanted = wanted.replace('+', " ");
    let Ok(wanted) = wanted.parse::<i64>() else {
        return (
            400,
            json!({"errors": ["error converting input for field \"version\""]}),
        );
    };
    let number = match usize::try_from(wanted) {
        Ok(0) | Err(_) => versions.len(),
        Ok(number) => number,
    };
    match number.checked_sub(1).and_then(|index| versions.get(index)) {
        Some(data) => {
            let metadata = json!({"version": number, "deletion_time": "", "destroyed": false});
            (200, json!({"data": {"data": data, "metadata": metadata}}))
        }
        None => missing,
    }
}
