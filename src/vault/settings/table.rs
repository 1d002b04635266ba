//! Every setting of a Vault server: the one table from which they are read, and from which
//! `fn-config/environment.md` is made.

/// A setting.
pub(super) struct Setting {
    /// Its name. One that begins with `VAULT_` has a twin that begins with `BAO_`.
    pub(super) name: &'static str,
    /// The name that AVP has for it, where that differs.
    pub(super) avp: Option<&'static str>,
    /// What counts where it is unset, as the page says it.
    pub(super) default: &'static str,
    /// What it means, for the page.
    pub(super) meaning: &'static str,
    /// What differs from AVP, for the page.
    pub(super) differs: &'static str,
}

impl Setting {
    /// All names, the first one first.
    pub(super) fn names(&self) -> impl Iterator<Item = String> + use<> {
        let twin = self.name.strip_prefix("VAULT_");
        [
            Some(self.name.to_owned()),
            twin.map(|rest| format!("BAO_{rest}")),
            self.avp.map(str::to_owned),
        ]
        .into_iter()
        .flatten()
    }
}

/// All settings, in the order of the page.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    SECTIONS
        .iter()
        .flat_map(|(_, settings)| settings.iter().copied())
}

pub(super) static ADDR: Setting = Setting {
    name: "VAULT_ADDR",
    avp: None,
    default: "",
    meaning: "The server's address: `http` or `https`, a base path perhaps; no user, query or \
          fragment. `file:secrets.yaml` is the embedded store instead.",
    differs: "AVP takes `https://127.0.0.1:8200` where it is unset; here it must be set.",
};
pub(super) static AGENT_ADDR: Setting = Setting {
    name: "VAULT_AGENT_ADDR",
    avp: None,
    default: "",
    meaning: "A Vault Agent or Proxy that is asked instead of `VAULT_ADDR`. With no credential set it \
          is left to log in.",
    differs: "AVP logs in through the agent.",
};
pub(super) static NAMESPACE: Setting = Setting {
    name: "VAULT_NAMESPACE",
    avp: None,
    default: "",
    meaning: "The namespace of the secrets; `/` is the root namespace.",
    differs: "",
};
pub(super) static REDIRECT_HOSTS: Setting = Setting {
    name: "VAULT_REDIRECT_HOSTS",
    avp: None,
    default: "the address's own host",
    meaning: "Comma list of `host` or `host:port` that a redirect may lead to, such as the other nodes \
          behind a standby.",
    differs: "AVP follows one redirect to any host, with the token.",
};
pub(super) static AVP_TYPE: Setting = Setting {
    name: "AVP_TYPE",
    avp: None,
    default: "`vault`",
    meaning: "Where secrets are read; nothing but `vault`.",
    differs: "AVP has other backends.",
};
pub(super) static AUTH_METHOD: Setting = Setting {
    name: "VAULT_AUTH_METHOD",
    avp: Some("AVP_AUTH_TYPE"),
    default: "the method whose credentials are set",
    meaning: "`token`, `approle`, `kubernetes` (`k8s`), `jwt`, `userpass`, `github`, or `none` where \
          an agent logs in. Credentials of two methods without a method named are an error; what \
          the method named does not use is not looked at.",
    differs: "AVP must be told, and knows neither `jwt` nor `none`.",
};
pub(super) static AUTH_MOUNT: Setting = Setting {
    name: "VAULT_AUTH_MOUNT",
    avp: Some("AVP_MOUNT_PATH"),
    default: "the method's name",
    meaning: "The auth mount, with or without `auth/` in front.",
    differs: "AVP wants `auth/` in front.",
};
pub(super) static K8S_MOUNT: Setting = Setting {
    name: "AVP_K8S_MOUNT_PATH",
    avp: None,
    default: "",
    meaning: "The auth mount of the method `kubernetes`; counts instead of `AVP_MOUNT_PATH`.",
    differs: "AVP wants `auth/` in front.",
};
pub(super) static AUTH_NAMESPACE: Setting = Setting {
    name: "VAULT_AUTH_NAMESPACE",
    avp: None,
    default: "that of the secrets",
    meaning: "The namespace of the login; `/` is the root namespace.",
    differs: "AVP has no such setting.",
};
pub(super) static TOKEN: Setting = Setting {
    name: "VAULT_TOKEN",
    avp: None,
    default: "",
    meaning: "A token of your own; it is never revoked.",
    differs: "AVP prefers a token that it has kept on disk; nothing is kept here.",
};
pub(super) static TOKEN_FILE: Setting = Setting {
    name: "VAULT_TOKEN_FILE",
    avp: None,
    default: "",
    meaning: "The file that holds the token.",
    differs: "AVP has no such setting.",
};
pub(super) static ROLE_ID: Setting = Setting {
    name: "VAULT_ROLE_ID",
    avp: Some("AVP_ROLE_ID"),
    default: "",
    meaning: "AppRole: the role id.",
    differs: "",
};
pub(super) static ROLE_ID_FILE: Setting = Setting {
    name: "VAULT_ROLE_ID_FILE",
    avp: None,
    default: "",
    meaning: "The file that holds the role id.",
    differs: "AVP has no such setting.",
};
pub(super) static SECRET_ID: Setting = Setting {
    name: "VAULT_SECRET_ID",
    avp: Some("AVP_SECRET_ID"),
    default: "",
    meaning: "AppRole: the secret id.",
    differs: "",
};
pub(super) static SECRET_ID_FILE: Setting = Setting {
    name: "VAULT_SECRET_ID_FILE",
    avp: None,
    default: "",
    meaning: "The file that holds the secret id.",
    differs: "AVP has no such setting.",
};
pub(super) static WRAPPED_SECRET_ID: Setting = Setting {
    name: "VAULT_WRAPPED_SECRET_ID",
    avp: None,
    default: "",
    meaning: "AppRole: a token that wraps the secret id, instead of it.",
    differs: "AVP has no such setting.",
};
pub(super) static WRAPPED_SECRET_ID_FILE: Setting = Setting {
    name: "VAULT_WRAPPED_SECRET_ID_FILE",
    avp: None,
    default: "",
    meaning: "The file that holds the wrapping token.",
    differs: "AVP has no such setting.",
};
pub(super) static AUTH_ROLE: Setting = Setting {
    name: "VAULT_AUTH_ROLE",
    avp: Some("AVP_K8S_ROLE"),
    default: "",
    meaning: "Kubernetes and JWT: the role.",
    differs: "",
};
pub(super) static AUTH_JWT_FILE: Setting = Setting {
    name: "VAULT_AUTH_JWT_FILE",
    avp: Some("AVP_K8S_TOKEN_PATH"),
    default: "`kubernetes`: the pod's own token",
    meaning: "Kubernetes and JWT: the file that holds the signed token. Name the method where it is \
          set.",
    differs: "",
};
pub(super) static USERNAME: Setting = Setting {
    name: "VAULT_USERNAME",
    avp: Some("AVP_USERNAME"),
    default: "",
    meaning: "Userpass: the user.",
    differs: "",
};
pub(super) static PASSWORD: Setting = Setting {
    name: "VAULT_PASSWORD",
    avp: Some("AVP_PASSWORD"),
    default: "",
    meaning: "Userpass: the password.",
    differs: "",
};
pub(super) static PASSWORD_FILE: Setting = Setting {
    name: "VAULT_PASSWORD_FILE",
    avp: None,
    default: "",
    meaning: "The file that holds the password.",
    differs: "AVP has no such setting.",
};
pub(super) static GITHUB_TOKEN: Setting = Setting {
    name: "VAULT_GITHUB_TOKEN",
    avp: Some("AVP_GITHUB_TOKEN"),
    default: "",
    meaning: "GitHub: a personal access token.",
    differs: "",
};
pub(super) static GITHUB_TOKEN_FILE: Setting = Setting {
    name: "VAULT_GITHUB_TOKEN_FILE",
    avp: None,
    default: "",
    meaning: "The file that holds the GitHub token.",
    differs: "AVP has no such setting.",
};
pub(super) static CACERT: Setting = Setting {
    name: "VAULT_CACERT",
    avp: None,
    default: "the system's authorities",
    meaning: "PEM file of authorities, instead of the system's.",
    differs: "AVP takes one of the three and is silent of the others; here two of them are an error.",
};
pub(super) static CACERT_BYTES: Setting = Setting {
    name: "VAULT_CACERT_BYTES",
    avp: None,
    default: "",
    meaning: "The PEM text itself.",
    differs: "As `VAULT_CACERT`.",
};
pub(super) static CAPATH: Setting = Setting {
    name: "VAULT_CAPATH",
    avp: None,
    default: "",
    meaning: "A folder of PEM files.",
    differs: "As `VAULT_CACERT`.",
};
pub(super) static CLIENT_CERT: Setting = Setting {
    name: "VAULT_CLIENT_CERT",
    avp: None,
    default: "",
    meaning: "PEM file of the client's certificate; needs `VAULT_CLIENT_KEY`.",
    differs: "",
};
pub(super) static CLIENT_KEY: Setting = Setting {
    name: "VAULT_CLIENT_KEY",
    avp: None,
    default: "",
    meaning: "PEM file of its key.",
    differs: "",
};
pub(super) static TLS_SERVER_NAME: Setting = Setting {
    name: "VAULT_TLS_SERVER_NAME",
    avp: None,
    default: "the address's host",
    meaning: "The name that the server's certificate must hold.",
    differs: "",
};
pub(super) static SKIP_VERIFY: Setting = Setting {
    name: "VAULT_SKIP_VERIFY",
    avp: None,
    default: "`false`",
    meaning: "`true`: the server's certificate is not checked at all; a warning each run.",
    differs: "AVP does not warn.",
};
pub(super) static KV_V1_MOUNTS: Setting = Setting {
    name: "GITOPS_FN_KV_V1_MOUNTS",
    avp: None,
    default: "",
    meaning: "Comma list of mounts that are KV v1.",
    differs: "AVP has no such setting.",
};
pub(super) static KV_V2_MOUNTS: Setting = Setting {
    name: "GITOPS_FN_KV_V2_MOUNTS",
    avp: None,
    default: "",
    meaning: "Comma list of mounts that are KV v2. Nothing is asked of the server about them, unless a read fails.",
    differs: "AVP has no such setting.",
};
pub(super) static KV_VERSION: Setting = Setting {
    name: "AVP_KV_VERSION",
    avp: None,
    default: "asked of the server",
    meaning: "`1` or `2`: the version of mounts whose version the server does not tell.",
    differs: "AVP asks nobody, and takes 2 where it is unset.",
};
pub(super) static TIMEOUT: Setting = Setting {
    name: "GITOPS_FN_TIMEOUT",
    avp: None,
    default: "`45s`",
    meaning: "How long a run may take with all logins, reads and repetitions: seconds, or `1m30s`.",
    differs: "AVP has a limit for each call alone.",
};
pub(super) static CLIENT_TIMEOUT: Setting = Setting {
    name: "VAULT_CLIENT_TIMEOUT",
    avp: None,
    default: "",
    meaning: "The same, where `GITOPS_FN_TIMEOUT` is unset.",
    differs: "AVP: for each call, 60 s.",
};
pub(super) static MAX_BODY: Setting = Setting {
    name: "GITOPS_FN_MAX_BODY",
    avp: None,
    default: "`4194304`",
    meaning: "The longest answer that is read, in bytes.",
    differs: "AVP reads any.",
};

/// The page's sections.
pub(super) static SECTIONS: [(&str, &[&Setting]); 4] = [
    (
        "Server",
        &[&ADDR, &AGENT_ADDR, &NAMESPACE, &REDIRECT_HOSTS, &AVP_TYPE],
    ),
    (
        "Login",
        &[
            &AUTH_METHOD,
            &AUTH_MOUNT,
            &K8S_MOUNT,
            &AUTH_NAMESPACE,
            &TOKEN,
            &TOKEN_FILE,
            &ROLE_ID,
            &ROLE_ID_FILE,
            &SECRET_ID,
            &SECRET_ID_FILE,
            &WRAPPED_SECRET_ID,
            &WRAPPED_SECRET_ID_FILE,
            &AUTH_ROLE,
            &AUTH_JWT_FILE,
            &USERNAME,
            &PASSWORD,
            &PASSWORD_FILE,
            &GITHUB_TOKEN,
            &GITHUB_TOKEN_FILE,
        ],
    ),
    (
        "TLS",
        &[
            &CACERT,
            &CACERT_BYTES,
            &CAPATH,
            &CLIENT_CERT,
            &CLIENT_KEY,
            &TLS_SERVER_NAME,
            &SKIP_VERIFY,
        ],
    ),
    (
        "Reading",
        &[
            &KV_V1_MOUNTS,
            &KV_V2_MOUNTS,
            &KV_VERSION,
            &TIMEOUT,
            &CLIENT_TIMEOUT,
            &MAX_BODY,
        ],
    ),
];

/// The credentials of this method.
pub(super) static OF_TOKEN: &[&Setting] = &[&TOKEN, &TOKEN_FILE];

/// The credentials of this method.
pub(super) static OF_APPROLE: &[&Setting] = &[
    &ROLE_ID,
    &ROLE_ID_FILE,
    &SECRET_ID,
    &SECRET_ID_FILE,
    &WRAPPED_SECRET_ID,
    &WRAPPED_SECRET_ID_FILE,
];

/// The credentials of this method.
pub(super) static OF_JWT: &[&Setting] = &[&AUTH_ROLE, &AUTH_JWT_FILE];

/// The credentials of this method.
pub(super) static OF_USERPASS: &[&Setting] = &[&USERNAME, &PASSWORD, &PASSWORD_FILE];

/// The credentials of this method.
pub(super) static OF_GITHUB: &[&Setting] = &[&GITHUB_TOKEN, &GITHUB_TOKEN_FILE];
