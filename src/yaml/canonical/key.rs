//! Keys: how they are written, and which are duplicates.

use std::borrow::Cow;

use crate::yaml::load::resolve;
use crate::yaml::scalar::double_quote;
use crate::yaml::tree::NodeId;

/// The longest key, in bytes as written: go-yaml and libyaml look 1,024 characters ahead for the colon.
const MAX_LENGTH: usize = 1_000;

/// Whether a key is short enough for every parser to find its colon.
pub(super) fn is_short(key: &str) -> bool {
    key.len() <= MAX_LENGTH && (is_simple(key) || double_quote(key).len() <= MAX_LENGTH)
}

/// Writes a key and its colon.
pub(super) fn write(out: &mut String, key: &str) {
    if is_simple(key) {
        out.push_str(key);
    } else {
        out.push_str(&double_quote(key));
    }
    out.push(':');
}

/// Whether every parser reads an unquoted key as a string, as with the fields of Kubernetes objects.
fn is_simple(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'))
        && !resolve::is_keyword(key)
}

/// The entries of one mapping.
pub(super) type Entries<'t> = Vec<Entry<'t>>;

/// One entry of a mapping.
pub(super) struct Entry<'t> {
    /// The key's text.
    pub(super) name: Cow<'t, str>,
    /// The node of the key.
    pub(super) key: NodeId,
    /// The node of the value.
    pub(super) value: NodeId,
}

/// The keys that repeat an earlier key, in the order of the text.
pub(super) fn duplicates(entries: &[Entry<'_>]) -> Vec<NodeId> {
    let mut keys: Vec<_> = entries
        .iter()
        .map(|entry| (&*entry.name, entry.key))
        .collect();
    keys.sort_unstable();
    let pairs = keys.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let mut duplicates: Vec<_> = pairs.map(|pair| pair[1].1).collect();
    duplicates.sort_unstable();
    duplicates
}
