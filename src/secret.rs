//! Secret values, and the names under which they are asked for.
//!
//! A [`Value`] never shows itself: `Debug` prints its type only, there is no `Display` and no
//! `Serialize`, and the memory of its texts is wiped when it is dropped.

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

/// A JSON value that came from a secret store, or that a modifier made of one.
///
/// Numbers keep the text the store sent (`1.0` stays `1.0`). Map keys are sorted by their UTF-8
/// bytes, so every output made of a value is deterministic.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON `null`; counts as missing wherever a placeholder asks for it.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as the JSON text it had.
    Number(Zeroizing<String>),
    /// A text.
    String(Zeroizing<String>),
    /// Bytes that are no UTF-8 text (only `base64decode` makes them).
    Bytes(Zeroizing<Vec<u8>>),
    /// A list.
    List(Vec<Value>),
    /// A map.
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// A text value.
    #[must_use]
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(Zeroizing::new(text.into()))
    }

    /// A number, by its JSON text.
    #[must_use]
    pub fn number(text: impl Into<String>) -> Self {
        Self::Number(Zeroizing::new(text.into()))
    }

    /// The type, as an error may name it: `string`, `number`, `bool`, `null`, `bytes`, `list`, `map`.
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

/// The memory that a key of a secret, or a member of a list or map, takes beside its text: with its share of the
/// tree that it stands in, and with two texts of their own on the heap.
pub const NODE: u64 = 160;

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Value {
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
    /// How much memory it takes, roughly.
    fn held(&self) -> u64 {
        let inside = match self {
            Self::List(items) => items.iter().map(Self::held).sum(),
            Self::Map(map) => map
                .iter()
                .map(|(key, value)| count(key.len()) + value.held())
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

/// What is wanted of one version of one secret.
///
/// Its content is reached through [`Secret::expose`] alone, so that every use can be found; a clone is no
/// copy of it.
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

    /// Some keys of a secret that has `size` bytes.
    #[must_use]
    pub fn part(keys: BTreeMap<String, Value>, size: u64) -> Self {
        Self {
            keys: Arc::new(keys),
            size,
        }
    }

    /// The same secret with the keys that are wanted alone.
    #[must_use]
    pub fn only(&self, keys: &Keys) -> Self {
        if *keys == Keys::All {
            return self.clone();
        }
        let wanted = self.keys.iter().filter(|(key, _)| keys.include(key));
        let wanted = wanted.map(|(key, value)| (key.clone(), value.clone()));
        Self::part(wanted.collect(), self.size)
    }

    /// How many bytes all its keys and values hold, those included that are not wanted.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How much memory it takes, roughly.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.keys
            .iter()
            .map(|(key, value)| count(key.len()) + value.held())
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

/// The KV version that an object's `avp.kubernetes.io/kv-version` annotation claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KvVersion {
    /// Unversioned.
    V1,
    /// Versioned; the default, as with AVP.
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
    /// What lies below a mount of this version: without the `data` that KV v2's API has in front of a
    /// secret's own path, since both spellings are in use. `None` if the path is not below the mount.
    ///
    /// What the operator's policy judges and what the client reads are both found here.
    #[must_use]
    pub fn below<'p>(self, mount: &str, path: &'p str) -> Option<&'p str> {
        let below = path.strip_prefix(mount)?.strip_prefix('/')?;
        match self {
            Self::V1 => Some(below),
            Self::V2 => Some(below.strip_prefix("data/").unwrap_or(below)),
        }
    }
}

/// One read of a store: what is asked for at most once in a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretRef {
    /// `mount/path` as the user wrote it, without outer slashes and blanks; it may hold KV v2's
    /// `data` segment. Only the store knows where the mount ends.
    pub path: String,
    /// The version; 0 is the latest (Vault's rule).
    pub version: u64,
    /// What the manifest says of the mount, if it says anything; a store may refuse it, never obey it blindly.
    pub kv: Option<KvVersion>,
}
