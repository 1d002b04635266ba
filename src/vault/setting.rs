//! What a setting of Vault is: a declaration, from which it is read, documented, named in messages and kept from
//! applications. The declarations are in `settings/` and, of the login methods, in `login/`.

pub(crate) mod address;
pub(crate) mod lookup;
pub(crate) mod name;
pub(crate) mod problem;
pub(crate) mod typed;
pub(crate) mod value;
pub(crate) mod variables;

use std::fmt;
use std::ops::Deref;

use self::problem::BadValue;

/// What the names of settings begin with that Vault's and OpenBao's clients and AVP share with this program: an
/// application may not set any variable that begins so.
pub(crate) const PREFIXES: [&str; 3] = ["VAULT_", "AVP_", "BAO_"];

/// The declaration of a setting.
pub(crate) struct Setting<T> {
    /// Its names and what is said about it.
    pub(crate) about: About,
    /// Reads its value.
    pub(crate) parse: fn(&str) -> Result<T, BadValue>,
}

impl<T> Deref for Setting<T> {
    type Target = About;

    fn deref(&self) -> &About {
        &self.about
    }
}

/// The part of a declaration that is the same for settings of every type.
pub(crate) struct About {
    /// The variable. One that begins with `VAULT_` has a twin that begins with `BAO_`.
    pub(crate) name: &'static str,
    /// AVP's name for it, where that differs.
    pub(crate) avp: Option<&'static str>,
    /// The policy's field for it.
    pub(crate) field: Option<&'static str>,
    /// Whether its value is the path of a file or folder, which a policy has to write in full: a relative one would
    /// be in the repository.
    pub(crate) is_path: bool,
    /// What the environment's value is worth under a policy.
    pub(crate) under_policy: UnderPolicy,
    /// What is used if it is not set.
    pub(crate) default: Text,
    /// What it means.
    pub(crate) meaning: Text,
    /// What differs from AVP.
    pub(crate) differs: &'static str,
    /// Its line in `gitops-fn --help`, if it has one.
    pub(crate) help: Option<Text>,
}

/// What the environment's value of a setting is worth under a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnderPolicy {
    /// Nothing: it decides where secrets are read, or as whom.
    Ignored,
    /// It counts unless the policy sets a credential with the same word: together they are one credential.
    Credential(&'static str),
    /// It counts, because it can only make the run shorter.
    Shortens,
}

/// A text of a declaration.
#[derive(Clone, Copy)]
pub(crate) enum Text {
    /// Written out.
    Is(&'static str),
    /// Made of what the program knows, such as its list of login methods.
    Made(fn() -> String),
}

impl Text {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Is(text) => text.to_owned(),
            Self::Made(make) => make(),
        }
    }
}

impl PartialEq for About {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for About {}

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What AVP lacks.
pub(crate) const NOT_IN_AVP: &str = "AVP has no such setting.";

impl About {
    /// A declaration that says nothing yet, for `..About::NOTHING`.
    pub(crate) const NOTHING: Self = Self {
        name: "",
        avp: None,
        field: None,
        is_path: false,
        under_policy: UnderPolicy::Ignored,
        default: Text::Is(""),
        meaning: Text::Is(""),
        differs: "",
        help: None,
    };

    /// The variables that set it, the first one first.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> + use<> {
        let twin = self.name.strip_prefix("VAULT_");
        [
            Some(self.name.to_owned()),
            twin.map(|rest| format!("BAO_{rest}")),
            self.avp.map(str::to_owned),
        ]
        .into_iter()
        .flatten()
    }
}
