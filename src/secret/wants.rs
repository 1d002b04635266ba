//! Which secrets, and which keys of them, a run reads from its store.

use std::collections::{BTreeMap, BTreeSet};

use super::SecretRef;

/// The wanted keys of a secret; a store keeps no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// All keys.
    All,
    /// These keys, as far as they exist.
    Only(BTreeSet<String>),
}

impl Keys {
    /// Stands for all keys of a secret, in place of a key's name.
    pub const EVERY: &str = "*";

    /// Whether a key is wanted.
    #[must_use]
    pub fn include(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(keys) => keys.contains(key),
        }
    }

    fn add(&mut self, key: &str) {
        if key == Self::EVERY {
            *self = Self::All;
        } else if let Self::Only(keys) = self
            && !keys.contains(key)
        {
            keys.insert(key.to_owned());
        }
    }
}

/// The reads of a run, each at most once, and the wanted keys of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    secrets: BTreeSet<SecretRef>,
    /// The wanted keys, by [`without_data`] of the path.
    keys: BTreeMap<String, Keys>,
}

impl Wants {
    /// Adds a key of a secret, or [`Keys::EVERY`].
    pub fn add(&mut self, want: SecretRef, key: &str) {
        let keys = self.keys.entry(without_data(&want.path));
        keys.or_insert_with(|| Keys::Only(BTreeSet::new())).add(key);
        self.secrets.insert(want);
    }

    /// The secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        self.secrets.iter()
    }

    /// The wanted keys of a secret in any version, under any spelling of its path: only the store knows which spellings
    /// name the same secret, and reads those once.
    #[must_use]
    pub fn keys(&self, want: &SecretRef) -> Keys {
        let nothing = || Keys::Only(BTreeSet::new());
        let keys = self.keys.get(&without_data(&want.path));
        keys.cloned().unwrap_or_else(nothing)
    }

    /// How many reads there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }
}

/// A path without any `data` segments, since KV v2 may have one anywhere. It is equal for all spellings of a secret; if
/// it is equal for two secrets, a few more keys than wanted are kept of each.
fn without_data(path: &str) -> String {
    let segments = path.trim_matches('/').split('/');
    let segments: Vec<_> = segments.filter(|segment| *segment != "data").collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(path: &str, version: u64) -> SecretRef {
        SecretRef {
            path: path.to_owned(),
            version,
            kv: None,
        }
    }

    fn only(keys: &[&str]) -> Keys {
        Keys::Only(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    #[test]
    fn wanted_keys_are_joined_over_spellings_and_versions() {
        let mut wants = Wants::default();
        wants.add(want("kv/a", 0), "x");
        wants.add(want("kv/a", 0), "y");
        wants.add(want("kv/data/a", 3), "z");
        wants.add(want("kv/b", 0), "x");
        assert_eq!(wants.len(), 3);
        for (path, version) in [("kv/a", 0), ("kv/data/a", 3)] {
            assert_eq!(wants.keys(&want(path, version)), only(&["x", "y", "z"]));
        }
        assert_eq!(wants.keys(&want("kv/b", 0)), only(&["x"]));
        assert_eq!(wants.keys(&want("kv/c", 0)), only(&[]));
        wants.add(want("kv/data/b", 0), Keys::EVERY);
        wants.add(want("kv/b", 0), "y");
        assert_eq!(wants.keys(&want("kv/b", 0)), Keys::All);
    }
}
