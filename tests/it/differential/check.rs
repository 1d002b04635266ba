//! What must hold of every output that a policy let through.

use super::argo::{Argo, Seen};
use super::mutate::Attempt;
use super::tenant::{Tenant, Way, is_of_a_value, members, misplaced, same, second_reading};

/// What an attempt came to.
pub(super) struct Trial {
    /// With the secrets.
    pub(super) rendered: Option<String>,
    /// With the placeholders left.
    kept: Option<String>,
}

impl Trial {
    pub(super) fn new(tenant: &Tenant, attempt: &Attempt) -> Self {
        let text = &attempt.text;
        let way = if attempt.function {
            Way::Function
        } else {
            Way::Render
        };
        let kept = (!attempt.function).then(|| tenant.run(Way::Keep, text).ok());
        Self {
            rendered: tenant.run(way, text).ok(),
            kept: kept.flatten(),
        }
    }

    /// Whether anything was let through.
    pub(super) fn is_accepted(&self) -> bool {
        self.rendered.is_some() || self.kept.is_some()
    }

    /// Whether a value stands in what was.
    pub(super) fn has_value(&self) -> bool {
        self.rendered
            .as_ref()
            .is_some_and(|text| text.contains("SENTINEL-"))
    }

    /// The texts that Argo CD is asked about: the input, and what has become of it.
    pub(super) fn texts<'t>(&'t self, attempt: &'t Attempt) -> [&'t str; 3] {
        let text = |output: &'t Option<String>| output.as_deref().unwrap_or_default();
        [&attempt.text, text(&self.rendered), text(&self.kept)]
    }

    /// What is wrong with it, given what Argo CD makes of [`Trial::texts`].
    pub(super) fn fault(&self, attempt: &Attempt, seen: &[Seen]) -> Option<String> {
        let [input, rendered, kept] = seen else {
            panic!("three texts");
        };
        let faults = [
            self.rendered
                .as_ref()
                .and_then(|text| output_fault(text, rendered)),
            self.kept.as_ref().and_then(|text| output_fault(text, kept)),
            self.kept
                .as_ref()
                .and_then(|_| meaning_fault(attempt, input, kept)),
        ];
        faults.into_iter().flatten().next()
    }
}

/// Runs an attempt and says what is wrong with it.
pub(super) fn fault(tenant: &Tenant, argo: &mut Argo, attempt: &Attempt) -> Option<String> {
    let trial = Trial::new(tenant, attempt);
    let seen = argo.sees_all(&trial.texts(attempt));
    trial.fault(attempt, &seen)
}

/// Each output: Argo CD sees what another reader sees, and each value only where it may be.
pub(super) fn output_fault(text: &str, seen: &Seen) -> Option<String> {
    let objects = match seen {
        Ok(objects) => objects,
        // refused as a whole, for what the object is and not for how it is written
        Err(error) if is_no_object(error) => return None,
        // it reads its own JSON as YAML, where U+0085 ends a line
        Err(_) if text.contains("\\u0085") => return None,
        Err(error) => return Some(format!("Argo CD cannot read it: {error}")),
    };
    // what a function prints comes to Argo CD item by item
    let found = if is_function_output(text) {
        misplaced(&members(objects.clone()))
    } else {
        misplaced(objects)
    };
    if let Some(found) = found {
        return Some(format!("Argo CD sees {found}"));
    }
    let denied = |line: &&str| is_of_a_value(line) && line.contains("SENTINEL-denied");
    if let Some(line) = text.lines().find(denied) {
        return Some(format!("a value that nobody may read: {line}"));
    }
    let ours = match second_reading(text) {
        Ok(ours) => ours,
        Err(error) => return Some(format!("another reader cannot read it: {error}")),
    };
    let alike = ours.len() == objects.len()
        && ours
            .iter()
            .zip(objects)
            .all(|(ours, theirs)| same(ours, theirs));
    (!alike).then(|| {
        format!(
            "readers differ.\nArgo CD: {}\nanother: {}",
            shown(objects),
            shown(&ours)
        )
    })
}

fn is_function_output(text: &str) -> bool {
    text.lines().any(|line| line == "kind: \"ResourceList\"")
}

/// What is no object to Kubernetes, however it is written: without a kind, with a kind that is no text, with
/// items that are no objects.
fn is_no_object(error: &str) -> bool {
    [
        "Object 'Kind' is missing",
        "unable to decode",
        "items member",
        "cannot unmarshal",
    ]
    .iter()
    .any(|words| error.contains(words))
}

/// Without secrets in it, the output means what the input meant to Argo CD.
fn meaning_fault(attempt: &Attempt, input: &Seen, kept: &Seen) -> Option<String> {
    let (Ok(input), Ok(kept)) = (input, kept) else {
        return None;
    };
    let (before, after) = (without_releases(input), without_releases(kept));
    let alike = before.len() == after.len()
        && before
            .iter()
            .zip(&after)
            .all(|(one, other)| same(one, other));
    (!alike && is_plain(&attempt.text)).then(|| {
        format!(
            "the meaning has changed.\nbefore: {}\nafter: {}",
            shown(input),
            shown(kept)
        )
    })
}

/// Objects but for our own configuration, which is left out.
fn without_releases(objects: &[serde_json::Value]) -> Vec<&serde_json::Value> {
    let text = |object: &serde_json::Value, key| object[key].as_str().map(str::to_owned);
    let is_release = |object: &&serde_json::Value| {
        text(object, "kind").as_deref() == Some("Release")
            && text(object, "apiVersion").is_some_and(|text| text.starts_with("gitops-fn.dev/"))
    };
    objects
        .iter()
        .filter(|object| !is_release(object))
        .collect()
}

/// Whether a text has nothing in it that ends a line, or a document, for one reader and not for another.
fn is_plain(text: &str) -> bool {
    let odd = |ch: char| {
        matches!(
            ch,
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\t'
        )
    };
    let separates = |line: &str| {
        line.starts_with("...") || (line.starts_with("---") && !line[3..].trim().is_empty())
    };
    // libyaml takes what comes behind a tag without a blank for a part of it
    let tag = |word: &str| word.starts_with('!') && word.contains([',', ']', '}']);
    let words = |line: &str| line.split([' ', '[', '{']).any(tag);
    !text.contains(odd) && !text.lines().any(|line| separates(line) || words(line))
}

fn shown(objects: &[serde_json::Value]) -> String {
    serde_json::Value::from(objects.to_vec()).to_string()
}
