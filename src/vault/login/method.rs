//! What a login method is, for the files that each hold one.

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
    /// Its name in `VAULT_AUTH_METHOD`; its default mount has the same.
    pub(crate) name: &'static str,
    /// AVP's name for it, where that differs.
    pub(crate) avp: Option<&'static str>,
    /// Its name in sentences.
    pub(crate) title: &'static str,
    /// What it logs in with.
    pub(crate) meaning: &'static str,
    /// Its own settings. If one is set and no method is named, this one is meant.
    pub(crate) settings: &'static [&'static About],
    /// Whether its settings alone do not tell that it is meant.
    pub(crate) must_be_named: bool,
    /// Asked if its settings alone tell that it is meant.
    ///
    /// # Errors
    /// The settings can be meant for another method too.
    pub(crate) confirm: fn(&Lookup<'_>) -> Result<(), Ambiguous>,
    /// The auth mount.
    pub(crate) mount: Mount,
    /// What a policy with this method has to set, and the help where it does not.
    pub(crate) policy_must_set: &'static [(&'static About, &'static str)],
    /// Reads its settings; `None` only if there is a problem.
    pub(crate) read: fn(&mut Lookup<'_>) -> Option<TokenSource>,
}

/// Settings that are for two methods.
pub(crate) struct Ambiguous {
    /// The setting that can be meant for both.
    pub(crate) setting: &'static About,
    /// The two methods.
    pub(crate) methods: [&'static str; 2],
}

/// The auth mount of a method.
#[derive(Clone, Copy)]
pub(crate) enum Mount {
    /// The method asks none.
    None,
    /// The one that `VAULT_AUTH_MOUNT` names.
    Common,
    /// AVP has a setting for it besides the one for all methods, which wins.
    Own(&'static Setting<String>),
}

impl Method {
    /// A method that says nothing yet, for `..Method::NOTHING`.
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

    /// Whether this name means the method.
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

/// Where the token of a run comes from.
#[derive(Debug)]
pub(crate) enum TokenSource {
    /// An agent adds it on the way to the server.
    Agent,
    /// The user has it. It is never revoked.
    User(Named<Credential>),
    /// A login makes it. It is revoked at the end.
    Login(Box<dyn LoginRequest>),
}

/// The credentials of a login, and how they are sent. `Debug` shows no credential.
#[async_trait]
pub(crate) trait LoginRequest: Any + fmt::Debug + Send + Sync {
    /// Logs in.
    ///
    /// # Errors
    /// As of any request; or a credential that cannot be read.
    async fn send(&self, to: &AuthMount<'_>) -> Result<Answer, VaultError>;
}

/// The auth mount that a login is sent to.
pub(crate) struct AuthMount<'s> {
    pub(super) server: &'s Server,
    pub(super) mount: &'s str,
    pub(super) caller: &'s Caller,
}

impl AuthMount<'_> {
    /// The mount, without `auth/`.
    pub(super) fn mount(&self) -> String {
        self.mount.to_owned()
    }

    /// Sends a request that may be repeated if the server has not begun with it.
    pub(super) async fn call(&self, request: impl Endpoint) -> Result<Answer, VaultError> {
        self.server
            .call(request, self.caller, Retry::Unprocessed)
            .await
    }
}

/// The value of something that a method cannot do without, by the settings that can hold it: one may be set.
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
