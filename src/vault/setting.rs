//! The declaration of a setting of Vault. It is used to read and document the setting, to name it in messages, and to
//! keep applications from setting it. The declarations are in `settings/` or, for login methods, in `login/`.

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

/// The prefixes of the variables that this program shares with AVP and with the clients of Vault and OpenBao. An
/// application must not set any variable with one of them.
pub(crate) const PREFIXES: [&str; 3] = ["VAULT_", "AVP_", "BAO_"];

/// A setting with values of type `T`.
pub(crate) struct Setting<T> {
    /// The names and the documentation.
    pub(crate) about: About,
    /// Parses a value.
    pub(crate) parse: fn(&str) -> Result<T, BadValue>,
}

impl<T> Deref for Setting<T> {
    type Target = About;

    fn deref(&self) -> &About {
        &self.about
    }
}

/// The part of a declaration that does not depend on the setting's type.
pub(crate) struct About {
    /// The name of the variable. If it begins with `VAULT_`, the same name with `BAO_` also works.
    pub(crate) name: &'static str,
    /// AVP's name for the setting, if it differs.
    pub(crate) avp: Option<&'static str>,
    /// The field of a policy that sets it, if there is one.
    pub(crate) field: Option<&'static str>,
    /// Whether the value is the path of a file or folder. In a policy it must be absolute, since a relative path would
    /// be in the repository.
    pub(crate) is_path: bool,
    /// Whether the environment can still set it under a policy.
    pub(crate) under_policy: UnderPolicy,
    /// The default, as documented.
    pub(crate) default: Text,
    /// What the setting means, for the reference page.
    pub(crate) meaning: Text,
    /// How the setting differs from AVP's, for the reference page.
    pub(crate) differs: &'static str,
    /// The setting's line in `gitops-fn --help`, if it has one.
    pub(crate) help: Option<Text>,
}

/// Whether the environment can still set something under a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnderPolicy {
    /// No, since the setting decides where secrets are read, or as whom.
    Ignored,
    /// Yes, unless the policy sets one of the settings with the same text, which all belong to one credential.
    Credential(&'static str),
    /// Yes, since the setting can only shorten the run.
    Shortens,
}

/// A text for the documentation.
#[derive(Clone, Copy)]
pub(crate) enum Text {
    /// A fixed text.
    Is(&'static str),
    /// A text computed from the code, such as the list of login methods.
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

/// For settings that AVP does not have.
pub(crate) const NOT_IN_AVP: &str = "AVP has no such setting.";

impl About {
    /// An empty declaration, for `..About::NOTHING`.
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

    /// The variables that set it, the main name first.
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
