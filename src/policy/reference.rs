//! The JSON Schema of a `Policy` and its reference page, both made of the doc comments in `raw`.

use super::raw::Policy;
use crate::document::schema;
use crate::vault::environment::names_under_policy;
use crate::vault::setting::UnderPolicy;

/// The JSON Schema (draft 7) of `kind: Policy`, as `fn-config/policy.schema.json` holds it.
#[must_use]
pub fn schema_json() -> String {
    format!("{:#}\n", schema::of::<Policy>())
}

/// The reference page in Markdown, as `fn-config/policy.md` holds it.
#[must_use]
pub fn reference_markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    schema::section(&mut page, "Policy", "", &schema::of::<Policy>());
    page.push_str(&what_the_environment_says());
    page
}

/// What each setting of the environment is worth under a policy.
fn what_the_environment_says() -> String {
    let list = |is: fn(UnderPolicy) -> bool| {
        let names = names_under_policy(is).into_iter();
        names
            .map(|name| format!("- `{name}`"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    format!(
        "\n## What the environment still says\n\n\
         Under a policy these variables do not count, whoever has set them, nor do `SSL_CERT_FILE`, `SSL_CERT_DIR`\n\
         or any proxy variable:\n\n{}\n\n\
         These count outside function mode, if the policy sets nothing in their place. They are sent to the policy's\n\
         server alone:\n\n{}\n\n\
         These always count, since they can only shorten `limits.deadline`:\n\n{}\n\n\
         The same holds for the other names of each, such as `BAO_ADDR` and `AVP_ROLE_ID` (`environment.md`).\n",
        list(|worth| worth == UnderPolicy::Ignored),
        list(|worth| matches!(worth, UnderPolicy::Credential(_))),
        list(|worth| worth == UnderPolicy::Shortens),
    )
}

const INTRODUCTION: &str = "\
<!-- Generated from the doc comments in src/policy/raw.rs: GITOPS_FN_UPDATE=1 cargo test generated -->
# The operator's policy

`/etc/gitops-fn/policy.yaml` says which secrets an Application may read and where they may be placed. The
path is compiled in: no option, variable or file of a repository names another one or widens it.
[policy-minimal.yaml](policy-minimal.yaml) and [policy-two-tenants.yaml](policy-two-tenants.yaml) are
examples; the JSON Schema is [policy.schema.json](policy.schema.json).

- Without the file everything is allowed that Vault allows. Only \"no such file\" means that: a file that
  cannot be read, a link that leads nowhere, and a policy with a problem are exit code 2.
- It has to be a regular file of root's that neither group nor others can write. Its folder is not judged
  and links are followed, so a mounted ConfigMap does.
- A denial is exit code 1, names the object, the field, the placeholder and the rule or limit, and asks
  Vault nothing. `gitops-fn policy test --policy FILE --project P --name N --namespace NS PATH…` answers
  for an Application before it is deployed, and exits 1 where a path is denied.
- An Application's project is bound by Argo CD; its name and its destination namespace are chosen by
  whoever edits it. So a path with a variable needs the project in it, or `projects` beside it. A value is
  one whole segment of `[A-Za-z0-9._-]+`; unset matches nothing.
- A path that is asked for is judged as it is read: `kv/data/shop/web` and `kv/shop/web` are the same of a
  KV v2 mount, and different ones of a v1 mount. Empty segments between others, `.`, `..`, `%`, `\\`, `?`, `#` and control
  characters are refused.
- Values go into `data` and `stringData` of Secrets of `apiVersion: v1`, which Argo CD masks, and where
  `sinks` says so; never into metadata. A value that an anchor shares is judged at each place.
- As a KRM function (`kustomize build --enable-exec`) the repository that calls us can set our
  environment. So no secret is read there without `functionMode: allow`; with it, rules with `${…}` or
  `projects` never match, and nothing of the environment counts but `AVP_PATH_VALIDATION`, which can only
  narrow.
- That keeps *this program* from being used as a function. Where kustomize runs with `--enable-exec`, a
  repository can start every program that it finds, this one with other arguments and variables too: no
  policy is a boundary there. Without `--enable-exec`, in `gitops-fn build` and in a pipe, it is one.
- `AVP_PATH_VALIDATION` counts beside the policy: both have to allow a path.
- The policy is a second lock. The first is what Vault's own policy lets the role read; give each project a
  role of its own with `auth.role: argocd-${ARGOCD_APP_PROJECT_NAME}`.
";

#[cfg(test)]
mod tests;
