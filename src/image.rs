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
    /// The rule names this image, but its suffix could not be applied, so the image stays as it is.
    Skipped(SuffixSkipped),
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
        let (tag, digest) = match (&self.new_tag, &self.digest, &self.tag_suffix) {
            (None, None, None) => (current.tag, current.digest),
            (None, None, Some(suffix)) => match with_suffix(current, suffix) {
                Ok(Some(tag)) => {
                    suffixed = tag;
                    (Some(suffixed.as_str()), None)
                }
                Ok(None) => (current.tag, current.digest),
                Err(skipped) => return Retagged::Skipped(skipped),
            },
            (tag, digest, _) => (tag.as_deref(), digest.as_deref()),
        };
        let new = ImageRef { name, tag, digest }.to_string();
        if new == image {
            Retagged::Same
        } else {
            Retagged::Changed(new)
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
