//! The JSON Schema of a `Release` and the reference page, both made of the doc comments in `raw`.

use std::fmt::Write as _;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::keys::KEYS;
use super::raw::Release;

/// The schema of a `Release`.
pub(super) fn schema() -> Value {
    of::<Release>()
}

/// The schema of a type as data: draft 7, without references, so that editors and our own check can
/// walk it.
#[must_use]
pub fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    tidy(&mut schema);
    schema
}

/// What schemars says of an `Option` is put as the documents have it: a missing field is left out,
/// not null. Texts become one line.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get("type")
                && let Some(first) = types.first().cloned()
            {
                map.insert("type".to_owned(), first);
            }
            if map.get("anyOf").is_some_and(is_optional)
                && let Some(Value::Array(any)) = map.remove("anyOf")
                && let Some(Value::Object(first)) = any.into_iter().next()
            {
                for (key, value) in first {
                    map.entry(key).or_insert(value);
                }
            }
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Whether the last of some alternatives is null.
fn is_optional(any: &Value) -> bool {
    let last = any.as_array().and_then(|any| any.last());
    last.is_some_and(|last| last["type"] == "null")
}

/// The first of a field's forms, which is the one that has fields of its own.
fn first_form(field: &Value) -> &Value {
    field["anyOf"].get(0).unwrap_or(field)
}

/// The JSON Schema (draft 7) of `kind: Release`, as `fn-config/release.schema.json` holds it.
#[must_use]
pub fn schema_json() -> String {
    format!("{:#}\n", schema())
}

/// The reference page in Markdown, as `fn-config/reference.md` holds it.
#[must_use]
pub fn reference_markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    section(&mut page, "Release", "", &schema());
    page.push_str(CONFIG_MAP);
    page.push_str("| Key | Meaning |\n|---|---|\n");
    for (key, text) in KEYS {
        let _ = writeln!(page, "| `{key}` | {text} |");
    }
    page.push_str(VARIABLES);
    page
}

/// One table of fields, and after it those of the maps in it.
pub fn section(page: &mut String, title: &str, path: &str, schema: &Value) {
    let Some(fields) = schema["properties"].as_object() else {
        return;
    };
    let _ = write!(page, "\n## {title}\n\n{}\n\n", description(schema));
    page.push_str("| Field | Type | Default | Meaning |\n|---|---|---|---|\n");
    for (name, field) in fields {
        let required = schema["required"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == name));
        let default = match field.get("default") {
            Some(Value::String(text)) => format!("`{text}`"),
            Some(value) => format!("`{value}`"),
            None if required => "required".to_owned(),
            None => String::new(),
        };
        let (kind, text) = (kind(field), description(field));
        let _ = writeln!(page, "| `{name}` | {kind} | {default} | {text} |");
    }
    for (name, field) in fields {
        let dot = if path.is_empty() { "" } else { "." };
        let field = first_form(field);
        let (path, field) = match field.get("items") {
            Some(items) => (format!("{path}{dot}{name}[]"), items),
            None => (format!("{path}{dot}{name}"), field),
        };
        section(page, &format!("`{path}`"), &path, field);
    }
}

fn kind(field: &Value) -> String {
    if let Some(forms) = field["anyOf"].as_array() {
        return forms.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    match (field["oneOf"].as_array(), field["type"].as_str()) {
        (Some(options), _) => {
            let words = options.iter().filter_map(|option| option["const"].as_str());
            words
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(" or ")
        }
        (None, Some("object")) => "map".to_owned(),
        (None, Some("array")) => match field["items"]["type"].as_str() {
            Some("string") => "list of strings".to_owned(),
            _ => "list of maps".to_owned(),
        },
        (None, Some(other)) => other.to_owned(),
        (None, None) => String::new(),
    }
}

fn description(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

const INTRODUCTION: &str = "\
<!-- Generated from the doc comments in src/config/raw.rs: GITOPS_FN_UPDATE=1 cargo test generated -->
# Configuration reference

The functionConfig of a KRM function, or the file given as `-f CONFIG`. [minimal.yaml](minimal.yaml) and
[full.yaml](full.yaml) are examples; `gitops-fn schema` prints the JSON Schema, which is also kept in
[release.schema.json](release.schema.json).
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
pub(crate) mod tests {
    use std::path::Path;

    use super::*;

    /// Compares with the committed file, or writes it with `GITOPS_FN_UPDATE=1`.
    pub(crate) fn generated(name: &str, text: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fn-config")
            .join(name);
        if std::env::var_os("GITOPS_FN_UPDATE").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "fn-config/{name} is not what the code says; run GITOPS_FN_UPDATE=1 cargo test generated"
        );
    }

    #[test]
    fn generated_schema_is_committed() {
        generated("release.schema.json", &schema_json());
    }

    #[test]
    fn generated_reference_is_committed() {
        generated("reference.md", &reference_markdown());
    }

    #[test]
    fn generated_settings_are_committed() {
        let page = crate::settings::vault::environment_markdown();
        generated("environment.md", &page);
    }

    /// The names of all fields, at any depth; each has to be described.
    pub(crate) fn fields(schema: &Value) -> Vec<String> {
        let properties = schema["properties"].as_object().into_iter().flatten();
        let nested = |(name, field): (&String, &Value)| {
            assert!(!description(field).is_empty(), "{name} has no description");
            let mut names = vec![name.clone()];
            let field = first_form(field);
            names.extend(fields(field));
            names.extend(fields(&field["items"]));
            names
        };
        properties.flat_map(nested).collect()
    }
}
