//! A token that the user provides; it is never revoked.

use super::method::{Method, Mount, TokenSource, required};
use crate::vault::setting::lookup::Lookup;
use crate::vault::setting::value::{self, Credential};
use crate::vault::setting::{About, NOT_IN_AVP, Setting, Text::Is, UnderPolicy};

pub(super) static METHOD: Method = Method {
    name: "token",
    title: "Token",
    meaning: "A token of your own.",
    settings: &[&TOKEN.about, &TOKEN_FILE.about],
    mount: Mount::None,
    read,
    ..Method::NOTHING
};

static TOKEN: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_TOKEN",
        under_policy: UnderPolicy::Credential("token"),
        meaning: Is("A token of your own; it is never revoked."),
        differs: "AVP prefers a token that it has kept on disk; nothing is kept here.",
        help: Some(Is("a token, or VAULT_TOKEN_FILE: the file that holds it")),
        ..About::NOTHING
    },
    parse: value::visible_secret,
};
pub(crate) static TOKEN_FILE: Setting<Credential> = Setting {
    about: About {
        name: "VAULT_TOKEN_FILE",
        field: Some("spec.vault.auth.tokenFile"),
        is_path: true,
        under_policy: UnderPolicy::Credential("token"),
        meaning: Is("The file that holds the token."),
        differs: NOT_IN_AVP,
        ..About::NOTHING
    },
    parse: value::file,
};

fn read(look: &mut Lookup<'_>) -> Option<TokenSource> {
    required(look, &METHOD, &[&TOKEN, &TOKEN_FILE]).map(TokenSource::User)
}
