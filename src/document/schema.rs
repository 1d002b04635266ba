//! The JSON Schema of a document type and the tables of its reference page, both generated from the type's doc
//! comments.

use std::fmt::Write as _;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of a type: JSON Schema draft 7 without references, so that editors and our own check can traverse it.
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

/// Adapts what schemars generates for an `Option` to our documents, in which a missing field is left out and never
/// null. Also joins each text into one line.
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

/// Whether the last of several alternatives is null.
fn is_optional(any: &Value) -> bool {
    let last = any.as_array().and_then(|any| any.last());
    last.is_some_and(|last| last["type"] == "null")
}

/// The first alternative of a field, which is the one that has fields of its own; the field itself if it has none.
fn first_form(field: &Value) -> &Value {
    field["anyOf"].get(0).unwrap_or(field)
}

/// Appends to `page` a section with a table of the schema's fields, and then a section for each map among them.
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
