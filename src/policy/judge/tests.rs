use super::*;
use crate::http::options::Proxy;
use crate::policy::load::parse;
use crate::settings::Settings;
use crate::vault::environment::{Access, VaultVars};

const TENANTS: &str = "
  vault: {address: 'https://vault.example', auth: {method: kubernetes, role: r, jwtFile: /token}}
  mounts: [{path: kv, version: 2}, {path: old, version: 1}]
  allow:
  - {name: own, paths: ['kv/${ARGOCD_APP_PROJECT_NAME}/${ARGOCD_APP_NAME}/*']}
  - {name: team, paths: ['kv/by-namespace/${ARGOCD_APP_NAMESPACE}'], projects: [shop]}
  - {name: legacy, paths: ['old/**'], projects: [legacy]}
  - {name: shared, paths: [kv/shared/ca]}
";

fn policy(spec: &str) -> Policy {
    let text = format!("apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nspec:{spec}\n");
    parse(&text, "x").unwrap()
}

fn app(project: &str, name: &str, namespace: &str) -> Identity {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Identity {
        project: some(project),
        name: some(name),
        namespace: some(namespace),
    }
}

fn judge(policy: &Policy, identity: Identity, function: bool) -> Judge<'_> {
    Judge::new(Some(policy), identity, function, &StoreSetting::Unset)
}

#[test]
fn a_tenant_reads_its_own_paths() {
    let policy = policy(TENANTS);
    let rule = |identity: Identity, path: &str| {
        let judged = judge(&policy, identity, false).path(path, None);
        judged.map(|rule| rule.unwrap().to_owned()).ok()
    };
    let shop = || app("shop", "web", "shop-prod");
    assert_eq!(rule(shop(), "kv/shop/web/db").as_deref(), Some("own"));
    assert_eq!(rule(shop(), "kv/data/shop/web/db").as_deref(), Some("own"));
    assert_eq!(
        rule(shop(), "kv/by-namespace/shop-prod").as_deref(),
        Some("team")
    );
    assert_eq!(rule(shop(), "kv/shared/ca").as_deref(), Some("shared"));
    assert_eq!(
        rule(app("legacy", "x", "y"), "old/a/b").as_deref(),
        Some("legacy")
    );
    for path in [
        "kv/shop/api/db",
        "kv/billing/web/db",
        "kv/data/data/shop/web/db",
        "kv/by-namespace/billing-prod",
        "old/a/b",
        "kv/shop/web/../../billing/web/db",
        "kv/shop/web/%2e%2e",
        "kv/shop//web/db",
        "auth/token/lookup-self",
        "sys/mounts",
        "kv",
        "",
    ] {
        assert_eq!(rule(shop(), path), None, "{path}");
    }
}

#[test]
fn a_name_or_namespace_chosen_to_match_another_tenant_gains_nothing() {
    let policy = policy(TENANTS);
    for identity in [
        app("shop", "billing", "billing-prod"),
        app("shop", "../billing/web", "x"),
        app("shop", "*", "*"),
        app("shop", "web/../../billing/web", "x"),
        app("", "billing", "x"),
        app("billing/web", "", "x"),
    ] {
        let judge = judge(&policy, identity.clone(), false);
        for path in ["kv/billing/web/db", "kv/billing/billing/db"] {
            assert!(judge.path(path, None).is_err(), "{identity:?} {path}");
        }
    }
    // of another project, in shop's namespace
    let other = judge(&policy, app("billing", "web", "shop-prod"), false);
    assert!(other.path("kv/by-namespace/shop-prod", None).is_err());
}

#[test]
fn function_mode_believes_nothing_of_the_environment() {
    let closed = policy(TENANTS);
    let denial = |policy: &Policy, path: &str| {
        judge(policy, app("shop", "web", "shop-prod"), true)
            .path(path, None)
            .err()
    };
    assert!(
        denial(&closed, "kv/shared/ca")
            .unwrap()
            .message
            .contains("function mode")
    );
    let open = policy(&format!("{TENANTS}  functionMode: allow"));
    assert_eq!(denial(&open, "kv/shared/ca"), None);
    for path in ["kv/shop/web/db", "kv/by-namespace/shop-prod", "old/a"] {
        let denial = denial(&open, path).unwrap();
        assert!(denial.message.starts_with("no rule"), "{path}");
        assert!(denial.help.contains("function mode"), "{path}");
    }
}

#[test]
fn a_denial_is_the_same_whether_there_is_such_a_mount_or_path() {
    let policy = policy(TENANTS);
    let judge = judge(&policy, app("shop", "web", "p"), false);
    let one = judge.path("kv/billing/web/db", None).unwrap_err();
    for path in ["nosuch/a", "kv/nosuch", "old/a", "kv"] {
        assert_eq!(judge.path(path, None).unwrap_err(), one, "{path}");
    }
    assert_eq!(one.exit, 1);
}

#[test]
fn the_manifest_may_only_agree_on_the_kv_version() {
    let policy = policy(TENANTS);
    let judge = judge(&policy, app("legacy", "web", "p"), false);
    assert!(judge.path("kv/shared/ca", Some(KvVersion::V2)).is_ok());
    assert!(judge.path("kv/shared/ca", Some(KvVersion::V1)).is_err());
    assert!(judge.path("old/a", Some(KvVersion::V1)).is_ok());
    assert!(judge.path("old/a", Some(KvVersion::V2)).is_err());
}

fn settings(judge: &Judge<'_>, vars: &[(&str, &str)]) -> Settings {
    let vars = vars.iter().map(|(name, value)| (name.into(), value.into()));
    let mut settings = Settings::from_vars(vars).unwrap();
    judge.govern(&mut settings);
    settings
}

/// An environment that names an attacker's server and login.
const HOSTILE: &[(&str, &str)] = &[
    ("VAULT_ADDR", "https://evil.example"),
    ("BAO_ADDR", "https://evil.example"),
    ("VAULT_AGENT_ADDR", "https://evil.example"),
    ("VAULT_NAMESPACE", "evil"),
    ("VAULT_REDIRECT_HOSTS", "evil.example"),
    ("VAULT_SKIP_VERIFY", "true"),
    ("VAULT_CAPATH", "/evil"),
    ("VAULT_CACERT_BYTES", "-----BEGIN CERTIFICATE-----"),
    ("VAULT_TLS_SERVER_NAME", "evil.example"),
    ("VAULT_AUTH_METHOD", "userpass"),
    ("AVP_AUTH_TYPE", "approle"),
    ("VAULT_AUTH_MOUNT", "evil"),
    ("AVP_K8S_MOUNT_PATH", "auth/evil"),
    ("VAULT_AUTH_NAMESPACE", "evil"),
    ("AVP_K8S_ROLE", "evil"),
    ("AVP_K8S_TOKEN_PATH", "/evil"),
    ("AVP_KV_VERSION", "1"),
    ("GITOPS_FN_KV_V1_MOUNTS", "evil"),
    ("GITOPS_FN_MAX_BODY", "1"),
    ("AVP_TYPE", "sops"),
];

#[test]
fn where_and_who_come_from_the_policy_alone() {
    let policy = policy(TENANTS);
    for function in [false, true] {
        let judge = judge(&policy, app("shop", "web", "p"), function);
        let settings = settings(&judge, HOSTILE);
        assert_eq!(settings.store, StoreSetting::Vault);
        let Access {
            settings: vault,
            login,
        } = Access::read(&settings.vault).unwrap();
        assert!(!format!("{vault:?}").contains("evil"), "{vault:?}");
        assert_eq!(vault.location.address, "https://vault.example");
        assert_eq!(vault.proxy, Proxy::None);
        assert!(!vault.tls.skip_verify);
        assert!(!format!("{login:?}").contains("evil"), "{login:?}");
        assert_eq!(login.mount, "kubernetes");
        assert_eq!(
            (&*vault.reading.kv_v1_mounts, &*vault.reading.kv_v2_mounts),
            (&["old".to_owned()][..], &["kv".to_owned()][..])
        );
        assert_eq!(
            (vault.reading.kv_version, vault.reading.body_limit),
            (None, 4 << 20)
        );
    }
}

#[test]
fn credentials_come_from_the_environment_outside_function_mode() {
    let text = "
  vault: {address: 'https://vault.example', auth: {method: approle}}
";
    let vars = [
        ("AVP_ROLE_ID", "role"),
        ("VAULT_SECRET_ID_FILE", "/s"),
        ("GITOPS_FN_TIMEOUT", "10s"),
    ];
    let policy = policy(text);
    let nobody = Identity::default();
    let trusted = settings(&judge(&policy, nobody.clone(), false), &vars);
    let vault = Access::read(&trusted.vault).unwrap();
    assert_eq!(vault.login.method.name, "approle");
    assert_eq!(vault.settings.reading.deadline.as_secs(), 10);
    let function = settings(&judge(&policy, nobody.clone(), true), &vars);
    assert!(Access::read(&function.vault).is_err());
    assert_eq!(function.vault.deadline().unwrap().as_secs(), 10);
    // a file in the policy replaces every credential of the same kind
    let text = text.replace("approle", "approle, roleIdFile: /r, secretIdFile: /s");
    let policy = self::policy(&text);
    let vars = [
        ("VAULT_ROLE_ID", "evil"),
        ("VAULT_WRAPPED_SECRET_ID", "evil"),
        ("GITOPS_FN_TIMEOUT", "10m"),
    ];
    let settings = settings(&judge(&policy, nobody, false), &vars);
    let vault = Access::read(&settings.vault).unwrap();
    assert!(format!("{vault:?}").contains("<file /r>"), "{vault:?}");
    assert_eq!(vault.settings.reading.deadline.as_secs(), 45);
}

/// Whether a key of a credentials Secret is used.
fn may_take(vars: &VaultVars, name: &str) -> bool {
    let secret = [(name.to_owned(), "value".to_owned().into())];
    let with = vars.with_secret(secret.into()).unwrap();
    format!("{with:?}") != format!("{vars:?}")
}

#[test]
fn a_credentials_secret_holds_credentials_alone() {
    let policy = policy(
        "
  vault: {address: 'https://vault.example', auth: {method: approle, roleIdFile: /r}}
",
    );
    let vault = settings(&judge(&policy, Identity::default(), false), &[]).vault;
    for (name, expected) in [
        ("VAULT_SECRET_ID", true),
        ("AVP_SECRET_ID", true),
        ("VAULT_WRAPPED_SECRET_ID", true),
        ("VAULT_ROLE_ID", false),
        ("AVP_ROLE_ID", false),
        ("VAULT_ADDR", false),
        ("VAULT_AGENT_ADDR", false),
        ("VAULT_NAMESPACE", false),
        ("VAULT_SKIP_VERIFY", false),
        ("AVP_AUTH_TYPE", false),
    ] {
        assert_eq!(may_take(&vault, name), expected, "{name}");
        assert!(may_take(&VaultVars::default(), name), "{name}");
    }
    let secret = [
        ("VAULT_ADDR", "https://evil.example"),
        ("VAULT_AGENT_ADDR", "https://evil.example"),
        ("VAULT_SKIP_VERIFY", "true"),
        ("AVP_ROLE_ID", "evil"),
        ("AVP_SECRET_ID", "its-own"),
    ];
    let secret = secret.map(|(name, value)| (name.to_owned(), value.to_owned().into()));
    let with = vault.with_secret(secret.into()).unwrap();
    let read = Access::read(&with).unwrap();
    assert!(!format!("{read:?}").contains("evil"), "{read:?}");
    assert_eq!(read.settings.location.address, "https://vault.example");
    let function = settings(&judge(&policy, Identity::default(), true), &[]).vault;
    assert!(!may_take(&function, "VAULT_SECRET_ID"));
}

#[test]
fn each_project_can_have_a_role_of_its_own() {
    let text = TENANTS.replace("role: r", "role: 'argocd-${ARGOCD_APP_PROJECT_NAME}'");
    let policy = policy(&format!("{text}  functionMode: allow"));
    let shop = judge(&policy, app("shop", "web", "p"), false);
    let vault = Access::read(&settings(&shop, &[]).vault).unwrap();
    assert!(
        format!("{vault:?}").contains("\"argocd-shop\""),
        "{vault:?}"
    );
    for (identity, function) in [
        (app("shop", "web", "p"), true),
        (app("", "web", "p"), false),
        (app("a/b", "web", "p"), false),
    ] {
        let judge = judge(&policy, identity, function);
        let denial = judge.path("kv/shared/ca", None).unwrap_err();
        assert!(denial.message.contains("role of the login"), "{denial:?}");
        assert_eq!(settings(&judge, HOSTILE).store, StoreSetting::Unset);
    }
}

#[test]
fn a_policy_that_names_no_server_leaves_none() {
    let policy = policy(" {}");
    for function in [false, true] {
        let judge = judge(&policy, app("shop", "web", "p"), function);
        let settings = settings(&judge, HOSTILE);
        assert_eq!(settings.store, StoreSetting::Unset);
        assert!(
            !format!("{:?}", settings.vault).contains("VAULT_"),
            "{settings:?}"
        );
    }
}

#[test]
fn the_file_store_is_the_policys_to_allow() {
    let file = StoreSetting::File("secrets.yaml".into());
    let rule = " {store: file, mounts: [{path: kv, version: 1}], allow: [{name: a, paths: [kv/a]}], functionMode: allow}";
    let named = rule.replace("store: file", "store: file, secretsFile: /s.yaml");
    let outcome = |policy: &Policy, function: bool, asked: &StoreSetting| {
        let judge = Judge::new(Some(policy), Identity::default(), function, asked);
        let mut settings = Settings::default();
        settings.store = asked.clone();
        judge.govern(&mut settings);
        (
            judge
                .path("kv/a", None)
                .map_err(|denial| denial.exit)
                .is_ok(),
            settings.store,
        )
    };
    let open = policy(rule);
    assert_eq!(outcome(&open, false, &file), (true, file.clone()));
    assert_eq!(outcome(&open, true, &file), (false, StoreSetting::Unset));
    assert_eq!(
        outcome(&open, false, &StoreSetting::Vault),
        (false, StoreSetting::Unset)
    );
    let named = policy(&named);
    let own = StoreSetting::File("/s.yaml".into());
    for function in [false, true] {
        assert_eq!(outcome(&named, function, &file), (true, own.clone()));
    }
    let closed = policy(TENANTS);
    let judge = Judge::new(Some(&closed), Identity::default(), false, &file);
    let denial = judge.path("kv/shared/ca", None).unwrap_err();
    assert_eq!(
        (&*denial.message, denial.exit),
        ("the policy does not allow the file store", 2)
    );
    // in a file, both spellings are one secret whatever the mount
    let judge = Judge::new(Some(&open), Identity::default(), false, &file);
    assert!(judge.path("kv/data/a", None).is_ok());
}

#[test]
fn sinks_and_the_destination_namespace() {
    let policy = policy(
        "
  sinks: [{apiVersion: v1, kind: ConfigMap, fields: ['data/*']}]
  matchDestinationNamespace: true",
    );
    let data = [Some("data"), Some("a")];
    let target = |kind, namespace, path| Target {
        api_version: "v1",
        kind,
        namespace,
        path,
    };
    let shop = judge(&policy, app("shop", "web", "shop-prod"), false);
    assert!(shop.sink(&target("Secret", "", &data)).is_ok());
    assert!(shop.sink(&target("Secret", "shop-prod", &data)).is_ok());
    assert!(shop.sink(&target("ConfigMap", "shop-prod", &data)).is_ok());
    let denial = shop.sink(&target("Secret", "billing", &data)).unwrap_err();
    assert!(denial.message.contains("destination namespace"));
    let denial = shop.sink(&target("Pod", "", &data)).unwrap_err();
    assert!(denial.message.contains("no secret in this field"));
    let names = [Some("metadata"), Some("annotations"), Some("a")];
    let denial = shop.sink(&target("Secret", "", &names)).unwrap_err();
    assert!(denial.message.contains("never allows a secret in metadata"));
    for unknown in [
        judge(&policy, app("shop", "web", "shop-prod"), true),
        judge(&policy, Identity::default(), false),
    ] {
        assert!(unknown.sink(&target("Secret", "shop-prod", &data)).is_err());
        assert!(unknown.sink(&target("Secret", "", &data)).is_ok());
    }
}

#[test]
fn limits_and_modes() {
    let policy = policy(" {limits: {inputBytes: 10, placeholders: 2, paths: 1}}");
    let judge = judge(&policy, Identity::default(), false);
    assert!(judge.input(10).is_ok() && judge.input(11).is_err());
    assert!(judge.amounts(2, 1).is_empty());
    assert_eq!(judge.amounts(3, 2).len(), 2);
    assert!(judge.keep().is_err());
    let open = self::policy(" {enable: {keep: true}}");
    assert!(
        self::judge(&open, Identity::default(), false)
            .keep()
            .is_ok()
    );
}

#[test]
fn without_a_policy_everything_is_allowed() {
    let judge = Judge::default();
    assert_eq!(judge.path("any/where", Some(KvVersion::V1)), Ok(None));
    assert!(judge.keep().is_ok() && judge.input(u64::MAX).is_ok());
    assert!(judge.limits().is_none());
    assert_eq!(judge.growth().0, 1 << 30);
}
