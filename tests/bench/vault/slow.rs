//! A server that is far away: what a client sends reaches the real one later.

use std::io::{Read, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Starts it before the server at `upstream`; what `VAULT_ADDR` names. It ends with this process.
///
/// HTTP without pipelining sends one request and waits, so a delay of what is sent is a delay of each
/// request.
pub(super) fn start(upstream: String, latency: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(&upstream).unwrap();
            for socket in [&client, &server] {
                socket.set_nodelay(true).unwrap();
            }
            let (mut answers, mut back) =
                (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || {
                let _ = copy(&mut answers, &mut back);
                let _ = back.shutdown(Shutdown::Both);
            });
            thread::spawn(move || forward(client, server, latency));
        }
    });
    address
}

fn forward(mut client: TcpStream, mut server: TcpStream, latency: Duration) {
    let mut buffer = [0; 1 << 14];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        thread::sleep(latency);
        if server.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}
