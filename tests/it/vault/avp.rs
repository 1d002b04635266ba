//! The fixtures of the real argocd-vault-plugin, through it and through us, with the same Vault.
//!
//! They are read where Go keeps the plugin's source, and nothing of them is copied.

mod seeded;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;
use serde_yaml::Value;

use super::server::{Identity, Server};
use crate::golden::objects;
use crate::support::{Output, clean, gitops_fn, root, run, skip, tool};

/// A difference that is meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    file: String,
    #[serde(default)]
    error: Vec<String>,
    #[serde(default)]
    objects: BTreeSet<String>,
    reason: String,
}

/// The folder with the plugin's fixtures; `None` after a skip.
#[track_caller]
fn fixtures() -> Option<PathBuf> {
    let module = "github.com/argoproj-labs/argocd-vault-plugin";
    let folder = root().join("tests/tools/argocd-vault-plugin");
    let go = |arguments: &[&str]| {
        let output = clean("go")
            .args(arguments)
            .current_dir(&folder)
            .env("GOWORK", "off")
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let found = go(&["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module])
        .filter(|path| !path.is_empty());
    // a plugin that was built elsewhere leaves no source here
    let found = found.or_else(|| {
        go(&["mod", "download", module])?;
        go(&["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module])
    });
    if found.is_none() {
        skip("no Go to find the plugin's fixtures with");
    }
    Some(Path::new(&found?).join("fixtures/input/nonempty"))
}

/// The content of `CreateTestAppRoleVault` (`pkg/helpers/test_helpers.go`).
fn fill(server: &Server) {
    let v1 = [
        (
            "testing",
            json!({
                "name": "test-name", "namespace": "test-namespace", "version": "1.0", "replicas": "2", "tag": "1.0",
                "secret-var-value": "dGVzdC1wYXNzd29yZA==", "secret-var-value2": "dGVzdC1wYXNzd29yZDI=",
                "secret-num": "MQ==", "secret-var-clear": "test-password"
            }),
        ),
        ("foo", json!({"secret": "bar"})),
        (
            "json",
            json!({"data": {
                "service": {"enableTLS": true, "ports": [80, 8080]},
                "deployment": {"replicas": 2, "image": {"name": "json-test", "tag": "latest"}}
            }}),
        ),
        (
            "jsonstring",
            json!({"secret": r#"{"credentials":{"user":"test-user","pass":"test-password"}}"#}),
        ),
        ("bad_test", json!({"hello": "world"})),
        (
            "base64",
            json!({
                "encoded_secret": "ewogICJrZXkxIjogInNlY3JldDEiLAogICJrZXkyIjogInNlY3JldDIiLAogICJrZXkzIjogInNlY3JldDMiCn0K"
            }),
        ),
        (
            "yaml",
            json!({"secret": "---\nkey1: secret1\nkey2: secret2\nkey3: secret3"}),
        ),
    ];
    for (path, data) in v1 {
        server.put(&format!("secret/{path}"), &data);
    }
    server.secret("kv", "testing", &json!({
        "name": "test-kv-name", "namespace": "test-kv-namespace", "version": "1.2", "replicas": "3", "tag": "1.1",
        "target-port": 80
    }));
    server.secret("kv", "test", &json!({"hello": "world"}));
    for version in ["version1", "version2"] {
        server.secret("kv", "versioned", &json!({"secret": version}));
    }
}

/// AVP's own settings, which both programs understand.
fn settings(identity: &Identity, server: &Server) -> Vec<(&'static str, String)> {
    vec![
        ("AVP_TYPE", "vault".to_owned()),
        ("AVP_AUTH_TYPE", "approle".to_owned()),
        ("AVP_ROLE_ID", identity.get("VAULT_ROLE_ID").to_owned()),
        ("AVP_SECRET_ID", identity.get("VAULT_SECRET_ID").to_owned()),
        ("VAULT_ADDR", server.address()),
    ]
}

#[test]
fn the_plugins_own_fixtures_give_the_same_objects() {
    let (Some(server), Some(plugin), Some(folder)) =
        (Server::start(), tool("argocd-vault-plugin"), fixtures())
    else {
        return;
    };
    fill(&server);
    let settings = settings(&server.reader(), &server);
    let data = fs::read_to_string(root().join("tests/golden/units/avp-fixtures.yaml")).unwrap();
    let listed: Vec<Difference> = serde_yaml::from_str(&data).unwrap();
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 14, "{files:?}");
    let mut problems = String::new();
    let mut totals = Counts::default();
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy();
        let begin = server.log().len();
        let theirs = run(
            clean(&plugin)
                .arg("generate")
                .arg(file)
                // it would keep its token there, and use it for the next file
                .env("HOME", "/dev/null")
                .envs(settings.clone()),
            "",
        );
        let middle = server.log().len();
        let ours = run(
            gitops_fn().arg("render").arg(file).envs(settings.clone()),
            "",
        );
        let difference = listed.iter().find(|difference| *difference.file == *name);
        if let Err(problem) = compare(difference, &ours, &theirs) {
            let _ = writeln!(problems, "=== {name}\n{problem}");
        }
        if ours.code == 0 && theirs.code == 0 {
            let log = server.log();
            totals.add(&log[begin..middle], &log[middle..]);
        }
    }
    assert!(problems.is_empty(), "{problems}");
    let names: Vec<_> = files
        .iter()
        .map(|file| file.file_name().unwrap().to_string_lossy())
        .collect();
    for difference in &listed {
        assert!(
            names.iter().any(|name| *name == difference.file),
            "no fixture {}",
            difference.file
        );
        assert!(
            !difference.reason.is_empty(),
            "{}: no reason",
            difference.file
        );
    }
    let logins = server.our_tokens().len();
    server.assert_tokens_gone(logins);
    // every placeholder is a read for the plugin; for us a path is, and it is not read twice in a run
    assert_eq!((totals.theirs, totals.ours), (18, 14));
}

/// How many reads there were, of both programs.
#[derive(Default)]
struct Counts {
    theirs: usize,
    ours: usize,
}

impl Counts {
    /// Adds a run of each: a login and a read for each placeholder, against a login, a read for each
    /// path, a question for each mount that is not named with `data`, and a revocation.
    #[track_caller]
    fn add(&mut self, theirs: &[String], ours: &[String]) {
        let reads = |log: &[String]| -> Vec<String> {
            let reads = log.iter().filter(|name| name.starts_with("read "));
            let own = reads.filter(|name| !name.starts_with("read sys/"));
            own.cloned().collect()
        };
        let (their_reads, our_reads) = (reads(theirs), reads(ours));
        assert_eq!(theirs.len(), 1 + their_reads.len(), "{theirs:#?}");
        let distinct: BTreeSet<_> = their_reads.iter().collect();
        assert_eq!(our_reads.iter().collect::<BTreeSet<_>>(), distinct);
        assert_eq!(our_reads.len(), distinct.len(), "{ours:#?}");
        let mounts: BTreeSet<_> = our_reads
            .iter()
            .filter(|name| !name.contains("/data/"))
            .map(|name| name.split('/').next())
            .collect();
        if our_reads.is_empty() {
            assert_eq!(ours.len(), 0, "{ours:#?}");
        } else {
            assert_eq!(
                ours.len(),
                1 + our_reads.len() + mounts.len() + 1,
                "{ours:#?}"
            );
        }
        self.theirs += their_reads.len();
        self.ours += our_reads.len();
    }
}

fn compare(difference: Option<&Difference>, ours: &Output, theirs: &Output) -> Result<(), String> {
    let (error, objects) = match difference {
        Some(difference) => (difference.error.as_slice(), difference.objects.clone()),
        None => (&[][..], BTreeSet::new()),
    };
    if !error.is_empty() {
        if ours.code != 1 || theirs.code != 0 {
            return Err(format!(
                "exit codes {} and {}\n{}{}",
                ours.code, theirs.code, ours.stderr, theirs.stderr
            ));
        }
        let unsaid: Vec<_> = error
            .iter()
            .filter(|text| !ours.stderr.contains(&***text))
            .collect();
        return if unsaid.is_empty() {
            Ok(())
        } else {
            Err(format!("not said: {unsaid:?}\n{}", ours.stderr))
        };
    }
    if ours.code != 0 || theirs.code != 0 {
        return Err(format!(
            "exit codes {} and {}\n{}{}",
            ours.code, theirs.code, ours.stderr, theirs.stderr
        ));
    }
    let (ours, theirs) = (objects::read(&ours.stdout)?, objects::read(&theirs.stdout)?);
    let mut found = BTreeSet::new();
    if ours.len() != theirs.len() {
        return Err(format!("{} objects and {}", ours.len(), theirs.len()));
    }
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let name = format!(
            "{}/{}",
            label(&ours["kind"]),
            label(&ours["metadata"]["name"])
        );
        differing(&name, ours, theirs, &mut found);
    }
    if found == objects {
        Ok(())
    } else {
        Err(format!("differing: {found:#?}\nlisted: {objects:#?}"))
    }
}

fn label(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Adds the places where two values differ.
fn differing(place: &str, ours: &Value, theirs: &Value, found: &mut BTreeSet<String>) {
    match (ours, theirs) {
        (Value::Mapping(one), Value::Mapping(other)) => {
            for key in one
                .keys()
                .chain(other.keys())
                .collect::<std::collections::HashSet<_>>()
            {
                let place = format!("{place}.{}", label(key));
                differing(&place, &ours[key], &theirs[key], found);
            }
        }
        (Value::Sequence(one), Value::Sequence(other)) if one.len() == other.len() => {
            for (index, (ours, theirs)) in one.iter().zip(other).enumerate() {
                differing(&format!("{place}[{index}]"), ours, theirs, found);
            }
        }
        _ if ours != theirs => {
            found.insert(place.to_owned());
        }
        _ => {}
    }
}
