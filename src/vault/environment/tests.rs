use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use serde::Deserialize;

use super::*;
use crate::http::options::Authorities;
use crate::settings::Settings;
use crate::vault::login::approle::AppRole;
use crate::vault::login::github::GitHub;
use crate::vault::login::jwt::Jwt;
use crate::vault::login::method::TokenSource;
use crate::vault::login::userpass::Userpass;
use crate::vault::login::{approle, token};
use crate::vault::setting::PREFIXES;
use crate::vault::setting::lookup::Named;
use crate::vault::setting::typed::Values;
use crate::vault::setting::value::Credential;
use crate::vault::setting::variables::Governed;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "source")]
    _source: String,
    env: BTreeMap<String, String>,
    settings: Option<BTreeMap<String, String>>,
    #[serde(default)]
    problems: Vec<String>,
}

fn vars(env: &BTreeMap<String, String>) -> VaultVars {
    let vars = env.iter().map(|(name, value)| (name.into(), value.into()));
    Settings::from_vars(vars).unwrap().vault
}

fn credential(credential: &Named<Credential>) -> String {
    match &credential.value {
        Credential::Text(text) => format!("text {}", text.as_str()),
        Credential::File(path) => format!("file {}", path.display()),
    }
}

fn parts(token: &TokenSource) -> Vec<(&'static str, String)> {
    let request: &dyn Any = match token {
        TokenSource::Agent => return Vec::new(),
        TokenSource::User(token) => return vec![("token", credential(token))],
        TokenSource::Login(request) => &**request,
    };
    if let Some(login) = request.downcast_ref::<AppRole>() {
        let mut parts = vec![
            ("role_id", credential(&login.role_id)),
            ("secret_id", credential(&login.secret_id)),
        ];
        parts.extend(login.is_wrapped().then(|| ("wrapped", "true".to_owned())));
        parts
    } else if let Some(login) = request.downcast_ref::<Jwt>() {
        vec![
            ("role", login.role.clone()),
            ("jwt", credential(&login.jwt)),
        ]
    } else if let Some(login) = request.downcast_ref::<Userpass>() {
        vec![
            ("username", login.username.clone()),
            ("password", credential(&login.password)),
        ]
    } else {
        let login = request.downcast_ref::<GitHub>().unwrap();
        vec![("token", credential(&login.token))]
    }
}

/// The non-empty parts of a result, except for defaults.
fn summary(access: &Access) -> BTreeMap<String, String> {
    let Access { settings, login } = access;
    let mut fields = parts(&login.token);
    fields.push(("address", settings.location.address.clone()));
    fields.push(("method", login.method.name.to_owned()));
    fields.push(("mount", login.mount.clone()));
    fields.push(("kv_v1_mounts", settings.reading.kv_v1_mounts.join(" ")));
    fields.push(("kv_v2_mounts", settings.reading.kv_v2_mounts.join(" ")));
    fields.push(("redirect_hosts", settings.location.redirect_hosts.join(" ")));
    let mut optional = |name, value: Option<String>| {
        fields.push((name, value.unwrap_or_default()));
    };
    optional("namespace", settings.location.namespace.clone());
    optional("login namespace", login.namespace.clone());
    optional(
        "kv_version",
        settings
            .reading
            .kv_version
            .map(|version| format!("{version:?}")),
    );
    let deadline = Some(format!("{:?}", settings.reading.deadline));
    optional("deadline", deadline.filter(|text| text != "45s"));
    let limit = Some(settings.reading.body_limit.to_string());
    optional("body_limit", limit.filter(|text| text != "4194304"));
    let tls = &settings.tls;
    optional(
        "authorities",
        tls.authorities.as_ref().map(|one| match one {
            Authorities::Bytes(_) => "bytes".to_owned(),
            Authorities::File(path) => format!("file {}", path.display()),
            Authorities::Folder(path) => format!("folder {}", path.display()),
        }),
    );
    let identity = tls.identity.as_ref();
    let identity = identity.map(|(one, key)| format!("{} {}", one.display(), key.display()));
    optional("identity", identity);
    optional("server_name", tls.server_name.clone());
    optional("skip_verify", tls.skip_verify.then(|| "true".to_owned()));
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[test]
fn the_environment_means_what_the_data_says() {
    let cases: Vec<Case> = serde_yaml::from_str(include_str!(
        "../../../tests/golden/units/vault-settings.yaml"
    ))
    .unwrap();
    let mut names = BTreeSet::new();
    for case in &cases {
        let name = &case.name;
        assert!(names.insert(name), "{name} is there twice");
        let vars = vars(&case.env);
        let read = Access::read(&vars);
        let shown = format!("{vars:?} {read:?}");
        assert!(!shown.contains("NEVERSHOWN"), "{name}: {shown}");
        match (read, &case.settings) {
            (Ok(settings), Some(wanted)) => assert_eq!(&summary(&settings), wanted, "{name}"),
            (Err(problems), None) => {
                let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
                assert_eq!(said, case.problems, "{name}");
                assert!(problems.iter().all(|one| !one.help().is_empty()), "{name}");
            }
            (Ok(_), None) => panic!("{name}: no problem was found"),
            (Err(problems), Some(_)) => panic!("{name}: {problems:?}"),
        }
    }
}

/// A valid value for each setting.
fn good(name: &str) -> &'static str {
    match name {
        "VAULT_ADDR" | "VAULT_AGENT_ADDR" => "https://h",
        "VAULT_AUTH_METHOD" => "none",
        "AVP_TYPE" => "vault",
        "VAULT_SKIP_VERIFY" => "true",
        "VAULT_CACERT_BYTES" => "-----BEGIN CERTIFICATE-----",
        "AVP_KV_VERSION" | "GITOPS_FN_TIMEOUT" | "VAULT_CLIENT_TIMEOUT" | "GITOPS_FN_MAX_BODY" => {
            "1"
        }
        _ => "a",
    }
}

fn read(env: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Vec<String>> {
    Access::read(&vars(env))
        .map(|access| summary(&access))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn every_name_of_every_setting_is_read() {
    for setting in all() {
        for name in setting.names() {
            let mut env: BTreeMap<String, String> = BTreeMap::new();
            for one in ["VAULT_ADDR", "VAULT_AUTH_METHOD"] {
                env.insert(one.to_owned(), good(one).to_owned());
            }
            let method = match name.split_once('_').unwrap().1 {
                "TOKEN" | "TOKEN_FILE" => "token",
                rest if rest.contains("GITHUB") => "github",
                rest if rest.contains("ROLE_ID") || rest.contains("SECRET_ID") => "approle",
                rest if rest.contains("USERNAME") || rest.contains("PASSWORD") => "userpass",
                rest if rest.contains("JWT") => "jwt",
                rest if rest.contains("K8S") || rest.contains("ROLE") => "kubernetes",
                rest if rest.contains("MOUNT") => "approle",
                _ => "none",
            };
            env.insert("VAULT_AUTH_METHOD".to_owned(), method.to_owned());
            for file in [
                "VAULT_TOKEN_FILE",
                "VAULT_ROLE_ID_FILE",
                "VAULT_SECRET_ID_FILE",
                "VAULT_AUTH_ROLE",
                "VAULT_USERNAME",
                "VAULT_PASSWORD_FILE",
                "VAULT_GITHUB_TOKEN_FILE",
            ] {
                env.insert(file.to_owned(), "before".to_owned());
            }
            let before = read(&env);
            if setting.name == "AVP_TYPE" {
                env.insert(name.clone(), "other".to_owned());
            } else if setting.name == "VAULT_AUTH_METHOD" {
                env.remove("VAULT_AUTH_METHOD");
                env.insert(name.clone(), "userpass".to_owned());
            } else {
                if setting.name == "VAULT_ADDR" {
                    env.remove("VAULT_ADDR");
                }
                let value = if setting.name.ends_with("_ADDR") {
                    "https://other"
                } else {
                    good(setting.name)
                };
                env.insert(name.clone(), value.to_owned());
            }
            let after = read(&env);
            assert_ne!(before, after, "{name} counts for nothing");
        }
    }
}

#[test]
fn every_setting_is_declared_once_and_described() {
    let mut names = BTreeSet::new();
    for setting in all() {
        let (default, meaning) = (setting.default.text(), setting.meaning.text());
        assert!(!meaning.is_empty(), "{}", setting.name);
        let is_shared = PREFIXES
            .iter()
            .any(|prefix| setting.name.starts_with(prefix));
        assert!(
            is_shared || setting.name.starts_with("GITOPS_FN_"),
            "{}",
            setting.name
        );
        for text in [&*default, &*meaning, setting.differs] {
            assert!(!text.contains(['|', '\n']), "{}", setting.name);
        }
        for name in setting.names() {
            assert!(names.insert(name.clone()), "{name} is there twice");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_a_problem_when_a_secret_is_wanted() {
    let bytes = |name: &str| (name.into(), OsString::from_vec(b"NEVERSHOWN\xff".to_vec()));
    let env = [
        ("VAULT_ADDR".into(), "https://h".into()),
        bytes("BAO_TOKEN"),
    ];
    let settings = Settings::from_vars(env).unwrap();
    let problems = Access::read(&settings.vault).unwrap_err();
    assert_eq!(problems[0].to_string(), "BAO_TOKEN is not UTF-8 text");
    assert_eq!(problems.len(), 1);
    let shown = format!("{settings:?} {problems:?}");
    assert!(shown.contains("BAO_TOKEN") && !shown.contains("NEVERSHOWN"));
}

#[test]
fn what_is_missing_is_named_with_all_of_its_names() {
    let env = [("VAULT_ADDR", "https://h"), ("AVP_AUTH_TYPE", "approle")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let problems = Access::read(&vars(&env.into())).unwrap_err();
    assert_eq!(
        problems[0].help(),
        "set VAULT_ROLE_ID, BAO_ROLE_ID, AVP_ROLE_ID or VAULT_ROLE_ID_FILE"
    );
}

#[test]
fn a_setting_has_the_name_under_which_it_is_set() {
    let env = |names: &[&str]| {
        let env = names
            .iter()
            .map(|name| ((*name).to_owned(), "a".to_owned()));
        vars(&env.collect())
    };
    let mut values = Values::default();
    values.set(&server::ADDR, "https://h".to_owned());
    values.set(&token::TOKEN_FILE, Credential::File("/t".into()));
    let policy = || Governed {
        values: values.clone(),
        credentials: true,
        ..Governed::default()
    };
    for (free, governed, setting) in [
        ("VAULT_ADDR", "spec.vault.address", &server::ADDR.about),
        (
            "VAULT_NAMESPACE",
            "spec.vault.namespace",
            &server::NAMESPACE.about,
        ),
        (
            "VAULT_TOKEN_FILE",
            "spec.vault.auth.tokenFile",
            &token::TOKEN_FILE.about,
        ),
        // no field: the policy lets the environment set it
        (
            "VAULT_ROLE_ID_FILE",
            "VAULT_ROLE_ID_FILE",
            &approle::ROLE_ID_FILE.about,
        ),
        ("VAULT_CAPATH", "VAULT_CAPATH", &tls::CAPATH.about),
        (
            "GITOPS_FN_TIMEOUT",
            "spec.limits.deadline",
            &reading::TIMEOUT.about,
        ),
    ] {
        let shown = |vars: &VaultVars| vars.names().of(setting).to_string();
        assert_eq!(shown(&VaultVars::default()), free);
        assert_eq!(shown(&VaultVars::default().governed(policy())), governed);
        for name in setting.names() {
            let set = env(&[&name]);
            assert_eq!(shown(&set), name);
            let may = set.governed(policy()).variables.contains_key(&name);
            assert_eq!(
                shown(&set.governed(policy())),
                if may { &name } else { governed }
            );
        }
    }
}
