//! No login: a Vault Agent or Proxy with auto-auth adds the token.

use super::method::{Method, Mount, TokenSource};

pub(super) static METHOD: Method = Method {
    name: "none",
    title: "None",
    meaning: "None: a Vault Agent or Proxy at the address logs in.",
    mount: Mount::None,
    read: |_| Some(TokenSource::Agent),
    ..Method::NOTHING
};
