//! Path templates and paths, both normalized to a mount and the segments below it, so that the comparison sees the same
//! path as the store reads.

use super::identity::{Identity, Variable, is_literal};
use crate::secret::KvVersion;

/// A KV mount that the policy lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The path of the mount, without outer slashes.
    pub path: String,
    /// The version of its KV engine.
    pub version: KvVersion,
}

/// A template of paths, as a rule lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The index of its mount in the policy's mounts.
    pub mount: usize,
    /// The segments below the mount, without the `data` of KV v2.
    pub segments: Vec<Segment>,
}

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// This text.
    Literal(String),
    /// The value of this variable.
    Variable(Variable),
    /// `*`: any one segment.
    Any,
    /// `**`: one or more segments; only allowed at the end.
    Rest,
}

/// What is wrong with a template or a path. The text of neither is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// In a template: `a//b`, or an empty path.
    #[error("the path has an empty segment")]
    Empty,
    /// `.` or `..`; in a path also an empty segment.
    #[error("the path has an empty segment, `.` or `..`")]
    Dots,
    /// `%2e`, a control character, `\`, `?`, `#`, or blanks around a segment.
    #[error("the path has an encoded or control character, or one of % \\ ? #")]
    Odd,
    /// The path is in none of the policy's mounts.
    #[error("no mount that the policy lists holds the path")]
    NoMount,
    /// The path is that of a mount, with nothing below it.
    #[error("the path names no secret, only a mount")]
    MountAlone,
    /// In a template: `${` that is not a whole segment, or an unknown variable.
    #[error("a variable has to be a whole segment, and one of those that are known")]
    Variable,
    /// In a template: a literal segment with characters other than `A-Za-z0-9._-`.
    #[error("a segment holds a character beyond A-Z, a-z, 0-9, `.`, `_` and `-`")]
    NotLiteral,
    /// In a template: `**` before the end.
    #[error("`**` stands before the end")]
    RestInside,
}

impl Template {
    /// Parses a template such as `kv/${ARGOCD_APP_PROJECT_NAME}/*`. It has to begin with one of `mounts`.
    ///
    /// # Errors
    /// An [`InvalidPath`].
    pub fn parse(text: &str, mounts: &[Mount]) -> Result<Self, InvalidPath> {
        let all: Vec<&str> = text.split('/').collect();
        for segment in &all {
            match *segment {
                "" => return Err(InvalidPath::Empty),
                "." | ".." => return Err(InvalidPath::Dots),
                _ => {}
            }
        }
        let (mount, below) = below_mount(text, mounts).ok_or(InvalidPath::NoMount)?;
        let below = below.ok_or(InvalidPath::MountAlone)?;
        let below: Vec<&str> = below.split('/').collect();
        let last = below.len() - 1;
        let segments = below.iter().enumerate().map(|(index, text)| match *text {
            "*" => Ok(Segment::Any),
            "**" if index == last => Ok(Segment::Rest),
            "**" => Err(InvalidPath::RestInside),
            text if text.contains('$') => text
                .strip_prefix("${")
                .and_then(|rest| rest.strip_suffix('}'))
                .and_then(Variable::named)
                .map(Segment::Variable)
                .ok_or(InvalidPath::Variable),
            text if is_literal(text) => Ok(Segment::Literal(text.to_owned())),
            _ => Err(InvalidPath::NotLiteral),
        });
        Ok(Self {
            mount,
            segments: segments.collect::<Result<_, _>>()?,
        })
    }

    /// The variables in the template, in order.
    pub fn variables(&self) -> impl Iterator<Item = Variable> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable(variable) => Some(*variable),
            _ => None,
        })
    }

    /// Whether the template matches the path of a secret. A variable that is unset, or whose value is not a single
    /// literal segment, matches nothing.
    #[must_use]
    pub fn matches(&self, path: &Normal<'_>, identity: &Identity) -> bool {
        if self.mount != path.mount {
            return false;
        }
        let mut rest = path.segments.iter();
        for segment in &self.segments {
            let Some(found) = rest.next() else {
                return false;
            };
            let fits = match segment {
                Segment::Literal(text) => text == found,
                Segment::Variable(variable) => identity.literal(*variable) == Some(*found),
                Segment::Any => true,
                Segment::Rest => return true,
            };
            if !fits {
                return false;
            }
        }
        rest.next().is_none()
    }

    /// The normalized text of the template: without the `data` of KV v2.
    #[must_use]
    pub fn shown(&self, mounts: &[Mount]) -> String {
        let mount = mounts.get(self.mount).map(|mount| mount.path.clone());
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => text.clone(),
            Segment::Variable(variable) => format!("${{{}}}", variable.name()),
            Segment::Any => "*".to_owned(),
            Segment::Rest => "**".to_owned(),
        });
        mount
            .into_iter()
            .chain(segments)
            .collect::<Vec<_>>()
            .join("/")
    }

    /// The template with the values of its variables; wildcards stay. `None` if a variable is unset or its value is not
    /// a single literal segment.
    #[must_use]
    pub fn expanded(&self, mounts: &[Mount], identity: &Identity) -> Option<String> {
        let mut path = mounts.get(self.mount)?.path.clone();
        for segment in &self.segments {
            path.push('/');
            path.push_str(match segment {
                Segment::Literal(text) => text,
                Segment::Variable(variable) => identity.literal(*variable)?,
                Segment::Any => "*",
                Segment::Rest => "**",
            });
        }
        Some(path)
    }
}

/// A normalized path, as the store will read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normal<'p> {
    /// The index of its mount in the policy's mounts.
    pub mount: usize,
    /// The segments below the mount, without the `data` of KV v2; never empty.
    pub segments: Vec<&'p str>,
}

impl<'p> Normal<'p> {
    /// Normalizes the path of a placeholder. Rejects everything that a client, a proxy or the server could interpret as
    /// another path.
    ///
    /// # Errors
    /// An [`InvalidPath`].
    pub fn parse(path: &'p str, mounts: &[Mount]) -> Result<Self, InvalidPath> {
        for segment in path.split('/') {
            let odd = |ch: char| ch.is_control() || matches!(ch, '%' | '\\' | '?' | '#');
            match segment {
                "" | "." | ".." => return Err(InvalidPath::Dots),
                _ if segment.contains(odd) || segment.trim() != segment => {
                    return Err(InvalidPath::Odd);
                }
                _ => {}
            }
        }
        let (mount, below) = below_mount(path, mounts).ok_or(InvalidPath::NoMount)?;
        Ok(Self {
            mount,
            segments: below.ok_or(InvalidPath::MountAlone)?.split('/').collect(),
        })
    }
}

/// The index of the mount that holds a path, and the path below it (`None` for the mount itself).
fn below_mount<'p>(path: &'p str, mounts: &[Mount]) -> Option<(usize, Option<&'p str>)> {
    mounts.iter().enumerate().find_map(|(index, mount)| {
        if path == mount.path {
            return Some((index, None));
        }
        let below = mount.version.below(&mount.path, path)?;
        Some((index, Some(below)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts() -> Vec<Mount> {
        [
            ("kv", KvVersion::V2),
            ("old", KvVersion::V1),
            ("team/kv", KvVersion::V2),
        ]
        .map(|(path, version)| Mount {
            path: path.to_owned(),
            version,
        })
        .to_vec()
    }

    fn identity() -> Identity {
        Identity {
            project: Some("shop".to_owned()),
            name: Some("web".to_owned()),
            namespace: Some("shop-prod".to_owned()),
        }
    }

    fn matches(template: &str, path: &str) -> bool {
        let template = Template::parse(template, &mounts()).unwrap();
        Normal::parse(path, &mounts()).is_ok_and(|path| template.matches(&path, &identity()))
    }

    #[test]
    fn segments_match_as_wholes() {
        for (template, path, expected) in [
            ("kv/shop/web", "kv/shop/web", true),
            ("kv/shop/web", "kv/shop/web2", false),
            ("kv/shop/web", "kv/shop/web/x", false),
            ("kv/shop/web", "kv/shop", false),
            ("kv/shop/*", "kv/shop/web", true),
            ("kv/shop/*", "kv/shop", false),
            ("kv/shop/*", "kv/shop/a/b", false),
            ("kv/shop/**", "kv/shop/a/b", true),
            ("kv/shop/**", "kv/shop", false),
            ("kv/**", "old/a", false),
            ("kv/${ARGOCD_APP_PROJECT_NAME}/*", "kv/shop/web", true),
            ("kv/${ARGOCD_APP_PROJECT_NAME}/*", "kv/other/web", false),
            (
                "kv/${ARGOCD_APP_PROJECT_NAME}/${ARGOCD_APP_NAME}",
                "kv/shop/web",
                true,
            ),
            ("kv/shop/${ARGOCD_APP_NAMESPACE}", "kv/shop/shop-prod", true),
            (
                "kv/shop/${ARGOCD_APP_NAMESPACE}",
                "kv/shop/${ARGOCD_APP_NAMESPACE}",
                false,
            ),
            ("kv/shop/*", "kv/shop/*", true),
            ("team/kv/a", "team/kv/a", true),
        ] {
            assert_eq!(matches(template, path), expected, "{template} {path}");
        }
    }

    #[test]
    fn both_spellings_of_version_2_are_one_path() {
        for template in ["kv/shop/web", "kv/data/shop/web"] {
            for path in ["kv/shop/web", "kv/data/shop/web"] {
                assert!(matches(template, path), "{template} {path}");
            }
            assert!(!matches(template, "kv/data/data/shop/web"));
        }
        assert!(matches("kv/data/data/web", "kv/data/data/web"));
        assert!(!matches("kv/data/data/web", "kv/web"));
        assert!(matches("kv/data", "kv/data"));
        assert!(matches("team/kv/data/a", "team/kv/a"));
        // the mount is `team/kv`, so this is not another spelling of `team/kv/a`
        assert_eq!(
            Normal::parse("team/data/kv/a", &mounts()),
            Err(InvalidPath::NoMount)
        );
    }

    #[test]
    fn data_is_a_name_in_version_1() {
        assert!(matches("old/data/web", "old/data/web"));
        assert!(!matches("old/data/web", "old/web"));
        assert!(!matches("old/web", "old/data/web"));
    }

    #[test]
    fn what_could_mean_another_path_is_refused() {
        for (path, fault) in [
            ("", InvalidPath::Dots),
            ("/kv/a", InvalidPath::Dots),
            ("kv/a/", InvalidPath::Dots),
            ("kv//a", InvalidPath::Dots),
            ("kv/a/../b", InvalidPath::Dots),
            ("kv/./b", InvalidPath::Dots),
            ("kv/%2e%2e/b", InvalidPath::Odd),
            ("kv/a%2Fb", InvalidPath::Odd),
            ("kv/a%b", InvalidPath::Odd),
            ("kv/a\\..\\b", InvalidPath::Odd),
            ("kv/a?version=1", InvalidPath::Odd),
            ("kv/a\tb", InvalidPath::Odd),
            ("kv/a\u{85}b", InvalidPath::Odd),
            ("kv/a /b", InvalidPath::Odd),
            ("kv", InvalidPath::MountAlone),
            ("auth/token/lookup-self", InvalidPath::NoMount),
            ("kv2/a", InvalidPath::NoMount),
            ("KV/a", InvalidPath::NoMount),
        ] {
            assert_eq!(Normal::parse(path, &mounts()), Err(fault), "{path:?}");
        }
    }

    #[test]
    fn a_value_that_is_not_one_literal_segment_matches_nothing() {
        let template = Template::parse("kv/${ARGOCD_APP_PROJECT_NAME}/*", &mounts()).unwrap();
        for value in [
            "", ".", "..", "a/b", "*", "**", "a b", "a%2f", "ä", "${X}", "a\n",
        ] {
            let identity = Identity {
                project: Some(value.to_owned()),
                ..Identity::default()
            };
            let path = format!("kv/{value}/x");
            let matched = Normal::parse(&path, &mounts())
                .is_ok_and(|path| template.matches(&path, &identity));
            assert!(!matched, "{value:?}");
            assert_eq!(template.expanded(&mounts(), &identity), None, "{value:?}");
        }
        let nobody = Identity::default();
        assert!(!template.matches(&Normal::parse("kv/a/x", &mounts()).unwrap(), &nobody));
    }

    #[test]
    fn templates_that_mean_nothing_are_refused() {
        for (text, fault) in [
            ("kv//a", InvalidPath::Empty),
            ("kv/../a", InvalidPath::Dots),
            ("kv", InvalidPath::MountAlone),
            ("nosuch/a", InvalidPath::NoMount),
            ("${ARGOCD_APP_PROJECT_NAME}/a", InvalidPath::NoMount),
            ("kv/**/a", InvalidPath::RestInside),
            ("kv/a*", InvalidPath::NotLiteral),
            ("kv/a b", InvalidPath::NotLiteral),
            ("kv/%2e", InvalidPath::NotLiteral),
            ("kv/x-${ARGOCD_APP_PROJECT_NAME}", InvalidPath::Variable),
            ("kv/${ARGOCD_ENV_TEAM}", InvalidPath::Variable),
            ("kv/${ARGOCD_APP_SOURCE_PATH}", InvalidPath::Variable),
            ("kv/$ARGOCD_APP_NAME", InvalidPath::Variable),
            ("kv/${ARGOCD_APP_NAME:-x}", InvalidPath::Variable),
        ] {
            assert_eq!(Template::parse(text, &mounts()), Err(fault), "{text}");
        }
    }

    /// The path that the policy judges is the path that the file store reads, however it is spelled.
    #[test]
    fn a_path_that_a_policy_lets_through_is_read_as_it_was_judged() {
        use crate::secret::path::canonical;

        let mounts = [Mount {
            path: "kv".to_owned(),
            version: KvVersion::V2,
        }];
        let words = [
            "kv", "data", "a", "", ".", "..", "%2e", "data%2f", "a b", "a\\b", "auth",
        ];
        let mut paths: Vec<String> = words.map(str::to_owned).to_vec();
        let mut judged = 0;
        for _ in 0..4 {
            for path in &paths {
                let Ok(normal) = Normal::parse(path, &mounts) else {
                    continue;
                };
                judged += 1;
                let name = format!("kv/{}", normal.segments.join("/"));
                assert_eq!(canonical(path), Ok(name), "{path:?}");
            }
            paths = paths
                .iter()
                .filter(|path| !path.is_empty())
                .flat_map(|path| words.map(|word| format!("{path}/{word}")))
                .collect();
        }
        assert!(judged > 100, "{judged}");
    }
}
