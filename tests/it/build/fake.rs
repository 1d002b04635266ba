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
    if env::args().next().is_some_and(|name| name.ends_with("/helm")) {
        for line in fs::read_to_string("fake-helm.txt").unwrap().lines() {
            let (action, rest) = line.split_once(' ').unwrap_or((line, ""));
            act(action, rest);
        }
        return;
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

unsafe extern "C" {
    fn syscall(number: i64, ...) -> i64;
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
        "thread" => {
            std::thread::spawn(|| ()).join().unwrap();
            report(action, rest, Ok(()));
        }
        "call" => {
            let numbers: Vec<i64> = rest.split(' ').map(|number| number.parse().unwrap()).collect();
            // SAFETY: none; the tests give calls that are refused
            let done = unsafe { syscall(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]) };
            let outcome = if done == -1 { Err(io::Error::last_os_error()) } else { Ok(()) };
            report(action, rest, outcome);
        }
        "helm" => {
            // the one on PATH; what it reports stands behind our own report
            let output = Command::new("helm").args(rest.split(' ')).output().unwrap();
            let _ = io::stdout().write_all(&output.stdout);
            let _ = io::stderr().write_all(&output.stderr);
            println!("  \"helm {rest}\": '{:?}'", output.status.code());
        }
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
