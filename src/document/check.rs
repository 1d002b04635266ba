//! Checks the shape of a document against its schema. It reports every unknown field, missing field and wrong type at
//! once; serde would stop at the first and quote the value.

use serde_json::Value as Schema;
use serde_yaml::{Mapping, Value};

use super::unquoted::TAG;
use crate::finding::Finding;

/// The longest unknown field name that is shown, in bytes. A longer one is hardly a typing error.
const MAX_SHOWN: usize = 32;
/// The maximum edit distance between an unknown name and a known one for which the known one is suggested.
const MAX_SLIPS: usize = 2;

/// Reports everything that does not fit the schema and removes it from the document, so that the rest can be read and
/// checked further. Positions in lists are kept: an element that does not fit becomes empty.
pub(crate) fn check(document: &mut Value, schema: &Schema, problems: &mut Vec<Finding>) {
    node(document, schema, "", problems);
}

/// Checks one value. Returns whether it can stay in the document.
fn node(value: &mut Value, schema: &Schema, path: &str, problems: &mut Vec<Finding>) -> bool {
    if let Some(choices) = choices(schema) {
        return choice(value, &choices, path, problems);
    }
    if let Some(forms) = schema["anyOf"].as_array() {
        // the second form is a string; a value that is neither is checked against the first
        let form = usize::from(value.is_string());
        return node(value, &forms[form], path, problems);
    }
    let expected = schema["type"].as_str().unwrap_or_default();
    match (expected, value) {
        ("object", Value::Mapping(map)) => {
            if schema["properties"].is_object() {
                fields(map, schema, path, problems);
            }
        }
        ("array", Value::Sequence(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                let path = format!("{path}[{index}]");
                let schema = &schema["items"];
                let expected = schema["type"].as_str().unwrap_or_default();
                if item.is_null() {
                    problems.push(wrong_type(&path, item, type_name(expected)));
                }
                if item.is_null() || !node(item, schema, &path, problems) {
                    *item = match expected {
                        "string" => Value::String(String::new()),
                        _ => Value::Mapping(Mapping::new()),
                    };
                }
            }
        }
        ("boolean", Value::Bool(_)) | ("string", Value::String(_)) => {}
        ("integer", Value::Number(number)) if number.is_u64() => {}
        ("object" | "array" | "boolean", Value::Null) => return false,
        (expected, value) => {
            problems.push(wrong_type(path, value, type_name(expected)));
            return false;
        }
    }
    true
}

fn fields(map: &mut Mapping, schema: &Schema, path: &str, problems: &mut Vec<Finding>) {
    let Some(known) = schema["properties"].as_object() else {
        return;
    };
    let before = problems.len();
    map.retain(|key, value| {
        let field = key.as_str().and_then(|name| known.get_key_value(name));
        if let Some((name, schema)) = field {
            return node(value, schema, &join(path, name), problems);
        }
        problems.push(unknown_field(path, key, known.keys().map(String::as_str)));
        false
    });
    for name in schema["required"].as_array().into_iter().flatten() {
        let Some(name) = name.as_str() else { continue };
        let path = join(path, name);
        let reported = problems[before..]
            .iter()
            .any(|problem| problem.named() == path);
        if !map.contains_key(name) && !reported {
            let help = known
                .get(name)
                .and_then(|field| field["description"].as_str());
            problems.push(Finding::invalid(&path, "missing", help.unwrap_or_default()));
        }
    }
}

/// The allowed texts, if the schema is an enumeration.
fn choices(schema: &Schema) -> Option<Vec<&str>> {
    if let Some(only) = schema["const"].as_str() {
        return Some(vec![only]);
    }
    let options = schema["oneOf"].as_array()?;
    Some(
        options
            .iter()
            .filter_map(|option| option["const"].as_str())
            .collect(),
    )
}

fn choice(value: &Value, choices: &[&str], path: &str, problems: &mut Vec<Finding>) -> bool {
    if value.as_str().is_some_and(|text| choices.contains(&text)) {
        return true;
    }
    let list = choices.join("`, `");
    problems.push(Finding::invalid(
        path,
        "not one of the known words",
        format!("write `{list}`"),
    ));
    false
}

/// The error for a value of the wrong type. A text that YAML reads as a number is explained.
pub(crate) fn wrong_type(path: &str, found: &Value, expected: &str) -> Finding {
    // if a string would be wrong too, the missing quotes are not the problem
    let found = match found {
        Value::Tagged(value) if value.tag == TAG && expected != "a string" => &value.value,
        found => found,
    };
    let message = format!("{} where {expected} is expected", found_type(found));
    let help = match (found, expected) {
        (Value::Number(_) | Value::Bool(_), "a string") => {
            "put it in quotes: without them YAML makes a number or boolean of it, so 1.10 has become 1.1 and cannot be told apart"
        }
        (Value::Tagged(value), _) if value.tag == TAG => {
            "put it in quotes: some YAML readers take it for a number, a boolean or a date"
        }
        (_, "a string") => {
            "write a text, in quotes where it could be read as something else; leave the field out if there is none"
        }
        (Value::String(_), "a whole number") => "write digits alone, without quotes and units",
        (Value::String(_), "true or false") => "write true or false, without quotes",
        _ => "see `gitops-fn schema`",
    };
    Finding::invalid(path, &message, help)
}

/// The error for an unknown field, which suggests the nearest known name.
pub(crate) fn unknown_field<'a>(
    parent: &str,
    key: &Value,
    known: impl Iterator<Item = &'a str>,
) -> Finding {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let list = known.join(", ");
    let name = key.as_str().filter(|name| may_be_shown(name, &known));
    let Some(name) = name else {
        let path = if parent.is_empty() {
            "the document"
        } else {
            parent
        };
        return Finding::invalid(
            path,
            "a field that is not known",
            format!("known here: {list}"),
        );
    };
    let help = match nearest(name, &known) {
        Some(near) => format!("did you mean `{near}`? known here: {list}"),
        None => format!("known here: {list}"),
    };
    Finding::invalid(join(parent, name), "unknown field", &help)
}

/// Whether an unknown name looks like the name of a field. With wrong indentation a secret may have become a key, and
/// generated secrets contain digits or are long.
fn may_be_shown(name: &str, known: &[&str]) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > MAX_SHOWN || !name.bytes().all(plain) {
        return false;
    }
    let is_slip = |field: &&str| distance(&lower(name), &lower(field)) <= MAX_SLIPS;
    name.bytes().all(|byte| byte.is_ascii_alphabetic()) || known.iter().any(is_slip)
}

fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = lower(name);
    let far = |field: &str| {
        let field = lower(field);
        let slips = distance(&name, &field);
        let part = name.len() >= 3 && (field.contains(&name) || name.contains(&field));
        if part { slips.min(MAX_SLIPS) } else { slips }
    };
    let distances = known.iter().map(|field| (far(field), *field));
    let (slips, field) = distances.min()?;
    (slips <= MAX_SLIPS).then_some(field)
}

/// The edit distance in bytes: how many have to be changed, added or removed.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut last = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.bytes().zip(row.iter().skip(1)) {
            left = (last + usize::from(x != y)).min(left + 1).min(above + 1);
            last = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    }
}

fn type_name(schema: &str) -> &'static str {
    match schema {
        "object" => "a map",
        "array" => "a list",
        "boolean" => "true or false",
        "integer" => "a whole number",
        _ => "a string",
    }
}

fn found_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a map",
        Value::Tagged(value) if value.tag == TAG => "an ambiguous value without quotes",
        Value::Tagged(_) => "a value with a YAML tag",
    }
}
