//! The `Policy` document as it is written: a mirror of `gitops-fn.dev/v1alpha1` for serde.
//!
//! The doc comments are the reference text: the JSON Schema and the reference page are made of them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::clock;
use crate::vault::setting::typed::InPolicy;
use crate::vault::{login, settings};

/// The `apiVersion` of [`Policy`].
pub const API_VERSION: &str = "gitops-fn.dev/v1alpha1";
/// The `kind` of [`Policy`].
pub const KIND: &str = "Policy";

/// What the operator allows: where secrets are read and as whom, which paths each project may read, and
/// where the values may be placed. What is not listed is denied. Unknown fields are errors.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// Always `gitops-fn.dev/v1alpha1`.
    #[schemars(required, extend("const" = API_VERSION))]
    pub api_version: Option<String>,
    /// Always `Policy`.
    #[schemars(required, extend("const" = KIND))]
    pub kind: Option<String>,
    /// As for any Kubernetes object. It is not judged here.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub metadata: Option<IgnoredAny>,
    /// What is allowed. Without it nothing is.
    pub spec: Option<Spec>,
}

/// What is allowed.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// Where secrets are read: a `vault` server, or a `file` for demos and tests.
    #[schemars(extend("default" = "vault"))]
    pub store: Option<Store>,
    /// With `store: file`, the absolute path of the file. Without it `VAULT_ADDR=file:…` of the
    /// environment names it, and never in function mode.
    pub secrets_file: Option<String>,
    /// Where the server is and who we are there. Needed as soon as `allow` lists a path, unless `store`
    /// is `file`.
    pub vault: Option<Vault>,
    /// The KV mounts. Every path lies in one of them; no other is ever asked for.
    pub mounts: Option<Vec<Mount>>,
    /// The paths that may be read. Without a rule that matches, a path is denied.
    pub allow: Option<Vec<Rule>>,
    /// Where values may be placed, beside `data` and `stringData` of Secrets of `apiVersion: v1`.
    /// Metadata can never be listed.
    pub sinks: Option<Vec<Sink>>,
    /// Whether an object that takes a secret has to be in the Application's destination namespace
    /// (`ARGOCD_APP_NAMESPACE`), or name none. In function mode only objects that name none pass.
    #[schemars(extend("default" = false))]
    pub match_destination_namespace: Option<bool>,
    /// How much one run may take.
    pub limits: Option<Limits>,
    /// What else may be used.
    pub enable: Option<Enable>,
    /// Whether secrets are read as a KRM function. The repository that starts one can set the
    /// variables of its environment, so rules with `${…}` or `projects` never match there.
    #[schemars(extend("default" = "deny"))]
    pub function_mode: Option<Verdict>,
    /// What becomes of placeholders, whatever a Release or the environment says. `keep` is for Argo CD's
    /// source hydrator, which writes what a plugin prints into git.
    #[schemars(extend("default" = "resolve"))]
    pub secrets_mode: Option<SecretsMode>,
    /// The same for some Applications; the first entry that is for one counts, and `secretsMode` for all
    /// others. Where the project is not known (as a KRM function it never is), the strictest mode of the
    /// policy counts.
    pub secrets_modes: Option<Vec<ModeRule>>,
    /// Whether `gitops-fn build` fails where the kernel cannot confine kustomize, or warns.
    #[schemars(extend("default" = "required"))]
    pub sandbox: Option<Sandbox>,
    /// The Kubernetes Secrets, as `NAME` or `NAMESPACE:NAME`, that `AVP_SECRET` of the plugin's
    /// environment may name for the credentials of the login.
    pub credentials_secrets: Option<Vec<String>>,
}

/// Where secrets are read.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// A Vault or OpenBao server.
    Vault,
    /// A file, for demos and tests.
    File,
}

/// What becomes of placeholders, from the most lenient to the strictest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretsMode {
    /// They are resolved. A Release may keep them, where `enable.keep` allows it.
    #[default]
    Resolve,
    /// They always stay, and no secret is read.
    Keep,
    /// Each is an error.
    Forbidden,
}

/// The mode of some Applications.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModeRule {
    /// What becomes of their placeholders.
    #[schemars(required)]
    pub mode: Option<SecretsMode>,
    /// Their projects.
    #[schemars(required)]
    pub projects: Option<Vec<String>>,
    /// Their names (`ARGOCD_APP_NAME`). Without it, all of the projects. Whoever edits an Application
    /// chooses its name.
    pub applications: Option<Vec<String>>,
}

/// Allowed or not.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Not allowed.
    Deny,
    /// Allowed.
    Allow,
}

/// What happens where the child cannot be confined.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sandbox {
    /// The build fails.
    Required,
    /// The build goes on, with a warning.
    Optional,
}

/// A Vault or `OpenBao` server. Nothing of it is ever taken from the environment.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vault {
    /// The address: `http` or `https`, a base path perhaps.
    #[schemars(required)]
    pub address: Option<String>,
    /// The namespace of the secrets; `/` is the root namespace.
    pub namespace: Option<String>,
    /// PEM file of authorities, instead of the system's. Those are read from the usual places, whatever
    /// `SSL_CERT_FILE` says.
    pub ca_file: Option<String>,
    /// The PEM text itself, instead of a file.
    pub ca: Option<String>,
    /// The name that the server's certificate must hold, instead of the address's host.
    pub server_name: Option<String>,
    /// PEM file of the client's certificate; needs `clientKeyFile`.
    pub client_cert_file: Option<String>,
    /// PEM file of its key.
    pub client_key_file: Option<String>,
    /// Hosts, as `host` or `host:port`, that a redirect may lead to, beside the address's own.
    pub redirect_hosts: Option<Vec<String>>,
    /// The proxy on the way to the server. Without it there is none: `HTTPS_PROXY` and its like do not
    /// count.
    pub proxy: Option<String>,
    /// Who we are. What a method needs and is not named here comes from the environment, by the names of
    /// `environment.md`: tokens, role ids, secret ids, user names and passwords, and their files. In
    /// function mode nothing does.
    #[schemars(required)]
    pub auth: Option<Auth>,
}

impl Vault {
    /// The settings that are written as text, and their texts.
    pub(super) fn texts(&self) -> [Text<'_>; 7] {
        [
            (&settings::server::ADDR, &self.address),
            (&settings::server::NAMESPACE, &self.namespace),
            (&settings::tls::CACERT, &self.ca_file),
            (&settings::tls::CACERT_BYTES, &self.ca),
            (&settings::tls::TLS_SERVER_NAME, &self.server_name),
            (&settings::tls::CLIENT_CERT, &self.client_cert_file),
            (&settings::tls::CLIENT_KEY, &self.client_key_file),
        ]
    }
}

/// A setting, and what the policy writes for it.
pub(super) type Text<'t> = (&'static dyn InPolicy, &'t Option<String>);

/// The login.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Auth {
    /// How.
    #[schemars(required)]
    pub method: Option<Method>,
    /// The auth mount, with or without `auth/` in front. Without it, the method's name.
    pub mount: Option<String>,
    /// The namespace of the login, where it differs from that of the secrets.
    pub namespace: Option<String>,
    /// `kubernetes` and `jwt`: the role. `${ARGOCD_APP_PROJECT_NAME}` in it gives each project a role of
    /// its own, so that Vault keeps them apart too; it then never works in function mode.
    pub role: Option<String>,
    /// `kubernetes` and `jwt`: the file of the signed token. For `kubernetes`, the pod's own where none
    /// is named.
    pub jwt_file: Option<String>,
    /// `token`: the file of the token.
    pub token_file: Option<String>,
    /// `approle`: the file of the role id.
    pub role_id_file: Option<String>,
    /// `approle`: the file of the secret id.
    pub secret_id_file: Option<String>,
    /// `approle`: the file of a token that wraps the secret id.
    pub wrapped_secret_id_file: Option<String>,
    /// `userpass`: the user.
    pub username: Option<String>,
    /// `userpass`: the file of the password.
    pub password_file: Option<String>,
    /// `github`: the file of the token.
    pub github_token_file: Option<String>,
}

impl Auth {
    /// The settings that are written as text, and their texts.
    pub(super) fn texts(&self) -> [Text<'_>; 11] {
        [
            (&login::AUTH_MOUNT, &self.mount),
            (&login::AUTH_NAMESPACE, &self.namespace),
            (&login::jwt::AUTH_ROLE, &self.role),
            (&login::jwt::AUTH_JWT_FILE, &self.jwt_file),
            (&login::token::TOKEN_FILE, &self.token_file),
            (&login::approle::ROLE_ID_FILE, &self.role_id_file),
            (&login::approle::SECRET_ID_FILE, &self.secret_id_file),
            (
                &login::approle::WRAPPED_SECRET_ID_FILE,
                &self.wrapped_secret_id_file,
            ),
            (&login::userpass::USERNAME, &self.username),
            (&login::userpass::PASSWORD_FILE, &self.password_file),
            (&login::github::GITHUB_TOKEN_FILE, &self.github_token_file),
        ]
    }
}

/// The ways to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A Kubernetes service account.
    Kubernetes,
    /// A signed token.
    Jwt,
    /// A role id and a secret id.
    Approle,
    /// A token of one's own.
    Token,
    /// A user name and a password.
    Userpass,
    /// A GitHub personal access token.
    Github,
    /// None: a Vault Agent or Proxy at the address logs in.
    None,
}

impl Method {
    /// Its name, as the environment's settings have it too.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Jwt => "jwt",
            Self::Approle => "approle",
            Self::Token => "token",
            Self::Userpass => "userpass",
            Self::Github => "github",
            Self::None => "none",
        }
    }
}

/// A KV mount.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mount {
    /// Where it is mounted: `kv`, `team/kv`.
    #[schemars(required)]
    pub path: Option<String>,
    /// 1 or 2, the version of its engine. Of version 2, `kv/shop/web` and `kv/data/shop/web` are the same
    /// secret; of version 1, `data` is a name like any other.
    #[schemars(required, extend("minimum" = 1, "maximum" = 2))]
    pub version: Option<u64>,
}

/// Paths that may be read.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// The name, by which denials and `gitops-fn policy test` speak of it.
    #[schemars(required)]
    pub name: Option<String>,
    /// The paths, mount first. `*` is any one segment, `**` at the end any number of them, at least one;
    /// `${ARGOCD_APP_PROJECT_NAME}`, `${ARGOCD_APP_NAME}` and `${ARGOCD_APP_NAMESPACE}` are whole
    /// segments. The last two are chosen by whoever edits the Application: a path with one of them
    /// needs the project beside it, or `projects`.
    #[schemars(required)]
    pub paths: Option<Vec<String>>,
    /// The projects of Argo CD that the rule is for. Without it, all.
    pub projects: Option<Vec<String>>,
}

/// Fields of some kind of object that may take a secret.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sink {
    /// The apiVersion, exactly.
    #[schemars(required)]
    pub api_version: Option<String>,
    /// The kind, exactly.
    #[schemars(required)]
    pub kind: Option<String>,
    /// The fields, with `/` between the keys: `data/*`, `spec/auth/token`. `*` is any one key, or any
    /// member of a list. `metadata` can stand nowhere in it.
    #[schemars(required)]
    pub fields: Option<Vec<String>>,
}

/// How much one run may take.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Bytes of input, checked before anything is parsed.
    #[schemars(extend("default" = super::Limits::DEFAULT.input_bytes))]
    pub input_bytes: Option<u64>,
    /// Placeholders, counted in each place that they show in.
    #[schemars(extend("default" = super::Limits::DEFAULT.placeholders))]
    pub placeholders: Option<u64>,
    /// Distinct secret paths, each version of one for itself.
    #[schemars(extend("default" = super::Limits::DEFAULT.paths))]
    pub paths: Option<u64>,
    /// Bytes of one secret, its keys included.
    #[schemars(extend("default" = super::Limits::DEFAULT.secret_bytes))]
    pub secret_bytes: Option<u64>,
    /// Bytes of memory for all secrets of a run, counted while they are read: what is kept of them, which is the keys
    /// that placeholders name. Each of those, and each member of a list or map, counts 160 bytes more than its
    /// text. Answers that are being read take as much again at most.
    #[schemars(extend("default" = super::Limits::DEFAULT.secrets_bytes))]
    pub secrets_bytes: Option<u64>,
    /// Bytes by which the output may be longer than the input, with all values in it. Where a value is a
    /// map or a list, each of its parts counts 64 bytes more.
    #[schemars(extend("default" = super::Limits::DEFAULT.output_bytes))]
    pub output_bytes: Option<u64>,
    /// Bytes of memory that kustomize, and each helm that it starts, may use for data (`RLIMIT_DATA`).
    #[schemars(extend("default" = super::Limits::DEFAULT.child_memory_bytes))]
    pub child_memory_bytes: Option<u64>,
    /// How long a run may take at most, such as `45s`. `GITOPS_FN_TIMEOUT` can only shorten it.
    #[schemars(extend("default" = format!("{:?}", clock::DEADLINE)))]
    pub deadline: Option<String>,
}

/// What else may be used.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Enable {
    /// Whether `gitops-fn build` lets kustomize inflate helm charts.
    #[schemars(extend("default" = false))]
    pub helm: Option<bool>,
    /// Whether it may download them.
    #[schemars(extend("default" = false))]
    pub remote_charts: Option<bool>,
    /// Whether `jsonPath` may ask questions about values: filters that compare them, as in `[?(@.name=="a")]`, and
    /// texts that it has put together and that are parsed again. A run that fails or does not fail then answers what
    /// a value is, step by step, to whoever sees only that.
    #[schemars(extend("default" = false))]
    pub json_path_filters: Option<bool>,
    /// Whether `secrets.mode: keep` may leave placeholders as they are.
    #[schemars(extend("default" = false))]
    pub keep: Option<bool>,
}
