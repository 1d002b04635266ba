//! Where a login and a token are sent, whatever the environment says.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use super::{assert_denied, policy, secret};
use crate::governed::Governed;
use crate::support::{Output, run};
use crate::vault::server::free_port;

/// A server that writes down what it is asked, and knows nothing.
struct Listener {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let notes = Arc::clone(&heard);
        // ends with the test process
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut request = Vec::new();
                let mut part = [0; 4096];
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut part) {
                        Ok(0) | Err(_) => break,
                        Ok(length) => request.extend_from_slice(&part[..length]),
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                notes.lock().unwrap().push(request);
                let _ = stream.write_all(
                    b"HTTP/1.1 404 Not Found\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"errors\":[]}",
                );
            }
        });
        Self { address, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// What a repository can set through `exec.envs`, all of it leading to `evil`.
fn hostile(evil: &str) -> Vec<(&'static str, String)> {
    let address = format!("http://{evil}");
    let mut env: Vec<(&str, String)> = [
        "VAULT_ADDR",
        "BAO_ADDR",
        "VAULT_AGENT_ADDR",
        "ARGOCD_ENV_VAULT_ADDR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "http_proxy",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "VAULT_PROXY_ADDR",
        "VAULT_HTTP_PROXY",
    ]
    .map(|name| (name, address.clone()))
    .into();
    env.extend([
        ("VAULT_TOKEN", "evil-token".to_owned()),
        ("VAULT_NAMESPACE", "evil".to_owned()),
        ("VAULT_REDIRECT_HOSTS", evil.to_owned()),
        ("AVP_KV_VERSION", "1".to_owned()),
        ("ARGOCD_APP_PROJECT_NAME", "billing".to_owned()),
    ]);
    env
}

fn spec(address: &str, more: &str) -> String {
    policy(&format!(
        "
  vault: {{address: 'http://{address}', namespace: own, auth: {more}}}
  mounts: [{{path: kv, version: 2}}, {{path: old, version: 1}}]
  allow:
  - {{name: shared, paths: [kv/shared/ca, old/data/x]}}
  - {{name: own, paths: ['kv/${{ARGOCD_APP_PROJECT_NAME}}/*']}}
"
    ))
}

fn render(machine: &Governed, env: &[(&'static str, String)], path: &str) -> Output {
    let mut command = machine.gitops_fn();
    command
        .args(["render", "-"])
        .envs(env.iter().map(|(name, value)| (name, value)))
        .env("GITOPS_FN_TIMEOUT", "20s");
    run(&mut command, secret(path))
}

#[test]
fn a_hostile_environment_moves_nothing_to_another_server() {
    let (own, evil) = (Listener::start(), Listener::start());
    let text = spec(&own.address, "{method: none}") + "  functionMode: allow\n";
    let Some(machine) = Governed::new(&text) else {
        return;
    };
    let env = hostile(&evil.address);
    let list = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {}\n",
        secret("<path:kv/shared/ca#pem>")
            .trim_end()
            .replace('\n', "\n  ")
    );
    let mut function = machine.gitops_fn();
    function.envs(env.iter().map(|(name, value)| (name, value)));
    let output = run(&mut function, list);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output.stderr.contains("there is no secret"),
        "{}",
        output.stderr
    );
    let output = render(&machine, &env, "<path:kv/data/shared/ca#pem>");
    assert_eq!(output.code, 1, "{}", output.stderr);
    let heard = own.heard();
    assert!(!heard.is_empty());
    for request in heard {
        let request = request.to_lowercase();
        // that it is not there may mean that the policy is wrong about the mount
        let asked = [
            "kv/data/shared/ca",
            "sys/internal/ui/mounts/kv/shared/ca",
            "sys/internal/ui/mounts/kv/data/shared/ca",
        ];
        assert!(
            asked
                .iter()
                .any(|path| request.starts_with(&format!("get /v1/{path} "))),
            "{request}"
        );
        assert!(request.contains("x-vault-namespace: own"), "{request}");
        assert!(!request.contains("evil"), "{request}");
    }
    assert_eq!(evil.heard(), [""; 0]);
}

#[test]
fn a_token_of_the_operators_goes_to_the_policys_server_alone() {
    let (own, evil) = (Listener::start(), Listener::start());
    let Some(machine) = Governed::new(&spec(&own.address, "{method: token}")) else {
        return;
    };
    let output = render(&machine, &hostile(&evil.address), "<path:kv/billing/x#pem>");
    assert!(
        output.stderr.contains("there is no secret"),
        "{}",
        output.stderr
    );
    assert!(own.heard()[0].contains("evil-token"), "{:?}", own.heard());
    assert_eq!(evil.heard(), [""; 0]);
}

#[test]
fn a_denial_asks_the_server_nothing() {
    let own = Listener::start();
    let Some(machine) = Governed::new(&spec(&own.address, "{method: token}")) else {
        return;
    };
    let env = [("VAULT_TOKEN", "t".to_owned())];
    for path in [
        "<path:kv/a#b>",
        "<path:old/shared/ca#b>",
        "<path:auth/token/lookup-self#id>",
    ] {
        assert_denied(&render(&machine, &env, path), "no rule of the policy");
    }
    assert_eq!(own.heard(), [""; 0]);
}

#[test]
fn what_is_judged_is_what_is_read_of_a_version_1_mount() {
    let own = Listener::start();
    let Some(machine) = Governed::new(&spec(&own.address, "{method: none}")) else {
        return;
    };
    let output = render(&machine, &[], "<path:old/data/x#k>");
    assert!(
        output.stderr.contains("there is no secret"),
        "{}",
        output.stderr
    );
    let asked = |path: &str| {
        let request = format!("GET /v1/{path} ");
        own.heard().iter().any(|heard| heard.starts_with(&request))
    };
    assert!(asked("old/data/x"), "{:?}", own.heard());
    assert!(!asked("old/x"), "{:?}", own.heard());
    let heard = own.heard().len();
    assert_denied(
        &render(&machine, &[], "<path:old/x#k>"),
        "no rule of the policy",
    );
    assert_eq!(own.heard().len(), heard);
}

#[test]
fn failures_name_the_fields_of_the_policy() {
    let closed = format!("127.0.0.1:{}", free_port());
    for (address, says) in [
        (closed, "help: check spec.vault.address, and that"),
        (
            "vault.invalid".to_owned(),
            "help: check the host in spec.vault.address, and",
        ),
    ] {
        let Some(machine) = Governed::new(&spec(&address, "{method: none}")) else {
            return;
        };
        let mut command = machine.gitops_fn();
        command.args(["render", "-"]).env("GITOPS_FN_TIMEOUT", "3s");
        let output = run(&mut command, secret("<path:kv/shared/ca#pem>")).code(3);
        assert!(output.stderr.contains(says), "{}", output.stderr);
        assert!(!output.stderr.contains("VAULT_"), "{}", output.stderr);
    }
}
