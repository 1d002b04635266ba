//! Messages in the words of whoever can act on them: under a policy its fields, and not the variables
//! of the environment whose place they take.

use super::vars::VaultVars;

/// Parts of messages that hold more than names.
const PHRASES: [(&str, &str); 3] = [
    (
        "VAULT_CACERT, VAULT_CACERT_BYTES or VAULT_CAPATH",
        "VAULT_CACERT or VAULT_CACERT_BYTES",
    ),
    // no policy raises it
    (", or raise GITOPS_FN_MAX_BODY", ""),
    (
        "correct it in the environment of this process",
        "correct it where it is set",
    ),
];

/// What is the policy's alone.
const FIELDS: [(&str, &str); 13] = [
    ("VAULT_ADDR", "spec.vault.address"),
    ("VAULT_NAMESPACE", "spec.vault.namespace"),
    ("VAULT_CACERT", "spec.vault.caFile"),
    ("VAULT_CACERT_BYTES", "spec.vault.ca"),
    ("VAULT_TLS_SERVER_NAME", "spec.vault.serverName"),
    ("VAULT_REDIRECT_HOSTS", "spec.vault.redirectHosts"),
    ("VAULT_AUTH_METHOD", "spec.vault.auth.method"),
    ("VAULT_AUTH_MOUNT", "spec.vault.auth.mount"),
    ("VAULT_AUTH_NAMESPACE", "spec.vault.auth.namespace"),
    ("VAULT_AUTH_ROLE", "spec.vault.auth.role"),
    ("GITOPS_FN_KV_V1_MOUNTS", "spec.mounts"),
    ("GITOPS_FN_KV_V2_MOUNTS", "spec.mounts"),
    ("GITOPS_FN_TIMEOUT", "spec.limits.deadline"),
];

/// What the environment may say too: the field counts where the policy has set it.
const CREDENTIALS: [(&str, &str); 10] = [
    ("VAULT_CLIENT_CERT", "spec.vault.clientCertFile"),
    ("VAULT_CLIENT_KEY", "spec.vault.clientKeyFile"),
    ("VAULT_TOKEN_FILE", "spec.vault.auth.tokenFile"),
    ("VAULT_ROLE_ID_FILE", "spec.vault.auth.roleIdFile"),
    ("VAULT_SECRET_ID_FILE", "spec.vault.auth.secretIdFile"),
    (
        "VAULT_WRAPPED_SECRET_ID_FILE",
        "spec.vault.auth.wrappedSecretIdFile",
    ),
    ("VAULT_AUTH_JWT_FILE", "spec.vault.auth.jwtFile"),
    ("VAULT_USERNAME", "spec.vault.auth.username"),
    ("VAULT_PASSWORD_FILE", "spec.vault.auth.passwordFile"),
    ("VAULT_GITHUB_TOKEN_FILE", "spec.vault.auth.githubTokenFile"),
];

/// The policy's field that is read as this setting; the setting itself if there is none.
#[must_use]
pub fn policy_field(setting: &'static str) -> &'static str {
    let mut all = FIELDS.iter().chain(&CREDENTIALS);
    all.find(|(known, _)| *known == setting)
        .map_or(setting, |(_, field)| field)
}

impl VaultVars {
    /// A message about these settings, with the names under which they have been set.
    #[must_use]
    pub fn in_their_words(&self, message: String) -> String {
        if !self.is_governed() {
            return message;
        }
        let text = PHRASES
            .iter()
            .fold(message, |text, (from, to)| text.replace(from, to));
        let mut said = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(begin) = rest.find(is_of_name) {
            let (before, from) = rest.split_at(begin);
            let (name, after) =
                from.split_at(from.find(|ch| !is_of_name(ch)).unwrap_or(from.len()));
            said.push_str(before);
            said.push_str(self.field(name).unwrap_or(name));
            rest = after;
        }
        said + rest
    }

    /// The policy's field in place of a variable.
    fn field(&self, name: &str) -> Option<&'static str> {
        let fixed = FIELDS.iter().find(|(known, _)| *known == name);
        if let Some((_, field)) = fixed {
            return Some(field);
        }
        // a message names the credential itself or its file
        let (setting, field) = CREDENTIALS
            .iter()
            .find(|(setting, _)| *setting == name || setting.strip_suffix("_FILE") == Some(name))?;
        self.by_policy.contains(setting).then_some(*field)
    }
}

/// A path that happens to hold the name of a variable is one word with it, and stays.
fn is_of_name(ch: char) -> bool {
    ch.is_ascii_alphanumeric() || matches!(ch, '_' | '-' | '/')
}

#[cfg(test)]
mod tests {
    use super::super::Governed;
    use super::*;

    #[test]
    fn a_policy_has_words_of_its_own() {
        let governed = VaultVars::default().governed(&Governed {
            settings: vec![
                ("VAULT_ADDR", "https://vault".to_owned()),
                ("VAULT_TOKEN_FILE", "/token".to_owned()),
            ],
            credentials: true,
            ..Governed::default()
        });
        for (message, said) in [
            ("check VAULT_ADDR, and", "check spec.vault.address, and"),
            ("VAULT_TOKEN is empty", "spec.vault.auth.tokenFile is empty"),
            ("VAULT_TOKEN_FILE", "spec.vault.auth.tokenFile"),
            ("VAULT_ROLE_ID is empty", "VAULT_ROLE_ID is empty"),
            ("X_VAULT_ADDR älter", "X_VAULT_ADDR älter"),
            (
                "permission denied for kv/VAULT_ADDR",
                "permission denied for kv/VAULT_ADDR",
            ),
            (
                "path \"kv/data/VAULT_ADDR/a-VAULT_TOKEN\"",
                "path \"kv/data/VAULT_ADDR/a-VAULT_TOKEN\"",
            ),
            (
                "in VAULT_CACERT, VAULT_CACERT_BYTES or VAULT_CAPATH",
                "in spec.vault.caFile or spec.vault.ca",
            ),
            ("read less, or raise GITOPS_FN_MAX_BODY", "read less"),
        ] {
            assert_eq!(governed.in_their_words(message.to_owned()), said);
            let free = VaultVars::default();
            assert_eq!(free.in_their_words(message.to_owned()), message);
        }
    }
}
