//! The real Vault: started on loopback, set up through its API, and gone when the value is dropped.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{clean, temp_dir, tool};

/// The token of an administrator.
pub(crate) const ROOT: &str = "root";

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server. `kv` is KV v2; `kv1` and `secret` are KV v1; `team/kv` is KV v2, `team/old` v1.
pub(crate) struct Server {
    tool: PathBuf,
    folder: TempDir,
    port: u16,
    tls_port: Option<u16>,
    mutual_port: Option<u16>,
    child: Mutex<Option<Child>>,
    /// Of a server with files: the token and the key that it gave when it was made.
    root: String,
    key: Option<String>,
}

/// Who we are to a server: the settings of a login.
#[derive(Clone)]
pub(crate) struct Identity(pub(crate) Vec<(&'static str, String)>);

impl Identity {
    /// Sets the environment of `command`.
    pub(crate) fn on<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.envs(self.0.iter().map(|(name, value)| (name, value)))
    }

    /// The value of one setting.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| value.as_str()).unwrap()
    }
}

impl Server {
    /// A server in memory; `None` after a skip.
    #[track_caller]
    pub(crate) fn start() -> Option<Self> {
        Self::new(false, false)
    }

    /// The same with listeners for https: one for all, and one for those who have a certificate.
    #[track_caller]
    pub(crate) fn start_tls() -> Option<Self> {
        Self::new(true, false)
    }

    /// A server that keeps what it has in files, and so can be restarted.
    #[track_caller]
    pub(crate) fn start_with_files() -> Option<Self> {
        Self::new(false, true)
    }

    #[track_caller]
    fn new(tls: bool, files: bool) -> Option<Self> {
        let mut server = Self {
            tool: tool("vault")?,
            folder: temp_dir(),
            port: free_port(),
            tls_port: tls.then(free_port),
            mutual_port: tls.then(free_port),
            child: Mutex::new(None),
            root: ROOT.to_owned(),
            key: None,
        };
        server.write_config(files);
        server.run(files);
        if files {
            let made = server.request(
                "PUT",
                "sys/init",
                &[],
                &json!({"secret_shares": 1, "secret_threshold": 1}),
            );
            text(&made.1["root_token"]).clone_into(&mut server.root);
            server.key = Some(text(&made.1["keys_base64"][0]).to_owned());
            server.unseal();
            server.put(
                "sys/mounts/secret",
                &json!({"type": "kv", "options": {"version": "1"}}),
            );
        }
        server.prepare();
        Some(server)
    }

    fn write_config(&self, files: bool) {
        let plain = format!(
            "listener \"tcp\" {{\n  address = \"127.0.0.1:{}\"\n  tls_disable = true\n}}\n",
            self.port
        );
        let storage = format!(
            "storage \"file\" {{\n  path = \"{}\"\n}}\ndisable_mlock = true\n",
            self.path("storage").display()
        );
        let mut text = if files { plain + &storage } else { plain };
        if let Some(port) = self.mutual_port {
            let _ = write!(
                text,
                "listener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  tls_cert_file = \"{0}/vault-cert.pem\"\n  tls_key_file = \"{0}/vault-key.pem\"\n  \
                 tls_client_ca_file = \"{0}/vault-ca.pem\"\n  tls_require_and_verify_client_cert = true\n}}\n",
                self.path("tls").display()
            );
        }
        fs::write(self.path("config.hcl"), text).unwrap();
        fs::create_dir_all(self.path("tls")).unwrap();
    }

    /// Starts the process, and waits until it answers.
    fn run(&self, files: bool) {
        let mut vault = vec![
            "server".to_owned(),
            format!("-config={}", self.path("config.hcl").display()),
        ];
        if !files {
            // the address of the dev listener; the one that we use is in the configuration
            let port = self.tls_port.unwrap_or_else(free_port);
            vault.extend([
                "-dev".to_owned(),
                "-dev-kv-v1".to_owned(),
                "-dev-no-store-token".to_owned(),
                format!("-dev-root-token-id={ROOT}"),
                format!("-dev-listen-address=127.0.0.1:{port}"),
            ]);
        }
        if self.tls_port.is_some() {
            vault.push("-dev-tls".to_owned());
            vault.push(format!("-dev-tls-cert-dir={}", self.path("tls").display()));
        }
        let log = fs::File::create(self.path("log")).unwrap();
        // the shell ends the server when our end of the pipe is closed, by a drop or by our own end
        let child = clean("sh")
            .args([
                "-c",
                "\"$@\" </dev/null & cat >/dev/null; kill -9 $!; wait",
                "sh",
            ])
            .arg(&self.tool)
            .args(vault)
            .env("HOME", self.folder.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        *self.child.lock().unwrap() = Some(child);
        let begin = Instant::now();
        while self
            .try_request("GET", "sys/health", &[], &Value::Null)
            .is_none_or(|(status, _)| status == 0)
        {
            let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(
                begin.elapsed() < PATIENCE,
                "vault did not start:\n{}",
                log()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn prepare(&self) {
        let audit = json!({"type": "file", "options": {"file_path": self.path("audit"), "log_raw": "true"}});
        self.put("sys/audit/file", &audit);
        for (mount, version) in [
            ("kv", "2"),
            ("kv1", "1"),
            ("team/kv", "2"),
            ("team/old", "1"),
        ] {
            let body = json!({"type": "kv", "options": {"version": version}});
            self.put(&format!("sys/mounts/{mount}"), &body);
        }
        self.policy("reader", "path \"+/*\" { capabilities = [\"read\"] }");
        // a new KV v2 mount answers 400 until it has written its own settings
        for mount in ["kv", "team/kv"] {
            let begin = Instant::now();
            let path = format!("{mount}/data/ready");
            while self.admin("PUT", &path, &json!({"data": {"k": "v"}})).0 != 200 {
                assert!(begin.elapsed() < PATIENCE, "{mount} is not ready");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    fn unseal(&self) {
        self.request("PUT", "sys/unseal", &[], &json!({"key": self.key}));
        let begin = Instant::now();
        while self.request("GET", "sys/health", &[], &Value::Null).0 != 200 {
            assert!(begin.elapsed() < PATIENCE, "vault did not unseal");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }

    /// Ends the server's process and starts another over the same files.
    pub(crate) fn restart(&self) {
        self.stop();
        self.run(true);
        self.unseal();
    }

    /// Seals the server.
    pub(crate) fn seal(&self) {
        self.put("sys/seal", &Value::Null);
    }

    /// A path in the server's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `host:port` of the plain listener.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What `VAULT_ADDR` names.
    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.host())
    }

    /// The same for https.
    pub(crate) fn tls_address(&self) -> String {
        format!("https://127.0.0.1:{}", self.tls_port.unwrap())
    }

    /// The same for https with a certificate of the client's, which the server's own authority has signed.
    pub(super) fn mutual_address(&self) -> String {
        format!("https://127.0.0.1:{}", self.mutual_port.unwrap())
    }

    /// A `vault` command that asks this server as an administrator.
    pub(crate) fn vault(&self) -> Command {
        let mut command = clean(&self.tool);
        command.env("HOME", self.folder.path());
        command
    }

    // --- the API ----------------------------------------------------------------------------------

    fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Option<(u16, Value)> {
        let mut stream = TcpStream::connect(self.host()).ok()?;
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let headers = headers.concat();
        let request = format!(
            "{method} /v1/{path} HTTP/1.0\r\nHost: vault\r\nX-Vault-Request: true\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    /// A request; the status and the body of its answer.
    #[track_caller]
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Value) {
        self.try_request(method, path, headers, body)
            .unwrap_or_else(|| panic!("{method} {path}: no answer"))
    }

    /// A request of the administrator's.
    #[track_caller]
    pub(crate) fn admin(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.request(method, path, &[("X-Vault-Token", &self.root)], body)
    }

    /// A write, which must succeed; what it answers.
    #[track_caller]
    pub(crate) fn put(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.admin("PUT", path, body);
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// A read, which must succeed.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, answer) = self.admin("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Writes a new version of a KV v2 secret.
    #[track_caller]
    pub(crate) fn secret(&self, mount: &str, path: &str, data: &Value) {
        self.put(&format!("{mount}/data/{path}"), &json!({"data": data}));
    }

    /// Writes a policy.
    #[track_caller]
    pub(crate) fn policy(&self, name: &str, rules: &str) {
        self.put(
            &format!("sys/policies/acl/{name}"),
            &json!({"policy": rules}),
        );
    }

    /// A token of a user's, with this policy.
    #[track_caller]
    pub(crate) fn token(&self, policy: &str) -> String {
        let made = self.put(
            "auth/token/create",
            &json!({"policies": [policy], "ttl": "10m"}),
        );
        text(&made["auth"]["client_token"]).to_owned()
    }

    /// An `AppRole` at `auth/MOUNT`, with these settings of its role `web`.
    #[track_caller]
    pub(crate) fn approle(&self, mount: &str, role: &Value) -> Identity {
        self.put(&format!("sys/auth/{mount}"), &json!({"type": "approle"}));
        self.put(&format!("auth/{mount}/role/web"), role);
        let role_id = self.get(&format!("auth/{mount}/role/web/role-id"));
        let secret_id = self.put(&format!("auth/{mount}/role/web/secret-id"), &json!({}));
        let mut settings = vec![
            (
                "VAULT_ROLE_ID",
                text(&role_id["data"]["role_id"]).to_owned(),
            ),
            (
                "VAULT_SECRET_ID",
                text(&secret_id["data"]["secret_id"]).to_owned(),
            ),
        ];
        if mount != "approle" {
            settings.push(("VAULT_AUTH_MOUNT", mount.to_owned()));
        }
        Identity(settings)
    }

    /// An `AppRole` that may read everything.
    #[track_caller]
    pub(crate) fn reader(&self) -> Identity {
        self.approle("approle", &json!({"token_policies": ["reader"]}))
    }

    // --- what was done ----------------------------------------------------------------------------

    fn audit(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("audit")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Entries of one type that our program's requests led to.
    fn ours(&self, sort: &str) -> Vec<Value> {
        let mut entries = self.audit();
        entries.retain(|entry| {
            let agent = &entry["request"]["headers"]["user-agent"][0];
            entry["type"] == sort
                && agent
                    .as_str()
                    .is_some_and(|agent| agent.starts_with("gitops-fn/"))
        });
        entries
    }

    /// Our program's requests, sorted: `read kv/data/shop/web`.
    pub(crate) fn requests(&self) -> Vec<String> {
        let mut list: Vec<_> = self.ours("request").iter().map(name).collect();
        list.sort();
        list
    }

    /// All requests, whoever made them, as they came.
    pub(super) fn log(&self) -> Vec<String> {
        let audit = self.audit();
        let requests = audit.iter().filter(|entry| entry["type"] == "request");
        requests.map(name).collect()
    }

    /// Checks that the answers to our program made no lease, but for its logins.
    #[track_caller]
    pub(crate) fn assert_no_lease(&self) {
        for entry in self.ours("response") {
            let lease = &entry["response"]["secret"]["lease_id"];
            assert!(lease.as_str().is_none_or(str::is_empty), "{entry}");
        }
    }

    /// The tokens that our program's logins got, and their accessors.
    pub(crate) fn our_tokens(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for entry in self.ours("response") {
            let auth = &entry["response"]["auth"];
            if let Some(token) = auth["client_token"].as_str() {
                found.push((
                    token.to_owned(),
                    auth["accessor"].as_str().unwrap_or_default().to_owned(),
                ));
            }
        }
        found
    }

    /// The secret ids that were unwrapped.
    pub(super) fn unwrapped(&self) -> Vec<String> {
        let entries = self.ours("response").into_iter();
        let ids = entries.filter_map(|entry| {
            let id = &entry["response"]["data"]["secret_id"];
            Some(id.as_str()?.to_owned())
        });
        ids.collect()
    }

    /// The accessors of all live tokens.
    #[track_caller]
    pub(crate) fn accessors(&self) -> BTreeSet<String> {
        let answer = self.admin("LIST", "auth/token/accessors", &Value::Null).1;
        let keys = answer["data"]["keys"].as_array().unwrap();
        keys.iter().map(|key| text(key).to_owned()).collect()
    }

    /// Checks that our program logged in so many times, and that none of its tokens lives.
    /// Waits until no token that we were given is alive.
    pub(super) fn await_expiry(&self) {
        let begin = Instant::now();
        let is_alive = || {
            let accessors = self.accessors();
            let mut ours = self.our_tokens().into_iter();
            ours.any(|(_, accessor)| accessors.contains(&accessor))
        };
        while is_alive() && begin.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub(crate) fn assert_tokens_gone(&self, logins: usize) {
        let ours = self.our_tokens();
        assert_eq!(ours.len(), logins, "logins");
        let live = self.accessors();
        for (_, accessor) in ours {
            assert!(!live.contains(&accessor), "a token of ours lives");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What an entry of the log asks for.
fn name(entry: &Value) -> String {
    let request = &entry["request"];
    let version = request["data"]["version"]
        .as_str()
        .map_or(String::new(), |version| format!("?version={version}"));
    format!(
        "{} {}{version}",
        text(&request["operation"]),
        text(&request["path"])
    )
}

/// The text in a JSON value.
#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// A port on loopback that nobody listens at, and that the system gives to nobody who asks for any port: the
/// other tests, and what they start, open many connections meanwhile. Never the same twice.
pub(crate) fn free_port() -> u16 {
    /// Below what Linux gives away (`ip_local_port_range`).
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // another run of the tests may be under way
        let number = std::process::id() * 97 + NEXT.fetch_add(3, Ordering::Relaxed);
        let port = u16::try_from(FIRST + number % COUNT).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Writes `text` to a new file, and gives its path as a setting.
pub(crate) fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}
