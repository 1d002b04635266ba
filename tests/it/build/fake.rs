//! A program in the place of kustomize that does what a hostile one would: it is told by `fake.txt` in the
//! folder that it is to build, one action a line. Compiled by the tests, not a part of them.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::parent_id;
use std::process::{Command, exit};
use std::thread::sleep;
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("version") => {
            let version = fs::read_to_string("fake-version.txt");
            print!("{}", version.unwrap_or_else(|_| "v5.8.3\n".to_owned()));
            return;
        }
        Some("hang") => hang(),
        _ => {}
    }
    let script = fs::read_to_string("fake.txt").unwrap();
    if script == "silent" {
        return;
    }
    println!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: report\ndata:");
    println!("  arguments: '{}'", arguments.join(" "));
    for line in script.lines() {
        let (action, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.replace("PARENT", &parent_id().to_string());
        act(action, &rest);
    }
}

fn act(action: &str, rest: &str) {
    match action {
        "env" => {
            for (name, value) in env::vars() {
                println!("  {name}: '{value}'");
            }
        }
        "read" => report(action, rest, fs::File::open(rest).and_then(|mut file| file.read(&mut [0; 16]))),
        "descriptor" => {
            // SAFETY: nothing else in this program uses it, and it is not closed
            let file = ManuallyDrop::new(unsafe { fs::File::from_raw_fd(rest.parse().unwrap()) });
            report(action, rest, file.metadata());
        }
        "list" => report(action, rest, fs::read_dir(rest)),
        "write" => report(action, rest, fs::write(rest, "x")),
        "home" => report(action, rest, fs::write(env::temp_dir().join(rest), "x")),
        "make" => report(action, rest, fs::create_dir(rest)),
        "remove" => report(action, rest, fs::remove_file(rest)),
        "run" => report(action, rest, Command::new(rest).arg("version").output()),
        "connect" => report(action, rest, TcpStream::connect(rest)),
        "datagram" => report(action, rest, UdpSocket::bind(rest)),
        "local" => report(action, rest, UnixDatagram::unbound()),
        "listen" => report(action, rest, TcpListener::bind(rest)),
        "hang" => hang(),
        "sleep" => sleep(Duration::from_millis(rest.parse().unwrap())),
        "spawn" => {
            // the one program that may be executed is this one
            let child = Command::new(env::args_os().next().unwrap()).arg("hang").spawn().unwrap();
            eprintln!("grandchild {}", child.id());
        }
        "flood" => loop {
            let _ = io::stdout().write_all(&[b'x'; 65536]);
        },
        "mutter" => {
            for _ in 0..rest.parse().unwrap() {
                eprintln!("{}", "m".repeat(1023));
            }
        }
        "say" => eprint!("{rest}"),
        "memory" => {
            // written, so that it is there
            let all = vec![1_u8; rest.parse::<usize>().unwrap() << 20];
            println!("  memory: '{}'", all.iter().filter(|byte| **byte == 1).count());
        }
        "raw" => println!("{rest}"),
        "old" => {}
        "exit" => exit(rest.parse().unwrap()),
        _ => panic!("{action}"),
    }
}

/// `  "ACTION WHAT": done`, or what went wrong.
fn report<T>(action: &str, rest: &str, outcome: io::Result<T>) {
    let outcome = match outcome {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    };
    println!("  \"{action} {rest}\": {outcome}");
}

fn hang() -> ! {
    let _ = fs::write(env::temp_dir().join("hangs"), "");
    loop {
        sleep(Duration::from_secs(3600));
    }
}
