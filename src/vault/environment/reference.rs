//! The reference page of all settings, and their lines in the help.

use std::fmt::Write as _;

use super::{all, sections};
use crate::vault::login::METHODS;
use crate::vault::setting::{About, UnderPolicy};

/// The reference page in Markdown, which is committed as `fn-config/environment.md`.
#[must_use]
pub fn environment_markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    for (title, settings) in sections() {
        let _ = write!(page, "\n## {title}\n\n");
        page.push_str("| Names | Default | Meaning | What differs from AVP |\n|---|---|---|---|\n");
        for setting in settings {
            let names: Vec<_> = setting.names().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} |",
                names.join(", "),
                setting.default.text(),
                setting.meaning.text(),
                setting.differs
            );
        }
    }
    page.push_str("\n## Login methods\n\n| Method | Logs in with |\n|---|---|\n");
    for method in METHODS {
        let _ = writeln!(page, "| `{}` | {} |", method.name, method.meaning);
    }
    page.push_str(OTHERS);
    page
}

/// The lines of `gitops-fn --help` about the server: the name and the meaning of each setting.
pub(crate) fn help() -> impl Iterator<Item = (&'static str, String)> {
    all().filter_map(|setting| Some((setting.name, setting.help?.text())))
}

/// The names of the settings whose [`UnderPolicy`] satisfies `is`.
pub(crate) fn names_under_policy(is: impl Fn(UnderPolicy) -> bool) -> Vec<&'static str> {
    let settings = all().filter(|setting: &&About| is(setting.under_policy));
    settings.map(|setting| setting.name).collect()
}

const INTRODUCTION: &str = "\
<!-- Generated from src/vault/settings/ and src/vault/login/: GITOPS_FN_UPDATE=1 cargo test generated -->
# Settings of a Vault server

<!-- ANCHOR: fields -->
Where secrets are read and who we are there is said by the environment of the process alone: never by
`ARGOCD_ENV_*`, `PARAM_*`, a functionConfig or a manifest. Names that differ from those of
argocd-vault-plugin (AVP) and of Vault's own client are our own.

- Nothing here is looked at before a secret is wanted from a server. Then all problems are reported at
  once, with exit code 2; values are never shown.
- An empty variable counts as unset.
- Names in one row mean the same. Set to different things they are an error that names both.
- A credential beside its `_FILE` is an error. Files are read at login: regular ones of at most 1 MiB, links
  to them, and what a shell hands over (`<(…)`). Blanks around a credential in a file do not count.
- Yes and no are `true` and `false`, or the other words of Go's ParseBool (`1`, `t`, `T`, `TRUE`, `True`,
  `0`, `f`, `F`, `FALSE`, `False`).
- AVP keeps tokens under `$HOME/.avp`; here they live in memory, and are revoked at the end where the
  login has made them: the policy needs `update` on `auth/token/revoke-self`, which Vault's policy
  `default` has. Without it a warning says how long the token lives on.
";

const OTHERS: &str = "
## Not read

`VAULT_MAX_RETRIES`, `VAULT_RATE_LIMIT`, `VAULT_SRV_LOOKUP`, `VAULT_PROXY_ADDR`, `VAULT_HTTP_PROXY`,
`VAULT_DISABLE_REDIRECTS`, `VAULT_WRAP_TTL` and `VAULT_MFA` of the official client, `~/.vault-token`, and the
settings of AVP's other backends.

The other variables, such as `AVP_PATH_VALIDATION`, are listed by `gitops-fn --help`.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::schema::tests::generated;

    #[test]
    fn generated_settings_are_committed() {
        generated("environment.md", &environment_markdown());
    }
}
