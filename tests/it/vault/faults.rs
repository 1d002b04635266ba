//! Servers and networks that do wrong: each a right result, or exit code 3 or 1 with a text of its own,
//! within the deadline.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use super::fake::{Answer, Fake, Request, secret};
use super::server::free_port;
use super::{assert_once, assert_says, assert_values, manifest, render_at};
use crate::support::{Output, run};

const WANT: &str = "<path:kv/data/a#k>";

/// The deadline of these runs, and how long they may take: the machine may be busy.
const DEADLINE: (&str, Duration) = ("2s", Duration::from_secs(6));

/// One read at `address`; with nothing but a token to say.
#[track_caller]
fn read_at(address: &str, settings: &[(&str, &str)]) -> Output {
    let begin = Instant::now();
    let output = run(
        render_at(address)
            .env("VAULT_TOKEN", "t-faults")
            .env("GITOPS_FN_TIMEOUT", DEADLINE.0)
            .envs(settings.iter().copied()),
        manifest(&[WANT]),
    );
    assert!(
        begin.elapsed() < DEADLINE.1,
        "{:?}\n{}",
        begin.elapsed(),
        output.stderr
    );
    assert!(!output.stderr.contains("t-faults"), "{}", output.stderr);
    output
}

#[track_caller]
fn read(fake: &Fake) -> Output {
    read_at(&fake.address(), &[])
}

#[track_caller]
fn assert_transient(output: Output, says: &[&str]) {
    let output = output.code(3);
    assert_says(&output, &["transient"]);
    assert_says(&output, says);
    assert_once(&output);
}

fn head(length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n")
        .into_bytes()
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    bytes.extend(body);
    bytes
}

#[test]
fn a_refused_connection() {
    let port = free_port();
    let output = read_at(&format!("http://127.0.0.1:{port}"), &[]);
    assert_transient(output, &["refused", &format!("127.0.0.1:{port}")]);
}

#[test]
fn a_name_that_is_not_known() {
    let output = read_at("http://vault.invalid:8200", &[]);
    assert_transient(output, &["vault.invalid"]);
}

#[test]
fn a_reset_before_and_within_a_body() {
    let fake = Fake::start(|_, _| Answer::Reset(Vec::new()));
    assert_transient(read(&fake), &["the connection to", "broke"]);
    let fake = Fake::start(|_, _| Answer::Reset([head(1000), b"{\"data\"".to_vec()].concat()));
    assert_transient(read(&fake), &["the connection to", "broke"]);
    // an end too early
    let fake = Fake::start(|_, _| Answer::Bytes([head(1000), b"{\"data\"".to_vec()].concat()));
    assert_transient(read(&fake), &["the connection to", "broke"]);
}

#[test]
fn slow_headers_and_slow_bodies() {
    let slow: [fn() -> Answer; 4] = [
        || Answer::Stall(Vec::new()),
        || Answer::Stall(b"HTTP/1.1 200 OK\r\n".to_vec()),
        || Answer::Stall(head(1000)),
        || Answer::Drip(head(1000)),
    ];
    for answer in slow {
        let fake = Fake::start(move |_, _| answer());
        assert_transient(read(&fake), &["2 s"]);
    }
}

#[test]
fn a_server_that_takes_no_connection() {
    // the backlog fills up; connections beyond it hang
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    assert_transient(read_at(&format!("http://{address}"), &[]), &["2 s"]);
}

/// A limit with `Retry-After`, so many times.
fn limited(times: usize, seconds: &'static str) -> impl Fn(&Request, usize) -> Answer {
    move |_, before| {
        if before < times {
            Answer::Full(
                429,
                format!("Retry-After: {seconds}\r\n"),
                b"{\"errors\":[\"request path kv: rate limit quota exceeded\"]}".to_vec(),
            )
        } else {
            Answer::secret("v")
        }
    }
}

#[test]
fn a_limit_that_ends_in_time_is_waited_for() {
    let fake = Fake::start(limited(1, "1"));
    let begin = Instant::now();
    let output = read_at(&fake.address(), &[("GITOPS_FN_TIMEOUT", "5s")]);
    assert_values(&output.success(), &["v"]);
    assert!(
        begin.elapsed() >= Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(fake.requests().len(), 2);
}

#[test]
fn a_limit_beyond_the_deadline_ends_the_run_at_once() {
    let fake = Fake::start(limited(1, "3600"));
    let output = read_at(&fake.address(), &[("GITOPS_FN_TIMEOUT", "45s")]);
    assert_transient(output, &["3600"]);
    assert_eq!(fake.requests().len(), 1);
}

#[test]
fn a_wait_that_no_clock_can_show_ends_the_run_at_once() {
    for (status, after) in [
        (503, "9223372036854775807"),
        (429, "18446744073709551615"),
        (429, "99999999999999999999999"),
        (503, "Thu, 01 Jan 2099 00:00:00 GMT"),
    ] {
        let fake = Fake::start(move |_, _| {
            Answer::Full(status, format!("Retry-After: {after}\r\n"), Vec::new())
        });
        let output = read_at(&fake.address(), &[("GITOPS_FN_TIMEOUT", "45s")]);
        assert_transient(output, &[]);
        assert_eq!(fake.requests().len(), 1, "{after}");
    }
}

#[test]
fn a_limit_that_has_ended_already_is_not_waited_for() {
    // two waits of our own, of 1.5 s together at most
    let fake = Fake::start(limited(2, "Sun, 06 Nov 1994 08:49:37 GMT"));
    let output = read_at(&fake.address(), &[("GITOPS_FN_TIMEOUT", "5s")]);
    assert_values(&output.success(), &["v"]);
    assert_eq!(fake.requests().len(), 3);
}

#[test]
fn a_token_that_outlives_every_clock() {
    for lease in ["18446744073709551615", "99999999999999999999999"] {
        let login = format!(
            r#"{{"auth": {{"client_token": "t-made", "lease_duration": {lease}, "token_type": "service"}}}}"#
        );
        let fake = Fake::start(move |request, _| match request.target.as_str() {
            "/v1/auth/approle/login" => {
                Answer::Full(200, String::new(), login.clone().into_bytes())
            }
            "/v1/auth/token/revoke-self" => Answer::Full(204, String::new(), Vec::new()),
            _ => Answer::secret("v"),
        });
        let mut command = render_at(&fake.address());
        command
            .env("VAULT_ROLE_ID", "r")
            .env("VAULT_SECRET_ID", "s");
        let output = run(&mut command, manifest(&[WANT])).success();
        assert_values(&output, &["v"]);
        assert_eq!(fake.requests().len(), 3);
    }
}

#[test]
fn a_sealed_server() {
    let fake = Fake::start(|_, _| Answer::error(503, "Vault is sealed"));
    assert_transient(read(&fake), &["sealed"]);
    assert!(fake.requests().len() > 1, "not tried again");
}

/// What one read has found out is not found out again by each of the others.
#[test]
fn a_server_that_answers_nobody_is_asked_no_more() {
    let paths: Vec<_> = (0..40)
        .map(|index| format!("<path:m{index}/data/a#k>"))
        .collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    // reads under way at once, and how often one is tried
    let most = [(503, "", 8 * 5), (429, "Retry-After: 3600\r\n", 8)];
    for (status, headers, most) in most {
        let fake =
            Fake::start(move |_, _| Answer::Full(status, headers.to_owned(), b"{}".to_vec()));
        let output = run(
            render_at(&fake.address())
                .env("VAULT_TOKEN", "t-faults")
                .env("GITOPS_FN_TIMEOUT", "60s"),
            manifest(&paths),
        );
        assert_transient(output, &[]);
        let asked = fake.requests().len();
        assert!(asked <= most, "{status}: {asked}");
    }
}

/// The mounts are asked for one after the other.
#[test]
fn a_refused_connection_is_told_as_such_however_many_reads_there_are() {
    let paths: Vec<_> = (0..40)
        .map(|index| format!("<path:m{index}/a#k>"))
        .collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let output = run(
        render_at(&format!("http://127.0.0.1:{}", free_port()))
            .env("VAULT_TOKEN", "t-faults")
            .env("GITOPS_FN_TIMEOUT", "20s"),
        manifest(&paths),
    );
    assert_transient(output, &["refused"]);
}

#[test]
fn a_server_error_twice_and_then_right() {
    for status in [500, 502, 504, 412, 503] {
        let fake = Fake::start(move |_, before| {
            if before < 2 {
                Answer::error(status, "internal error")
            } else {
                Answer::secret("v")
            }
        });
        let output = read_at(&fake.address(), &[("GITOPS_FN_TIMEOUT", "5s")]);
        assert_values(&output.success(), &["v"]);
        assert_eq!(fake.requests().len(), 3, "{status}");
    }
}

#[test]
fn a_server_error_for_ever() {
    let fake = Fake::start(|_, _| Answer::error(500, "internal error"));
    assert_transient(read(&fake), &["500"]);
}

fn redirect(location: String) -> impl Fn(&Request, usize) -> Answer {
    move |_, _| Answer::Full(307, format!("Location: {location}\r\n"), Vec::new())
}

#[test]
fn a_redirect_to_a_listed_host_is_followed_with_the_token() {
    let active = Fake::start(|_, _| Answer::secret("v"));
    let standby = Fake::start(redirect(format!("{}/v1/kv/data/a", active.address())));
    for hosts in [
        active.host().to_owned(),
        format!("other.example, {}", active.host()),
    ] {
        let output = read_at(&standby.address(), &[("VAULT_REDIRECT_HOSTS", &hosts)]);
        assert_values(&output.success(), &["v"]);
    }
    for request in active.requests() {
        assert_eq!(request.header("x-vault-token"), Some("t-faults"));
        assert_eq!(request.header("x-vault-request"), Some("true"));
    }
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    let other = Fake::start(|_, _| Answer::secret("v"));
    let name = other.host().replace("127.0.0.1", "localhost");
    for (location, host, hosts) in [
        (other.address(), "127.0.0.1", ""),
        (format!("http://{name}"), "localhost", "vault.example"),
        // user and host do not change places
        (
            format!("http://vault.example@{}", other.host()),
            "127.0.0.1",
            "vault.example",
        ),
        (format!("//{name}"), "localhost", ""),
    ] {
        let standby = Fake::start(redirect(format!("{location}/v1/kv/data/a")));
        let output = read_at(&standby.address(), &[("VAULT_REDIRECT_HOSTS", hosts)]);
        assert_transient(output, &[host, "VAULT_REDIRECT_HOSTS"]);
    }
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn redirects_end() {
    let first = Fake::start(|request, _| {
        let host = request.header("host").unwrap_or_default();
        Answer::Full(
            307,
            format!("Location: http://{host}/v1/kv/data/a\r\n"),
            Vec::new(),
        )
    });
    assert_transient(read(&first), &["redirect", "it is the second one"]);
    assert_eq!(first.requests().len(), 2);
}

#[test]
fn a_body_without_end_is_not_read() {
    const LONG: usize = 100 << 20;
    for answer in [
        (|| Answer::Long(head(LONG), LONG)) as fn() -> Answer,
        || Answer::Long(b"HTTP/1.1 200 OK\r\n\r\n{\"data\":\"".to_vec(), LONG),
        || Answer::Long(chunked(b"6400000\r\n"), LONG),
    ] {
        let fake = Fake::start(move |_, _| answer());
        let output = read(&fake).code(1);
        assert_says(&output, &["GITOPS_FN_MAX_BODY"]);
        assert!(!output.stderr.contains("aaaa"), "{}", output.stderr);
    }
}

#[test]
fn the_longest_body_is_the_operators_choice() {
    let fake = Fake::start(|_, _| Answer::secret(&"a".repeat(5000)));
    read_at(&fake.address(), &[("GITOPS_FN_MAX_BODY", "5000")]).code(1);
    read_at(&fake.address(), &[("GITOPS_FN_MAX_BODY", "6000")]).success();
}

#[test]
fn what_is_no_json() {
    for body in [
        "<html>proxy-secret</html>",
        "",
        "{\"data\": {\"data\": {\"k\": \"proxy-secret\"",
        "\u{feff}{}",
        "{}",
        "[1]",
        "\"proxy-secret\"",
        "null",
    ] {
        let fake = Fake::start(move |_, _| Answer::Full(200, String::new(), body.into()));
        let output = read(&fake);
        assert!(!output.stderr.contains("proxy-secret"), "{}", output.stderr);
        assert_transient(output, &["is not Vault's JSON"]);
    }
}

#[test]
fn json_with_a_key_twice() {
    let answer = |text: String| {
        let fake =
            Fake::start(move |_, _| Answer::Full(200, String::new(), text.clone().into_bytes()));
        read(&fake)
    };
    let whole = secret("one").to_string();
    // of the secret's own keys the last one counts, as for Vault's own client
    let output = answer(whole.replace(r#"{"k":"one"}"#, r#"{"k":"one","k":"two"}"#));
    assert_values(&output.success(), &["two"]);
    // in what is Vault's own there is none twice
    let output = answer(whole.replacen('{', "{\"data\":{},", 1));
    assert_transient(output, &["is not Vault's JSON"]);
    let output = answer(whole.replace(r#"{"k":"one"}"#, r#"{"k":"one"},"data":{"k":"two"}"#));
    assert!(!output.stderr.contains("two"), "{}", output.stderr);
    assert_transient(output, &["is not Vault's JSON"]);
}

#[test]
fn json_that_no_secret_is_made_of() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (value, says) in [
        (&*deep, "nested more than 512 levels deep"),
        ("1e400", "a number in it is out of range"),
    ] {
        let text = secret("@").to_string().replace("\"@\"", value);
        let fake =
            Fake::start(move |_, _| Answer::Full(200, String::new(), text.clone().into_bytes()));
        let output = read(&fake).code(1);
        assert_once(&output);
        assert_says(&output, &[WANT, "kv/data/a", says]);
        // where in the secret would tell how long the values before are
        assert!(!output.stderr.contains("byte"), "{}", output.stderr);
        assert_eq!(fake.requests().len(), 1);
    }
}

#[test]
fn an_answer_without_content() {
    let fake = Fake::start(|_, _| Answer::Full(204, String::new(), Vec::new()));
    let output = read(&fake).code(1);
    assert_once(&output);
    assert_says(&output, &[WANT, "the server answered 204 for kv/data/a"]);
    assert_eq!(fake.requests().len(), 1);
}

#[test]
fn an_answer_with_a_lease() {
    let mut answer = secret("made-now");
    answer["lease_id"] = "database/creds/r/1".into();
    let fake = Fake::start(move |_, _| Answer::json(200, &answer));
    let output = read(&fake).code(1);
    assert_says(&output, &["lease"]);
    assert!(!output.stderr.contains("made-now"), "{}", output.stderr);
}

#[test]
fn garbage_instead_of_chunks_and_headers() {
    for bytes in [
        chunked(b"zz\r\n{}\r\n0\r\n\r\n"),
        chunked(b"ffffffffffffffffff\r\n{}"),
        chunked(b"5\r\n{}"),
        b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_vec(),
    ] {
        let fake = Fake::start(move |_, _| Answer::Bytes(bytes.clone()));
        assert_transient(read(&fake), &["the connection to", "broke"]);
    }
}

#[test]
fn eight_connections_and_no_more() {
    let fake = Fake::start(|request, _| {
        thread::sleep(Duration::from_millis(30));
        Answer::secret(&request.target)
    });
    let placeholders: Vec<_> = (0..60)
        .map(|index| format!("<path:kv/data/s{index}#k>"))
        .collect();
    let placeholders: Vec<_> = placeholders.iter().map(String::as_str).collect();
    let output = run(
        render_at(&fake.address()).env("VAULT_TOKEN", "t"),
        manifest(&placeholders),
    )
    .success();
    let values: Vec<_> = (0..60)
        .map(|index| format!("/v1/kv/data/s{index}"))
        .collect();
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    assert_values(&output, &values);
    assert_eq!(fake.requests().len(), 60);
    let most = fake.most_at_once();
    assert!((2..=8).contains(&most), "{most} at once");
}

#[test]
fn all_failures_of_a_run_are_told() {
    let fake = Fake::start(|request, _| match request.target.as_str() {
        "/v1/kv/data/a" => Answer::secret("v"),
        "/v1/kv/data/b" => Answer::error(403, "1 error occurred:\n\t* permission denied\n\n"),
        _ => Answer::json(404, &serde_json::json!({"errors": []})),
    });
    let mut wanted = String::new();
    for name in ["a", "b", "c", "d"] {
        let _ = writeln!(wanted, "  {name}: <path:kv/data/{name}#k>");
    }
    let text =
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: web}}\nstringData:\n{wanted}");
    let output = run(render_at(&fake.address()).env("VAULT_TOKEN", "t"), text).code(1);
    assert_says(
        &output,
        &["3 problems", "kv/data/b", "kv/data/c", "kv/data/d"],
    );
}
