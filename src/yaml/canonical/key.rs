//! Keys: how they are written, and which stand twice.

use std::borrow::Cow;

use crate::yaml::load::resolve;
use crate::yaml::scalar::double_quote;
use crate::yaml::tree::NodeId;

/// Longest key, in bytes as it is written: go-yaml and libyaml look 1,024 characters ahead for the colon.
const LONGEST: usize = 1_000;

/// Whether every reader finds the colon behind a key.
pub(super) fn is_short(key: &str) -> bool {
    key.len() <= LONGEST && (is_simple(key) || double_quote(key).len() <= LONGEST)
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

/// Whether a key is a string to every reader without quotes, as the fields of Kubernetes objects are.
fn is_simple(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'))
        && !resolve::is_word(key)
}

/// The entries of one mapping.
pub(super) type Entries<'t> = Vec<Entry<'t>>;

/// One entry of a mapping.
pub(super) struct Entry<'t> {
    /// The key's text.
    pub(super) name: Cow<'t, str>,
    /// The key.
    pub(super) key: NodeId,
    /// What is written under it.
    pub(super) value: NodeId,
}

/// The keys whose text is that of an earlier one, in the order of the text.
pub(super) fn doubles(entries: &[Entry<'_>]) -> Vec<NodeId> {
    let mut keys: Vec<_> = entries
        .iter()
        .map(|entry| (&*entry.name, entry.key))
        .collect();
    keys.sort_unstable();
    let pairs = keys.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let mut doubles: Vec<_> = pairs.map(|pair| pair[1].1).collect();
    doubles.sort_unstable();
    doubles
}
