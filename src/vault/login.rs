//! Logging in: the method, its credentials and the auth mount (docs/internals/vault.md#logins).
//!
//! Each method is a file with its settings, its request and its line on the reference page. To add one, write its file
//! and list it in [`METHODS`].

mod agent;
pub(crate) mod approle;
mod credential;
pub(crate) mod github;
mod grant;
pub(crate) mod jwt;
pub(crate) mod method;
pub(crate) mod revoke;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod userpass;
mod wrapped_secret_id;

use self::method::{Method, Mount, TokenSource};
use super::setting::lookup::Lookup;
use super::setting::problem::{BadValue, Problem};
use super::setting::{About, NOT_IN_AVP, Setting, Text::Is, Text::Made, value};

/// All login methods.
pub(crate) static METHODS: [&Method; 7] = [
    &token::METHOD,
    &approle::METHOD,
    &jwt::KUBERNETES,
    &jwt::JWT,
    &userpass::METHOD,
    &github::METHOD,
    &agent::METHOD,
];

pub(crate) static AUTH_METHOD: Setting<&'static Method> = Setting {
    about: About {
        name: "VAULT_AUTH_METHOD",
        avp: Some("AVP_AUTH_TYPE"),
        field: Some("spec.vault.auth.method"),
        default: Is("the method whose credentials are set"),
        meaning: Made(|| {
            format!(
                "{}. Credentials of two methods without a method named are an error; what the method named does not \
                 use is not looked at.",
                listed(
                    |method| match method.avp {
                        Some(avp) => format!("`{}` (`{avp}`)", method.name),
                        None => format!("`{}`", method.name),
                    },
                    "or"
                )
            )
        }),
        differs: "AVP must be told, and knows neither `jwt` nor `none`.",
        help: Some(Made(|| listed(|method| method.name.to_owned(), "or"))),
        ..About::NOTHING
    },
    parse: method,
};
pub(crate) static AUTH_MOUNT: Setting<String> = Setting {
    about: About {
        name: "VAULT_AUTH_MOUNT",
        avp: Some("AVP_MOUNT_PATH"),
        field: Some("spec.vault.auth.mount"),
        default: Is("the method's name"),
        meaning: Is("The auth mount, with or without `auth/` in front."),
        differs: "AVP wants `auth/` in front.",
        ..About::NOTHING
    },
    parse: value::auth_mount,
};
pub(crate) static AUTH_NAMESPACE: Setting<String> = Setting {
    about: About {
        name: "VAULT_AUTH_NAMESPACE",
        field: Some("spec.vault.auth.namespace"),
        default: Is("that of the secrets"),
        meaning: Is("The namespace of the login; `/` is the root namespace."),
        differs: NOT_IN_AVP,
        ..About::NOTHING
    },
    parse: value::namespace,
};

/// The settings of all logins, in the order of the reference page.
pub(crate) fn settings() -> Vec<&'static About> {
    let mut all = vec![&AUTH_METHOD.about, &AUTH_MOUNT.about, &AUTH_NAMESPACE.about];
    for method in METHODS {
        let own_mount = match method.mount {
            Mount::Own(setting) => Some(&setting.about),
            Mount::None | Mount::Common => None,
        };
        for setting in method.settings.iter().copied().chain(own_mount) {
            if !all.contains(&setting) {
                all.push(setting);
            }
        }
    }
    all
}

/// A list of all methods for a text: `a, b and c`.
fn listed(one: impl Fn(&Method) -> String, and: &str) -> String {
    let mut names: Vec<_> = METHODS.iter().map(|method| one(method)).collect();
    let last = names.pop().unwrap_or_default();
    format!("{} {and} {last}", names.join(", "))
}

/// Finds a method by its name or AVP's. Blanks around it are ignored, as in AVP.
fn method(text: &str) -> Result<&'static Method, BadValue> {
    let mut methods = METHODS.into_iter();
    methods
        .find(|method| method.is_named(text.trim()))
        .ok_or_else(|| BadValue {
            fact: "names no login method that is known",
            help: format!(
                "the methods are {}",
                listed(
                    |method| match method.avp {
                        Some(avp) => format!("{} ({avp})", method.name),
                        None => method.name.to_owned(),
                    },
                    "and"
                )
            )
            .into(),
        })
}

/// How to log in.
#[derive(Debug)]
pub(crate) struct Login {
    /// The login method.
    pub(crate) method: &'static Method,
    /// The auth mount, without `auth/` and outer slashes; empty if the method has none.
    pub(crate) mount: String,
    /// The namespace of the login, if it differs from that of the secrets.
    pub(crate) namespace: Option<String>,
    /// The token, or the request that obtains it.
    pub(crate) token: TokenSource,
}

impl Login {
    /// Reads the login whose method is named or, if none is named, whose credentials are set. `has_agent` says whether
    /// the address of an agent is set, and `namespace` is that of the secrets. Settings of other methods are ignored.
    /// `None` only if there is a problem.
    pub(crate) fn read(
        look: &mut Lookup<'_>,
        has_agent: bool,
        namespace: Option<&str>,
    ) -> Option<Self> {
        let method = match look.read(&AUTH_METHOD) {
            Some(named) => named.value,
            None => only_one_set(look, has_agent),
        };
        let own = look.value(&AUTH_NAMESPACE);
        let method = method?;
        let mount = mount(look, method);
        let token = (method.read)(look);
        Some(Self {
            method,
            mount: mount?,
            namespace: own.filter(|own| Some(own.as_str()) != namespace),
            token: token?,
        })
    }
}

/// The method whose credentials are set, or the agent if there are none; several methods are a problem.
fn only_one_set(look: &mut Lookup<'_>, has_agent: bool) -> Option<&'static Method> {
    let set = |method: &&'static Method| {
        let mut settings = method.settings.iter();
        let first = settings.find_map(|setting| look.is_set(setting))?;
        Some((*method, first))
    };
    let methods = METHODS.iter().filter(|method| !method.must_be_named);
    let mut found: Vec<_> = methods.filter_map(set).collect();
    let named_by = look.names().of(&AUTH_METHOD);
    if found.len() > 1 {
        look.problem(Problem::SeveralLogins {
            method: named_by,
            set: found.into_iter().map(|(_, name)| name).collect(),
        });
        return None;
    }
    let Some((method, _)) = found.pop() else {
        if has_agent {
            return Some(&agent::METHOD);
        }
        look.problem(Problem::NoLogin { method: named_by });
        return None;
    };
    if let Err(ambiguous) = (method.confirm)(look) {
        let set = look.names().of(ambiguous.setting);
        look.problem(Problem::LoginUnclear {
            method: named_by,
            set,
            methods: ambiguous.methods,
        });
        return None;
    }
    Some(method)
}

/// The auth mount of a method. As in AVP, a setting for this method takes precedence over AVP's setting for all
/// methods.
fn mount(look: &mut Lookup<'_>, method: &Method) -> Option<String> {
    let own = match method.mount {
        Mount::None => return Some(String::new()),
        Mount::Common => None,
        Mount::Own(setting) => look.is_set(setting).map(|_| setting),
    };
    let found = match own {
        None => look.read(&AUTH_MOUNT),
        Some(own) => {
            let common = AUTH_MOUNT
                .names()
                .filter(|name| Some(name.as_str()) != AUTH_MOUNT.avp);
            let common = common.map(|name| (&AUTH_MOUNT.about, name));
            let own = own.names().map(|name| (&own.about, name));
            look.among(common.chain(own), AUTH_MOUNT.parse)
        }
    };
    match found {
        Some(found) => found.value,
        None => Some(method.name.to_owned()),
    }
}
