//! The JSON Schema of a `Release` and its reference page, both generated from the doc comments in `raw`.

use std::fmt::Write as _;

use super::keys::KEYS;
use super::raw::Release;
use crate::document::schema;

/// The JSON Schema (draft 7) of `kind: Release`; `fn-config/release.schema.json` is a copy.
#[must_use]
pub fn schema_json() -> String {
    format!("{:#}\n", schema::of::<Release>())
}

/// The reference page in Markdown; `fn-config/reference.md` is a copy.
#[must_use]
pub fn reference_markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    schema::section(&mut page, "Release", "", &schema::of::<Release>());
    page.push_str(CONFIG_MAP);
    page.push_str("| Key | Meaning |\n|---|---|\n");
    for (key, text) in KEYS {
        let _ = writeln!(page, "| `{key}` | {text} |");
    }
    page.push_str(VARIABLES);
    page
}

const INTRODUCTION: &str = "\
<!-- Generated from the doc comments in src/config/raw.rs: GITOPS_FN_UPDATE=1 cargo test generated -->
# Configuration reference

The functionConfig of a KRM function, or the file given as `-f CONFIG`; [how to use it](../docs/configuration.md).
[minimal.yaml](minimal.yaml) and [full.yaml](full.yaml) are examples. `gitops-fn schema` prints the JSON Schema, which is also
in [release.schema.json](release.schema.json).

<!-- ANCHOR: fields -->
";

const CONFIG_MAP: &str = "
## ConfigMap

A `ConfigMap`, and any other kind with a map `data:` (`kpt fn eval … -- image=shop:1.2`), is taken as a
short form. All values are texts. Other keys are errors. With no functionConfig at all, or with empty
`data:`, the variables `APP_REPO`, `IMAGE_NAME` and `IMAGE_TAG` are the repository and the image; where
they are not set, placeholders are resolved and nothing else is done.

";

const VARIABLES: &str = "
## Variables

`${NAME}` is replaced by the variable of that name, `${NAME:-default}` by the default where the variable
is unset or empty, and `$${` is a literal `${`. It works where the tables say so, after the YAML has been
read; the result is checked by the rules of its field. It never works in manifests.

| Name | Value |
|---|---|
| `APP_REPO`, `IMAGE_NAME`, `IMAGE_TAG` | `ARGOCD_ENV_APP_REPO` and so on, the parameters of an Argo CD plugin; where that is unset or empty, the variable itself |
| `ARGOCD_APP_*`, `ARGOCD_ENV_*`, `PARAM_*`, `KUBE_VERSION` | the variable itself |

Any other name is an error, and so is a variable that is unset and has no default. Those of the secret
store (`VAULT_*`, `BAO_*`, `AVP_*`) can never be used, with `ARGOCD_ENV_` or `PARAM_` in front neither.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::schema::tests::generated;

    #[test]
    fn generated_schema_is_committed() {
        generated("release.schema.json", &schema_json());
    }

    #[test]
    fn generated_reference_is_committed() {
        generated("reference.md", &reference_markdown());
    }
}
