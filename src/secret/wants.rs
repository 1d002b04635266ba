//! What a run asks of its store: which secrets, and which of their keys.

use std::collections::{BTreeMap, BTreeSet};

use super::SecretRef;

/// Which keys of a secret are asked for; a store keeps no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Every key there is.
    All,
    /// These, if they are there.
    Only(BTreeSet<String>),
}

impl Keys {
    /// The word for every key of a secret, in the place of a key's name.
    pub const EVERY: &str = "*";

    /// Whether a key is asked for.
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

/// The reads of a run, each at most once, and the keys that are wanted of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    secrets: BTreeSet<SecretRef>,
    /// By what all spellings of a path have in common.
    keys: BTreeMap<String, Keys>,
}

impl Wants {
    /// Asks for a key of a secret, or for [`Keys::EVERY`].
    pub fn add(&mut self, want: SecretRef, key: &str) {
        let keys = self.keys.entry(gist(&want.path));
        keys.or_insert_with(|| Keys::Only(BTreeSet::new())).add(key);
        self.secrets.insert(want);
    }

    /// The secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        self.secrets.iter()
    }

    /// The keys that are wanted of a secret, of whichever version: those that are asked for under any spelling
    /// of its path, since only the store knows which of them name the same secret and are read together.
    #[must_use]
    pub fn keys(&self, want: &SecretRef) -> Keys {
        let nothing = || Keys::Only(BTreeSet::new());
        let keys = self.keys.get(&gist(&want.path));
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

/// A path without its segments `data`, wherever KV v2 may have one: two spellings of one secret have the same,
/// and where two secrets have the same, some keys too many are kept of each.
fn gist(path: &str) -> String {
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
    fn the_keys_of_all_spellings_and_versions_come_together() {
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
