//! The type of a login method. Each method has its own file.

use std::any::Any;
use std::fmt;

use async_trait::async_trait;
use rustify::endpoint::Endpoint;

use crate::http::answer::Answer;
use crate::http::retry::Retry;
use crate::vault::error::VaultError;
use crate::vault::request::Caller;
use crate::vault::server::Server;
use crate::vault::setting::lookup::{Lookup, Named};
use crate::vault::setting::problem::Problem;
use crate::vault::setting::value::Credential;
use crate::vault::setting::{About, Setting};

/// A login method.
pub(crate) struct Method {
    /// Its name in `VAULT_AUTH_METHOD`, which is also the default name of its auth mount.
    pub(crate) name: &'static str,
    /// AVP's name for it, if it differs.
    pub(crate) avp: Option<&'static str>,
    /// Its name in messages.
    pub(crate) title: &'static str,
    /// What it logs in with, for the reference page.
    pub(crate) meaning: &'static str,
    /// Its settings besides those of all logins. If one of them is set and no method is named, this method is used.
    pub(crate) settings: &'static [&'static About],
    /// Whether the method has to be named even if its settings are set.
    pub(crate) must_be_named: bool,
    /// Called before the method is used because of its settings alone.
    ///
    /// # Errors
    /// [`Ambiguous`] if the settings can also be meant for another method.
    pub(crate) confirm: fn(&Lookup<'_>) -> Result<(), Ambiguous>,
    /// Which auth mount it uses.
    pub(crate) mount: Mount,
    /// The settings that a policy with this method must set, each with the help for when it does not.
    pub(crate) policy_must_set: &'static [(&'static About, &'static str)],
    /// Reads its settings; `None` only if there is a problem.
    pub(crate) read: fn(&mut Lookup<'_>) -> Option<TokenSource>,
}

/// The error for a setting that two methods share.
pub(crate) struct Ambiguous {
    /// The setting.
    pub(crate) setting: &'static About,
    /// The two methods.
    pub(crate) methods: [&'static str; 2],
}

/// Which auth mount a method uses.
#[derive(Clone, Copy)]
pub(crate) enum Mount {
    /// None, since it sends no login.
    None,
    /// The one in `VAULT_AUTH_MOUNT`.
    Common,
    /// The one in `VAULT_AUTH_MOUNT` or in this setting, which takes precedence over AVP's setting for all methods.
    Own(&'static Setting<String>),
}

impl Method {
    /// An empty method, for `..Method::NOTHING`.
    pub(super) const NOTHING: Self = Self {
        name: "",
        avp: None,
        title: "",
        meaning: "",
        settings: &[],
        must_be_named: false,
        confirm: |_| Ok(()),
        mount: Mount::Common,
        policy_must_set: &[],
        read: |_| None,
    };

    /// Whether `name` is the method's name or AVP's name for it.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name == name || self.avp == Some(name)
    }
}

impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Where the token comes from.
#[derive(Debug)]
pub(crate) enum TokenSource {
    /// An agent adds it between this program and the server.
    Agent,
    /// The user provides it. It is never revoked.
    User(Named<Credential>),
    /// A login obtains it. It is revoked at the end of the run.
    Login(Box<dyn LoginRequest>),
}

/// The credentials of a login, which can send themselves. `Debug` shows no credential.
#[async_trait]
pub(crate) trait LoginRequest: Any + fmt::Debug + Send + Sync {
    /// Sends the login and returns the answer, whatever its status is.
    ///
    /// # Errors
    /// A [`VaultError`] if no answer came, or if a credential cannot be read.
    async fn send(&self, to: &AuthMount<'_>) -> Result<Answer, VaultError>;
}

/// The auth mount to log in at, on a server.
pub(crate) struct AuthMount<'s> {
    pub(super) server: &'s Server,
    pub(super) mount: &'s str,
    pub(super) caller: &'s Caller,
}

impl AuthMount<'_> {
    /// The name of the mount, without `auth/`.
    pub(super) fn mount(&self) -> String {
        self.mount.to_owned()
    }

    /// Sends a request. It is repeated only if the server cannot have processed it.
    pub(super) async fn call(&self, request: impl Endpoint) -> Result<Answer, VaultError> {
        self.server
            .call(request, self.caller, Retry::Unprocessed)
            .await
    }
}

/// Reads a value that the method needs, from the one of `settings` that is set. None or several are a problem.
pub(super) fn required<T: Clone + PartialEq + 'static>(
    look: &mut Lookup<'_>,
    method: &Method,
    settings: &[&'static Setting<T>],
) -> Option<Named<T>> {
    if let Some(found) = look.one_of(settings) {
        return found.named();
    }
    let needs = look.names().of(settings.first()?);
    let file = settings.iter().skip(1).find(|setting| setting.is_path);
    look.problem(Problem::Missing {
        method: method.title,
        needs,
        file: file.map(|setting| setting.name),
    });
    None
}
