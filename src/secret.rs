//! Secret values, and references to them.
//!
//! A [`Value`] is never printed: `Debug` shows only its type, and there is neither `Display` nor `Serialize`. The
//! memory of its texts is wiped when it is dropped.

pub mod base64;
pub mod json;
pub mod path;
pub mod sha256;
pub mod wants;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use wants::Keys;

/// A JSON value from a secret store, or the result of a modifier.
///
/// Numbers keep the text that the store sent (`1.0` stays `1.0`). Map keys are sorted by their UTF-8 bytes, so that all
/// output is deterministic.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON `null`; counts as missing wherever a placeholder asks for it.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as JSON text.
    Number(Zeroizing<String>),
    /// A text.
    String(Zeroizing<String>),
    /// Bytes that are not UTF-8 text; only `base64decode` returns them.
    Bytes(Zeroizing<Vec<u8>>),
    /// A list.
    List(Vec<Value>),
    /// A map.
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// A string.
    #[must_use]
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(Zeroizing::new(text.into()))
    }

    /// A number from its JSON text.
    #[must_use]
    pub fn number(text: impl Into<String>) -> Self {
        Self::Number(Zeroizing::new(text.into()))
    }

    /// The type, for errors: `string`, `number`, `bool`, `null`, `bytes`, `list`, `map`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }
}

/// The memory in bytes that a key of a secret, or a member of a list or map, takes in addition to its text: its share of
/// the tree that holds it, and the overhead of two heap allocations.
pub const NODE: u64 = 160;

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Value {
    /// The length in bytes of its keys and scalars.
    fn size(&self) -> u64 {
        match self {
            Self::Null | Self::Bool(_) => 1,
            Self::Number(text) | Self::String(text) => count(text.len()),
            Self::Bytes(bytes) => count(bytes.len()),
            Self::List(items) => items.iter().map(Self::size).sum(),
            Self::Map(map) => map
                .iter()
                .map(|(key, value)| count(key.len()) + value.size())
                .sum(),
        }
    }
}

impl Value {
    /// Approximate memory use in bytes.
    fn memory(&self) -> u64 {
        let inside = match self {
            Self::List(items) => items.iter().map(Self::memory).sum(),
            Self::Map(map) => map
                .iter()
                .map(|(key, value)| count(key.len()) + value.memory())
                .sum(),
            _ => self.size(),
        };
        NODE + inside
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.type_name())
    }
}

/// The wanted keys of one version of a secret.
///
/// Its content is only accessible through [`Secret::expose`], so that every use can be found. Clones share the content.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    keys: Arc<BTreeMap<String, Value>>,
    size: u64,
}

impl Secret {
    /// A whole secret.
    #[must_use]
    pub fn new(keys: BTreeMap<String, Value>) -> Self {
        let size = keys
            .iter()
            .map(|(key, value)| count(key.len()) + value.size())
            .sum();
        Self::part(keys, size)
    }

    /// Some keys of a secret whose keys and values have `size` bytes in total.
    #[must_use]
    pub fn part(keys: BTreeMap<String, Value>, size: u64) -> Self {
        Self {
            keys: Arc::new(keys),
            size,
        }
    }

    /// The same secret with only the wanted keys.
    #[must_use]
    pub fn only(&self, keys: &Keys) -> Self {
        if *keys == Keys::All {
            return self.clone();
        }
        let wanted = self.keys.iter().filter(|(key, _)| keys.include(key));
        let wanted = wanted.map(|(key, value)| (key.clone(), value.clone()));
        Self::part(wanted.collect(), self.size)
    }

    /// The size of all keys and values of the secret in bytes, including those that are not wanted.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Approximate memory use in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.keys
            .iter()
            .map(|(key, value)| count(key.len()) + value.memory())
            .sum()
    }

    /// The keys and their values.
    #[must_use]
    pub fn expose(&self) -> &BTreeMap<String, Value> {
        &self.keys
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(<redacted>)")
    }
}

/// The KV version given by an object's `avp.kubernetes.io/kv-version` annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KvVersion {
    /// Unversioned.
    V1,
    /// Versioned; the default, as in AVP.
    V2,
}

impl fmt::Display for KvVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "1",
            Self::V2 => "2",
        })
    }
}

impl KvVersion {
    /// The path of a secret below a mount of this version, without the `data/` that KV v2's API has before it, since both
    /// spellings are in use. `None` if `path` is not below `mount`.
    ///
    /// Used both to check the operator's policy and to read the secret, so that the two agree.
    #[must_use]
    pub fn below<'p>(self, mount: &str, path: &'p str) -> Option<&'p str> {
        let below = path.strip_prefix(mount)?.strip_prefix('/')?;
        match self {
            Self::V1 => Some(below),
            Self::V2 => Some(below.strip_prefix("data/").unwrap_or(below)),
        }
    }
}

/// One read of a store, done at most once in a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretRef {
    /// `mount/path` as the user wrote it, without outer slashes and blanks; possibly with the `data` segment of KV v2.
    /// Only the store knows where the mount ends.
    pub path: String,
    /// The version; 0 is the latest, as in Vault.
    pub version: u64,
    /// The KV version that the manifest claims for the mount, if any. A store must check it, and may reject it.
    pub kv: Option<KvVersion>,
}
