//! The grammars of an image's parts, for values that are configured, and the short form of
//! `kustomize edit set image`.

use super::{ImageRef, MAX_TAG, Retag};

/// A configured part of an image that its grammar does not allow. The value is never shown: it may
/// come from a variable that holds anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
#[non_exhaustive]
pub enum ImageError {
    /// An image name with blanks, control characters, or nothing in it.
    Name,
    /// A new name that is not a plain repository name.
    NewName,
    /// Not `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
    Tag,
    /// Not `[A-Za-z0-9._-]{1,127}`.
    TagSuffix,
    /// Not `algorithm:encoded`.
    Digest,
    /// A short form, or a rule, that says nothing to do.
    Nothing,
}

impl ImageError {
    /// What is wrong.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Name => "not an image name",
            Self::NewName => "not an image name without tag and digest",
            Self::Tag => "not an image tag",
            Self::TagSuffix => "not a suffix of an image tag",
            Self::Digest => "not an image digest",
            Self::Nothing => "sets nothing on the image",
        }
    }

    /// What to write instead.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Name => {
                "write the image as it stands in the manifests, without blanks: registry.example:5000/shop/web"
            }
            Self::NewName => {
                "write the repository alone, registry.example:5000/shop/web; tag and digest have fields of their own"
            }
            Self::Tag => {
                "a tag is a letter, digit or `_`, then up to 127 of letters, digits, `.`, `_`, `-`"
            }
            Self::TagSuffix => "a tag suffix is 1 to 127 letters, digits, `.`, `_`, `-`",
            Self::Digest => {
                "a digest is sha256: and 64 lower-case hex digits (sha512: 128), without a leading `@`"
            }
            Self::Nothing => {
                "give a new name, a tag or a digest: NAME:TAG, NAME@DIGEST, NAME=NEW:TAG"
            }
        }
    }
}

/// The characters that kustomize accepts in a tag or digest it matches.
pub(super) fn loose(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_.{}-".contains(&byte))
}

/// `algorithm:encoded` as kustomize matches it, the encoded part possibly empty.
pub(super) fn loose_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, encoded)| {
        is_algorithm(algorithm, u8::is_ascii_alphanumeric) && loose(encoded)
    })
}

/// Components of the given characters, joined by one of `+._-` each.
fn is_algorithm(text: &str, allowed: fn(&u8) -> bool) -> bool {
    text.split(['+', '.', '_', '-'])
        .all(|part| !part.is_empty() && part.bytes().all(|byte| allowed(&byte)))
}

/// Checks a name to look for. It may hold a port, a tag or a digest; any text without blanks and
/// control characters will do, as it is matched literally.
///
/// # Errors
/// [`ImageError::Name`].
pub fn check_name(text: &str) -> Result<(), ImageError> {
    let bad = |c: char| c.is_whitespace() || c.is_control();
    if text.is_empty() || text.contains(bad) {
        return Err(ImageError::Name);
    }
    Ok(())
}

/// Checks a new name: path components of `[A-Za-z0-9._-]`, the first of which may have a port.
/// Capitals are let through, as some registries take them.
///
/// # Errors
/// [`ImageError::NewName`].
pub fn check_new_name(text: &str) -> Result<(), ImageError> {
    let mut parts = text.split('/');
    let first = parts.next().unwrap_or("");
    let (host, port) = match first.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (first, None),
    };
    let port_fits = port.is_none_or(|port| {
        text.contains('/')
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok()
    });
    if is_tag_tail(host) && port_fits && parts.all(is_tag_tail) {
        Ok(())
    } else {
        Err(ImageError::NewName)
    }
}

/// Checks a tag by the OCI distribution spec: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
///
/// # Errors
/// [`ImageError::Tag`].
pub fn check_tag(text: &str) -> Result<(), ImageError> {
    if !text.starts_with(['.', '-']) && text.len() <= MAX_TAG && is_tag_tail(text) {
        Ok(())
    } else {
        Err(ImageError::Tag)
    }
}

/// Checks a text that is appended to a tag: `[A-Za-z0-9._-]{1,127}`.
///
/// # Errors
/// [`ImageError::TagSuffix`].
pub fn check_tag_suffix(text: &str) -> Result<(), ImageError> {
    if text.len() < MAX_TAG && is_tag_tail(text) {
        Ok(())
    } else {
        Err(ImageError::TagSuffix)
    }
}

/// One or more of `[A-Za-z0-9._-]`.
fn is_tag_tail(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Checks a digest by the OCI image spec: `sha256` with 64 and `sha512` with 128 lower-case hex
/// digits; other algorithms `[a-z0-9]+([+._-][a-z0-9]+)*` with `[A-Za-z0-9=_-]+`.
///
/// # Errors
/// [`ImageError::Digest`].
pub fn check_digest(text: &str) -> Result<(), ImageError> {
    let fits = text.split_once(':').is_some_and(|(algorithm, encoded)| {
        let hex = |digits: usize| {
            encoded.len() == digits
                && encoded
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        match algorithm {
            "sha256" => hex(64),
            "sha512" => hex(128),
            _ => {
                is_algorithm(algorithm, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z'))
                    && is_encoded(encoded)
            }
        }
    });
    if fits {
        Ok(())
    } else {
        Err(ImageError::Digest)
    }
}

fn is_encoded(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"=_-".contains(&byte))
}

impl Retag {
    /// Checks every field by its grammar and that there is something to set.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ImageError> {
        let all = [
            Some(check_name(&self.name)),
            self.new_name.as_deref().map(check_new_name),
            self.new_tag.as_deref().map(check_tag),
            self.tag_suffix.as_deref().map(check_tag_suffix),
            self.digest.as_deref().map(check_digest),
        ];
        all.into_iter().flatten().collect::<Result<(), _>>()?;
        if self.sets_something() {
            Ok(())
        } else {
            Err(ImageError::Nothing)
        }
    }

    /// Whether any of the new parts is given.
    #[must_use]
    pub fn sets_something(&self) -> bool {
        self.new_name.is_some()
            || self.new_tag.is_some()
            || self.tag_suffix.is_some()
            || self.digest.is_some()
    }

    /// Reads one argument of `kustomize edit set image`: `[old=]name[:tag][@digest]`.
    ///
    /// `NAME=NEW:TAG` renames; `*` for the new name, tag or digest means "as it was", and as there
    /// is no stored rule to take it from, that part is not set, as kustomize does with a new rule.
    ///
    /// # Errors
    /// What is wrong with one of the parts; [`ImageError::Nothing`] for a name alone, as in
    /// kustomize, and (stricter) for `name=`, `name:` and `name@`.
    pub fn parse_short(text: &str) -> Result<Self, ImageError> {
        let (old, new) = match text.split_once('=') {
            Some((old, new)) => (Some(old), new),
            None => (None, text),
        };
        let new = ImageRef::split(new);
        let set = |part: &str| Some(part.to_owned()).filter(|part| !part.is_empty() && part != "*");
        let rule = Self {
            name: old.unwrap_or(new.name).to_owned(),
            new_name: old.and_then(|_| set(new.name)),
            new_tag: new.tag.and_then(set),
            tag_suffix: None,
            digest: new.digest.and_then(set),
        };
        rule.check()?;
        Ok(rule)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const D: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn rule(name: &str) -> Retag {
        Retag {
            name: name.to_owned(),
            ..Retag::default()
        }
    }

    #[test]
    fn tags_follow_the_oci_grammar() {
        let longest = "a".repeat(128);
        for good in ["1", "1.10", "_x", "v1.0-rc.1_b", longest.as_str()] {
            assert_eq!(check_tag(good), Ok(()), "{good}");
        }
        let longer = "a".repeat(129);
        for bad in [
            "",
            ".1",
            "-1",
            "1+b",
            "1 ",
            "{STABLE}",
            "@sha256:x",
            "1:2",
            "ä",
            "a/b",
            longer.as_str(),
        ] {
            assert_eq!(check_tag(bad), Err(ImageError::Tag), "{bad}");
        }
        assert_eq!(check_tag_suffix("-s"), Ok(()));
        assert_eq!(check_tag_suffix(""), Err(ImageError::TagSuffix));
        assert_eq!(check_tag_suffix("+s"), Err(ImageError::TagSuffix));
    }

    #[test]
    fn digests_follow_the_oci_grammar() {
        let sha512 = format!("sha512:{}", "0a".repeat(64));
        for good in [
            D,
            sha512.as_str(),
            "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
            "blake3:a=",
        ] {
            assert_eq!(check_digest(good), Ok(()), "{good}");
        }
        let at = format!("@{D}");
        let upper = D.to_uppercase().replace("SHA", "sha");
        for bad in [
            "",
            "sha256:",
            "sha256:a",
            "sha512:a",
            ":a",
            "a",
            "sha__256:a",
            "SHA256:a",
            "x:a.b",
            &at,
            &upper,
        ] {
            assert_eq!(check_digest(bad), Err(ImageError::Digest), "{bad}");
        }
    }

    #[test]
    fn a_new_name_is_a_name_alone() {
        for good in ["nginx", "n/x", "host:5000/n/x", "host.io/Team/x_y"] {
            assert_eq!(check_new_name(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "x:5",
            "host:5000",
            "n/x:1",
            "n/x@sha256:a",
            "n x",
            "n//x",
            "/x",
            "x/",
            "n\u{0}",
            "h:x/y",
            "<a>",
        ] {
            assert_eq!(check_new_name(bad), Err(ImageError::NewName), "{bad}");
        }
    }

    #[test]
    fn short_forms_are_those_of_edit_set_image() {
        let parse = Retag::parse_short;
        let tagged = Retag {
            new_tag: Some("8.15.0".to_owned()),
            ..rule("node")
        };
        let renamed = Retag {
            new_name: Some("mariadb".to_owned()),
            ..rule("mysql")
        };
        assert_eq!(parse("node:8.15.0"), Ok(tagged));
        assert_eq!(parse("mysql=mariadb"), Ok(renamed.clone()));
        assert_eq!(parse("mysql=mariadb:*@*"), Ok(renamed.clone()));
        let full = Retag {
            new_tag: Some("2".to_owned()),
            digest: Some(D.to_owned()),
            ..renamed
        };
        assert_eq!(parse(&format!("mysql=mariadb:2@{D}")), Ok(full));
        let kept = Retag {
            new_tag: Some("2".to_owned()),
            ..rule("host:5000/a")
        };
        assert_eq!(parse("host:5000/a=*:2"), Ok(kept.clone()));
        assert_eq!(parse("host:5000/a:2"), Ok(kept));
        let pinned = Retag {
            digest: Some(D.to_owned()),
            ..rule("alpine")
        };
        assert_eq!(parse(&format!("alpine@{D}")), Ok(pinned.clone()));
        assert_eq!(parse(&format!("alpine:*@{D}")), Ok(pinned));
        for plain in ["plain", "nginx=", "nginx:", "nginx@", "nginx:*"] {
            assert_eq!(parse(plain), Err(ImageError::Nothing), "{plain}");
        }
        assert_eq!(parse(""), Err(ImageError::Name));
        assert_eq!(parse("=nginx:2"), Err(ImageError::Name));
        assert_eq!(parse("nginx:1+b"), Err(ImageError::Tag));
        assert_eq!(parse("nginx@sha256:a"), Err(ImageError::Digest));
        assert_eq!(parse("a=b=c"), Err(ImageError::NewName));
    }

    proptest! {
        #[test]
        fn short_forms_never_panic(text in "[a-z:@=/*.{}\\PC]{0,24}") {
            if let Ok(rule) = Retag::parse_short(&text) {
                prop_assert_eq!(rule.check(), Ok(()));
            }
        }
    }
}
