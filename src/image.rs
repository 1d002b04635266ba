//! Image references: their grammar, which of them a rule names, and what a rule makes of them.
//!
//! Equal to kustomize's `images:` (`api/internal/image`, `api/filters/imagetag`) except that a name
//! is matched as text, never as a pattern, and that a tag suffix is applied once.

use std::fmt;

pub mod grammar;

/// The longest tag that the OCI distribution spec allows.
const MAX_TAG: usize = 128;

/// An image string cut into its parts, as kustomize cuts it; nothing is judged or normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageRef<'a> {
    /// Registry, port and repository: `registry.example:5000/shop/web`.
    pub name: &'a str,
    /// The tag, without its colon; `None` also where nothing follows the colon.
    pub tag: Option<&'a str>,
    /// `algorithm:encoded`, without the `@`; `None` also where nothing follows the `@`.
    pub digest: Option<&'a str>,
}

impl<'a> ImageRef<'a> {
    /// Splits a text: the first `/` ends the host part (which may hold a port), and after it the
    /// first `:` starts the tag and the first `@` the digest. Any text can be split.
    #[must_use]
    pub fn split(text: &'a str) -> Self {
        let host = text.find('/').unwrap_or(0);
        let (before, rest) = text.split_at(host);
        let end = rest.find([':', '@']).unwrap_or(rest.len());
        let (name, _) = text.split_at(before.len() + end);
        let (_, tail) = rest.split_at(end);
        let (tag, digest) = match tail.strip_prefix(':') {
            Some(tail) => match tail.split_once('@') {
                Some((tag, digest)) => (tag, digest),
                None => (tail, ""),
            },
            None => ("", tail.strip_prefix('@').unwrap_or("")),
        };
        Self {
            name,
            tag: Some(tag).filter(|part| !part.is_empty()),
            digest: Some(digest).filter(|part| !part.is_empty()),
        }
    }
}

impl fmt::Display for ImageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if let Some(tag) = self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// What one rule does to the images that it names: kustomize's `images:` entry.
///
/// The fields are checked where they are configured (see [`grammar`]); here any text is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retag {
    /// The name to look for, literally; it may hold a registry port, and even a tag.
    pub name: String,
    /// The name to put in its place.
    pub new_name: Option<String>,
    /// The tag to set. Without `digest` it drops a digest that was there, as in kustomize.
    pub new_tag: Option<String>,
    /// A text to append to the tag that is there.
    pub tag_suffix: Option<String>,
    /// The digest to set. Without `new_tag` it drops a tag that was there, as in kustomize.
    pub digest: Option<String>,
}

/// What became of one image string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retagged {
    /// The rule names another image.
    NoMatch,
    /// The rule names this image, which already is as it should be.
    Same,
    /// The new text.
    Changed(String),
    /// The rule names this image, but its suffix could not be applied: tag and digest stay as they are.
    Skipped {
        /// Why.
        reason: SuffixSkipped,
        /// The new text, where the rule gives the image another name.
        renamed: Option<String>,
    },
}

/// Why a tag suffix was not applied; its text is a note for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuffixSkipped {
    /// kustomize would write `nginx:-suffix`.
    #[error("the image has no tag to append tagSuffix to")]
    NoTag,
    /// The result would be no tag any more.
    #[error("with tagSuffix the tag would be longer than 128 characters")]
    TooLong,
}

impl SuffixSkipped {
    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::NoTag => "give the image a tag, or set newTag instead of tagSuffix",
            Self::TooLong => "shorten the tag or the suffix, or set newTag instead of tagSuffix",
        }
    }
}

impl Retag {
    /// Whether the rule names this image: the name, then at most a tag and a digest of the
    /// characters that kustomize accepts there (`[a-zA-Z0-9_.{}-]*`, so a template tag such as
    /// `{STABLE}` counts).
    #[must_use]
    pub fn matches(&self, image: &str) -> bool {
        image.strip_prefix(self.name.as_str()).is_some_and(|rest| {
            let (tag, digest) = match rest.split_once('@') {
                Some((tag, digest)) => (tag, Some(digest)),
                None => (rest, None),
            };
            let tag_fits = tag.is_empty() || tag.strip_prefix(':').is_some_and(grammar::loose);
            tag_fits && digest.is_none_or(grammar::loose_digest)
        })
    }

    /// Applies the rule to one image string, as kustomize's `images:` does; applying it again to
    /// the result changes nothing.
    #[must_use]
    pub fn apply(&self, image: &str) -> Retagged {
        if !self.matches(image) {
            return Retagged::NoMatch;
        }
        let current = ImageRef::split(image);
        let name = self.new_name.as_deref().unwrap_or(current.name);
        let suffixed;
        let mut skipped = None;
        let (tag, digest) = match (&self.new_tag, &self.digest, &self.tag_suffix) {
            (None, None, None) => (current.tag, current.digest),
            (None, None, Some(suffix)) => match with_suffix(current, suffix) {
                Ok(Some(tag)) => {
                    suffixed = tag;
                    (Some(suffixed.as_str()), None)
                }
                Ok(None) => (current.tag, current.digest),
                Err(reason) => {
                    skipped = Some(reason);
                    (current.tag, current.digest)
                }
            },
            (tag, digest, _) => (tag.as_deref(), digest.as_deref()),
        };
        let new = ImageRef { name, tag, digest }.to_string();
        let new = (new != image).then_some(new);
        match (skipped, new) {
            (Some(reason), renamed) => Retagged::Skipped { reason, renamed },
            (None, Some(new)) => Retagged::Changed(new),
            (None, None) => Retagged::Same,
        }
    }
}

/// The tag with its suffix; `None` if it ends in the suffix already.
fn with_suffix(current: ImageRef<'_>, suffix: &str) -> Result<Option<String>, SuffixSkipped> {
    let tag = current.tag.ok_or(SuffixSkipped::NoTag)?;
    if tag.ends_with(suffix) {
        return Ok(None);
    }
    let new = format!("{tag}{suffix}");
    if new.len() > MAX_TAG {
        return Err(SuffixSkipped::TooLong);
    }
    Ok(Some(new))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    const D: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Row {
        rule: Option<String>,
        image: String,
        new_tag2: Option<String>,
        digest: Option<String>,
        both: Option<String>,
        new_name: Option<String>,
    }

    fn rule(name: &str) -> Retag {
        Retag {
            name: name.to_owned(),
            ..Retag::default()
        }
    }

    /// The image after the rule; `None` if it does not match.
    fn after(rule: &Retag, image: &str) -> Option<String> {
        match rule.apply(image) {
            Retagged::NoMatch => None,
            Retagged::Same | Retagged::Skipped { renamed: None, .. } => Some(image.to_owned()),
            Retagged::Changed(new)
            | Retagged::Skipped {
                renamed: Some(new), ..
            } => Some(new),
        }
    }

    #[test]
    fn strings_come_out_as_in_kustomize() {
        let rows: Vec<Row> =
            serde_yaml::from_str(include_str!("../tests/golden/units/image-strings.yaml")).unwrap();
        for row in rows {
            let base = rule(row.rule.as_deref().unwrap_or("nginx"));
            let tag = Retag {
                new_tag: Some("2".to_owned()),
                ..base.clone()
            };
            let digest = Retag {
                digest: Some(D.to_owned()),
                ..base.clone()
            };
            let both = Retag {
                digest: Some(D.to_owned()),
                ..tag.clone()
            };
            let name = Retag {
                new_name: Some("n/x".to_owned()),
                ..base.clone()
            };
            let columns = [
                (tag, row.new_tag2),
                (digest, row.digest),
                (both, row.both),
                (name, row.new_name),
            ];
            for (rule, expected) in columns {
                let expected = expected.map(|text| text.replace("@D", &format!("@{D}")));
                assert_eq!(
                    after(&rule, &row.image),
                    expected,
                    "{rule:?} on {:?}",
                    row.image
                );
            }
        }
    }

    #[test]
    fn a_suffix_is_applied_once_and_only_to_a_tag() {
        let rule = Retag {
            tag_suffix: Some("-s".to_owned()),
            ..rule("nginx")
        };
        let skipped = |reason, renamed: Option<&str>| Retagged::Skipped {
            reason,
            renamed: renamed.map(str::to_owned),
        };
        for (image, expected) in [
            ("nginx:1.0", Retagged::Changed("nginx:1.0-s".to_owned())),
            ("nginx:1.0-s", Retagged::Same),
            (
                "nginx:1.0@sha256:a",
                Retagged::Changed("nginx:1.0-s".to_owned()),
            ),
            ("nginx", skipped(SuffixSkipped::NoTag, None)),
            ("nginx@sha256:a", skipped(SuffixSkipped::NoTag, None)),
            ("redis:1.0", Retagged::NoMatch),
        ] {
            assert_eq!(rule.apply(image), expected, "{image}");
        }
        let long = format!("nginx:{}", "a".repeat(127));
        assert_eq!(rule.apply(&long), skipped(SuffixSkipped::TooLong, None));
        let renamed = Retag {
            new_name: Some("n/x".to_owned()),
            ..rule
        };
        assert_eq!(
            renamed.apply("nginx:1"),
            Retagged::Changed("n/x:1-s".to_owned())
        );
        for (image, expected) in [("nginx", "n/x"), ("nginx@sha256:a", "n/x@sha256:a")] {
            assert_eq!(
                renamed.apply(image),
                skipped(SuffixSkipped::NoTag, Some(expected))
            );
        }
    }

    #[test]
    fn what_is_already_set_is_no_change() {
        let rule = Retag {
            new_tag: Some("2".to_owned()),
            ..rule("host:5000/nginx")
        };
        assert_eq!(rule.apply("host:5000/nginx:2"), Retagged::Same);
    }

    #[test]
    fn parts_are_split_as_in_kustomize() {
        // api/internal/image/image_test.go, TestSplit, and ports without a tag.
        for (text, name, tag, digest) in [
            ("nginx", "nginx", None, None),
            ("nginx:1.2.3", "nginx", Some("1.2.3"), None),
            ("nginx@sha256:12345", "nginx", None, Some("sha256:12345")),
            (
                "nginx:1.2.3@sha256:12345",
                "nginx",
                Some("1.2.3"),
                Some("sha256:12345"),
            ),
            (
                "registry.example/nginx:1.2.3",
                "registry.example/nginx",
                Some("1.2.3"),
                None,
            ),
            (
                "foo.com:443/nginx:1.2.3",
                "foo.com:443/nginx",
                Some("1.2.3"),
                None,
            ),
            (
                "foo.com:443/nginx:1.2.3@sha256:12345",
                "foo.com:443/nginx",
                Some("1.2.3"),
                Some("sha256:12345"),
            ),
            ("foo.com:443/nginx", "foo.com:443/nginx", None, None),
            (
                "foo.com:443/nginx@sha256:1",
                "foo.com:443/nginx",
                None,
                Some("sha256:1"),
            ),
        ] {
            assert_eq!(
                ImageRef::split(text),
                ImageRef { name, tag, digest },
                "{text}"
            );
            assert_eq!(ImageRef::split(text).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_split_and_put_together(text in "\\PC*") {
            let parts = ImageRef::split(&text);
            prop_assert!(text.starts_with(parts.name));
            let again = parts.to_string();
            prop_assert_eq!(ImageRef::split(&again).to_string(), again.as_str());
        }

        #[test]
        fn a_rule_applied_to_its_own_result_changes_nothing(
            name in "([a-c]{1,2}(:50)?/)?[a-c]{1,2}(:1)?",
            new_name in proptest::option::of("([a-c]{1,2}(:50)?/)?[a-c]{1,2}"),
            new_tag in proptest::option::of("[a1][a1.-]{0,3}"),
            tag_suffix in proptest::option::of("[a1.-]{1,3}"),
            digest in proptest::option::of("b:[a1]{1,3}"),
            tail in "(:[a1.{}-]{0,4})?(@[a-c]:[a1]{0,3})?",
        ) {
            let rule = Retag { name: name.clone(), new_name, new_tag, tag_suffix, digest };
            let once = after(&rule, &format!("{name}{tail}"));
            prop_assert!(once.is_some());
            if let Some(once) = once {
                prop_assert_eq!(after(&rule, &once).unwrap_or_else(|| once.clone()), once);
            }
        }
    }
}
