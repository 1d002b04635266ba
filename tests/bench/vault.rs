//! With a real Vault: argocd-vault-plugin and we read the same secrets from the same server, by turns.
//!
//! Beside both, a plain client says how long the server itself takes: one connection, one request
//! after the other, nothing parsed.

mod plain;
#[path = "../it/vault/server.rs"]
#[allow(dead_code, reason = "made for the tests")]
mod server;
mod slow;

use std::fmt::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use gitops_fn::resolve::SecretStore as _;
use gitops_fn::secret::SecretRef;
use gitops_fn::secret::wants::Keys;
use gitops_fn::settings::Settings;
use gitops_fn::store::vault::VaultStore;
use serde_json::{Map, json};

use self::plain::Plain;
use self::server::{Identity, Server};
use crate::measure::{Cost, Job, median, middle};
use crate::{Bench, Target, both, check, count, ratio_row, row, show, tool};

/// Rounds of the short runs.
const MANY: usize = 31;

/// Who asks, in the words of both programs.
pub(crate) type Env = Vec<(&'static str, String)>;

/// A server with all that the rows want, and who may read it.
pub(crate) struct Vault {
    server: Server,
    token: Env,
    approle: Env,
    role: [String; 2],
}

/// Rows of a group.
pub(crate) type Rows = fn(&Vault, &Bench);

/// Runs rows with a server of their own.
pub(crate) fn with(bench: &Bench, rows: Rows) {
    match Vault::start() {
        Some(vault) => rows(&vault, bench),
        None => row("with a Vault", "", "there is none", Some(false)),
    }
}

impl Vault {
    /// `None` where there is no program for it.
    pub(crate) fn start() -> Option<Self> {
        let server = Server::start_tls()?;
        let keys: Map<_, _> = (0..100)
            .map(|key| (format!("k{key}"), json!("v")))
            .collect();
        for path in 0..10 {
            server.secret("kv", &format!("shop/p{path}"), &json!(keys));
        }
        for path in 0..1000 {
            server.secret("kv", &format!("each/s{path}"), &json!({"k": "v"}));
        }
        let Identity(made) = server.reader();
        let [role_id, secret_id] = [&made[0].1, &made[1].1].map(String::clone);
        let with = |login: &[(&'static str, &str)]| {
            let login = login
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()));
            let mut env: Env = vec![
                ("AVP_TYPE", "vault".to_owned()),
                // AVP would keep its token in a file there, and use it in the next run
                ("HOME", "/dev/null".to_owned()),
                (
                    "VAULT_CACERT",
                    server.path("tls/vault-ca.pem").display().to_string(),
                ),
            ];
            env.extend(login);
            env
        };
        Some(Self {
            token: with(&[
                ("AVP_AUTH_TYPE", "token"),
                ("VAULT_TOKEN", &server.token("reader")),
            ]),
            approle: with(&[
                ("AVP_AUTH_TYPE", "approle"),
                ("AVP_ROLE_ID", &role_id),
                ("AVP_SECRET_ID", &secret_id),
            ]),
            role: [role_id, secret_id],
            server,
        })
    }

    /// An `AppRole` of this server, over http.
    pub(crate) fn approle(&self) -> Env {
        let mut env = self.approle.clone();
        env.push(("VAULT_ADDR", self.server.address()));
        env
    }

    /// Both programs, AVP first, for the same input, login and address.
    fn pair(bench: &Bench, text: &str, who: &Env, address: &str) -> (Result<Job, String>, Job) {
        let file = bench.file("vault.yaml", text);
        let mut env = who.clone();
        env.push(("VAULT_ADDR", address.to_owned()));
        let mut ours = bench.ours(&file, &["render", "-"]);
        ours.env.clone_from(&env);
        check(&ours, |output| count(output, "<path:") == 0);
        let avp = tool("argocd-vault-plugin").map(|program| Job {
            program,
            args: vec!["generate".into(), "-".into()],
            stdin: file,
            folder: bench.folder.into(),
            env,
        });
        if let Ok(avp) = &avp {
            check(avp, |output| count(output, "<path:") == 0);
        }
        (avp, ours)
    }

    /// One Secret with one placeholder.
    pub(crate) fn one_secret(&self, bench: &Bench) {
        let text = secret(&["<path:kv/data/shop/p0#k0>".to_owned()]);
        for (scheme, address, most) in [
            ("http", self.server.address(), 5.0),
            ("https", self.server.tls_address(), 12.0),
        ] {
            for (name, who) in [("token", &self.token), ("AppRole", &self.approle)] {
                let name = format!("one Secret, {scheme}, {name}");
                let (avp, ours) = Self::pair(bench, &text, who, &address);
                let mut plain = self.plain(&address);
                let mut server = Vec::new();
                let [avp, ours] = by_turns(&avp, &ours, MANY, || {
                    server.push(plain.sum(|plain| self.ask_one(plain, name.ends_with("AppRole"))));
                });
                both(
                    &format!("{name}: AVP / ours"),
                    Target::AtLeast(5.0),
                    avp.clone(),
                    &ours,
                );
                memory(&name, &avp, &ours);
                on_top(&name, most, &ours, median(server));
            }
        }
    }

    fn plain(&self, address: &str) -> Plain {
        Plain::connect(address, &self.server.path("tls/vault-ca.pem"))
    }

    /// What our program asks for one secret.
    fn ask_one(&self, plain: &mut Plain, approle: bool) {
        const PATH: &str = "kv/data/shop/p0";
        if !approle {
            plain.ask("GET", PATH, &self.token_text(), "");
            return;
        }
        let [role_id, secret_id] = &self.role;
        let login = json!({"role_id": role_id, "secret_id": secret_id}).to_string();
        let answer = plain.ask("POST", "auth/approle/login", "", &login);
        let token = answer.split("\"client_token\":\"").nth(1).unwrap();
        let token = token.split('"').next().unwrap();
        plain.ask("GET", PATH, token, "");
        plain.ask("POST", "auth/token/revoke-self", token, "");
    }

    fn token_text(&self) -> String {
        let found = self.token.iter().find(|(name, _)| *name == "VAULT_TOKEN");
        found.unwrap().1.clone()
    }

    /// 1,000 placeholders in 10 paths.
    pub(crate) fn many_placeholders(&self, bench: &Bench) {
        let wanted: Vec<_> = (0..1000)
            .map(|index| format!("<path:kv/data/shop/p{}#k{}>", index / 100, index % 100))
            .collect();
        let text = secret(&wanted);
        let address = self.server.address();
        for (login, who) in [("token", &self.token), ("AppRole", &self.approle)] {
            let name = format!("1,000 placeholders in 10 paths, {login}");
            let (avp, ours) = Self::pair(bench, &text, who, &address);
            if login == "AppRole" {
                self.requests(&name, &avp, &ours);
            }
            let [avp, ours] = by_turns(&avp, &ours, 20, || ());
            let row = format!("{name}: AVP / ours");
            both(&row, Target::AtLeast(100.0), avp.clone(), &ours);
            memory(&name, &avp, &ours);
        }
    }

    /// How many requests the server got, in its own log.
    fn requests(&self, name: &str, avp: &Result<Job, String>, ours: &Job) {
        let counted = |job: &Job| {
            let before = self.server.log().len();
            job.run().map(|_| self.server.log().len() - before)
        };
        let name = format!("{name}: requests");
        match (
            avp.as_ref().map_err(Clone::clone).and_then(counted),
            counted(ours),
        ) {
            (Ok(theirs), Ok(ours)) => {
                row(
                    &name,
                    "12",
                    &format!("{ours} (AVP {theirs})"),
                    Some(ours == 12),
                );
            }
            (Err(error), _) | (_, Err(error)) => row(&name, "12", &error, Some(false)),
        }
    }

    /// 1,000 paths, with a server that takes its time.
    pub(crate) fn many_paths(&self, bench: &Bench) {
        let wanted: Vec<_> = (0..1000)
            .map(|index| format!("<path:kv/data/each/s{index}#k>"))
            .collect();
        let text = secret(&wanted);
        for (millis, least, rounds) in [(0, Some(1.8), 5), (5, Some(6.0), 3), (50, None, 1)] {
            let address = match millis {
                0 => self.server.address(),
                _ => slow::start(self.server.host(), Duration::from_millis(millis)),
            };
            let (avp, ours) = Self::pair(bench, &text, &self.token, &address);
            let mut plain = self.plain(&address);
            let token = self.token_text();
            let (mut one_by_one, mut bare) = (Vec::new(), Vec::new());
            let [avp, ours] = by_turns(&avp, &ours, rounds, || {
                bare.push(plain.sum(|plain| {
                    for index in 0..1000 {
                        plain.ask("GET", &format!("kv/data/each/s{index}"), &token, "");
                    }
                }));
                // last: the connection of the loop would be idle for too long
                one_by_one.push(self.one_by_one(&address));
            });
            let name = format!("1,000 paths, {millis} ms");
            let cost = |times| Cost {
                wall: median(times),
                peak_bytes: 0,
                own: Duration::ZERO,
            };
            both(
                &format!("{name}: our reads one by one / ours"),
                least.map_or(Target::None, Target::AtLeast),
                Ok(cost(one_by_one)),
                &ours,
            );
            both(
                &format!("{name}: a bare loop of requests / ours"),
                Target::None,
                Ok(cost(bare)),
                &ours,
            );
            both(
                &format!("{name}: AVP / ours"),
                Target::None,
                avp.clone(),
                &ours,
            );
            memory(&name, &avp, &ours);
        }
    }

    /// How long our own store takes for the 1,000 paths, each read when the one before has ended: no
    /// process to start, nothing to parse, edit or write.
    fn one_by_one(&self, address: &str) -> Duration {
        let mut env = self.token.clone();
        env.push(("VAULT_ADDR", address.to_owned()));
        env.push(("GITOPS_FN_TIMEOUT", "300s".to_owned()));
        let env = env
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let settings = Settings::from_vars(env).unwrap();
        let store = VaultStore::new(settings.vault, None, Instant::now());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let begin = Instant::now();
        runtime.block_on(async {
            for index in 0..1000 {
                let want = SecretRef {
                    path: format!("kv/data/each/s{index}"),
                    version: 0,
                    kv: None,
                };
                store.read(&want, &Keys::All).await.unwrap();
            }
            store.close().await;
        });
        begin.elapsed()
    }

    /// 50 processes at once.
    pub(crate) fn many_processes(&self, bench: &Bench) {
        let wanted: Vec<_> = (0..20)
            .map(|index| format!("<path:kv/data/each/s{index}#k>"))
            .collect();
        let (_, ours) = Self::pair(
            bench,
            &secret(&wanted),
            &self.approle,
            &self.server.address(),
        );
        let right = ours.command().output().unwrap().stdout;
        let begin = Instant::now();
        let children: Vec<_> = (0..50)
            .map(|_| {
                let mut command = ours.command();
                command
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let mut wrong = 0;
        for child in children {
            let output = child.wait_with_output().unwrap();
            if !output.status.success() || output.stdout != right {
                wrong += 1;
                println!("! {}", String::from_utf8_lossy(&output.stderr).trim());
            }
        }
        let measured = format!("{}, {wrong} wrong", show(begin.elapsed()));
        row(
            "50 processes at once, 20 paths each",
            "0 wrong",
            &measured,
            Some(wrong == 0),
        );
    }
}

/// A Secret with an entry for each placeholder.
fn secret(placeholders: &[String]) -> String {
    let mut text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: web\nstringData:\n".to_owned();
    for (index, placeholder) in placeholders.iter().enumerate() {
        let _ = writeln!(text, "  k{index}: {placeholder}");
    }
    text
}

/// AVP, we and a third thing by turns, so that a busy moment hits all.
pub(crate) fn by_turns(
    avp: &Result<Job, String>,
    ours: &Job,
    rounds: usize,
    mut third: impl FnMut(),
) -> [Result<Cost, String>; 2] {
    let mut costs = [Vec::new(), Vec::new()];
    let run = |program: usize| match program {
        0 => avp.as_ref().map_err(Clone::clone).and_then(Job::run),
        _ => ours.run(),
    };
    for round in 0..rounds {
        third();
        // A B B A: each as often behind the other, which leaves the server with work, as behind itself
        for program in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            costs[program].push(run(program));
        }
    }
    costs.map(|costs| Ok(middle(&costs.into_iter().collect::<Result<Vec<_>, _>>()?)))
}

/// Our peak memory as a part of AVP's.
fn memory(name: &str, avp: &Result<Cost, String>, ours: &Result<Cost, String>) {
    if let (Ok(avp), Ok(ours)) = (avp, ours) {
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        let ratio = avp.peak_bytes as f64 / ours.peak_bytes as f64;
        let peaks = format!(
            " = {} / {} MB",
            avp.peak_bytes / 1_000_000,
            ours.peak_bytes / 1_000_000
        );
        ratio_row(
            &format!("{name}: peak memory"),
            Target::AtLeast(5.0),
            ratio,
            &peaks,
        );
    }
}

/// What we take beside the server.
fn on_top(name: &str, most: f64, ours: &Result<Cost, String>, server: Duration) {
    let name = format!("{name}: on top of the server");
    let target = format!("<= {most} ms");
    match ours {
        Ok(ours) => {
            let rest = ours.wall.saturating_sub(server);
            let measured = format!("{} = {} - {}", show(rest), show(ours.wall), show(server));
            row(
                &name,
                &target,
                &measured,
                Some(rest.as_secs_f64() * 1e3 <= most),
            );
        }
        Err(error) => row(&name, &target, error, Some(false)),
    }
}
