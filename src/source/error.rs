//! Why the input could not be read, all of it at once.

use std::{fmt, io};

/// The input could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// `-` is named more than once; standard input can be read only once.
    #[error("`-` (standard input) is named more than once")]
    StdinTwice,
    /// All files of the named directories are something else than manifests.
    #[error("no Kubernetes objects were found: none of the files has apiVersion and kind")]
    NoObjects,
    /// Files of the named directories are something else, and must not be.
    #[error("{}", not_objects(.0))]
    Unrelated(Vec<String>),
    /// There is more than may be read.
    #[error("the input is larger than {0}")]
    TooLarge(Limit),
    /// Every source that could not be read, sorted by name.
    #[error("{}", lines(.0))]
    Unreadable(Vec<Unreadable>),
}

impl SourceError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        let list = match self {
            Self::StdinTwice => return "name `-` once".to_owned(),
            Self::NoObjects => return "name the directory that holds the manifests".to_owned(),
            Self::Unrelated(_) => {
                return "move them out of the directory, or leave --strict out to skip them"
                    .to_owned();
            }
            Self::TooLarge(Limit::Policy(_)) => {
                return "split the Application, or let the operator raise the limit".to_owned();
            }
            Self::TooLarge(Limit::BuiltIn(_)) => {
                return "is it the right input? no more is read at once".to_owned();
            }
            Self::Unreadable(list) => list,
        };
        let mut helps: Vec<_> = list.iter().map(|one| one.reason.help()).collect();
        helps.sort_unstable();
        helps.dedup();
        helps.join("; ")
    }

    /// The exit code of docs/internals/design.md#exit-codes: 2 (usage) where a path is named that does not exist or `-` is
    /// named twice, else 1 (the input is at fault).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreadable(list) if list.iter().any(Unreadable::is_usage) => 2,
            Self::StdinTwice => 2,
            Self::Unreadable(_) | Self::NoObjects | Self::Unrelated(_) | Self::TooLarge(_) => 1,
        }
    }
}

/// How many bytes are read, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The operator's policy.
    Policy(u64),
    /// We do, where there is no policy.
    BuiltIn(u64),
}

impl Limit {
    /// How many.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::Policy(most) | Self::BuiltIn(most) => most,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(most) => {
                write!(
                    f,
                    "the policy allows: {most} bytes (spec.limits.inputBytes)"
                )
            }
            Self::BuiltIn(most) => write!(f, "{most} bytes"),
        }
    }
}

/// One source that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// The path, or `stdin`.
    pub name: String,
    /// What is wrong with it.
    pub reason: UnreadableReason,
}

impl Unreadable {
    fn is_usage(&self) -> bool {
        self.reason == UnreadableReason::NotFound
    }

    fn line(&self) -> String {
        let Self { name, reason } = self;
        match reason {
            UnreadableReason::NoManifests { .. } => {
                format!("no YAML or JSON files were found in {name}")
            }
            UnreadableReason::Configuration => {
                format!("{name} is the configuration, and no manifests are named beside it")
            }
            UnreadableReason::NotFound => format!("cannot read {name}: no such file or directory"),
            UnreadableReason::Denied => format!("cannot read {name}: permission denied"),
            UnreadableReason::Special { .. } => {
                format!("cannot read {name}: it is a pipe, a socket or a device")
            }
            UnreadableReason::Folder => format!("cannot read {name}: it is a folder"),
            UnreadableReason::TooLarge(most) => {
                format!("{name} is larger than {} KiB", most / 1024)
            }
            UnreadableReason::NotUtf8 { offset } => {
                format!("{name} is not UTF-8 text: wrong byte at offset {offset}")
            }
            UnreadableReason::Utf16 => format!("{name} is UTF-16 text, and UTF-8 is required"),
            UnreadableReason::Other(what) => format!("cannot read {name}: {what}"),
        }
    }
}

/// Why one source could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum UnreadableReason {
    /// A path that does not exist.
    NotFound,
    /// A file or folder that this user may not read.
    Denied,
    /// A pipe, socket or device, which may have no end.
    Special {
        /// Whether it is named, and not found in a directory.
        named: bool,
    },
    /// A folder where one file is wanted.
    Folder,
    /// More than this many bytes where a short text is wanted.
    TooLarge(u64),
    /// It is the configuration already, and there is nothing else.
    Configuration,
    /// A directory without a single manifest.
    NoManifests {
        /// Whether symbolic links were left out on the way.
        links: bool,
    },
    /// Bytes that are no UTF-8.
    NotUtf8 {
        /// The first wrong byte, counted from 0.
        offset: usize,
    },
    /// A byte order mark of UTF-16 (or UTF-32).
    Utf16,
    /// What the system says.
    Other(String),
}

impl UnreadableReason {
    fn help(&self) -> &'static str {
        match self {
            Self::NotFound => "check the path",
            Self::Denied => "make it readable for the user that runs gitops-fn",
            Self::Special { named: true } => {
                "name a regular file, or pass on what it holds as standard input"
            }
            Self::Special { named: false } => "move it out of the directory",
            Self::Folder => "name one file",
            Self::TooLarge(_) => "a configuration is a short text; is this the right one?",
            Self::NoManifests { links: true } => {
                "symbolic links inside a directory are not followed: name their targets, or the links themselves, on the command line"
            }
            Self::NoManifests { links: false } => {
                "only .yaml, .yml and .json files are read; not kustomization files, names that begin with a dot, or the file that -f names"
            }
            Self::Configuration => {
                "name files or directories of manifests, or - for standard input"
            }
            Self::NotUtf8 { .. } => "manifests must be UTF-8 text",
            Self::Utf16 => "save the file as UTF-8; on Windows, PowerShell's `>` writes UTF-16",
            Self::Other(_) => "check the file, and the disk or the server that it lies on",
        }
    }
}

impl From<&io::Error> for UnreadableReason {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Other(error.to_string()),
        }
    }
}

fn lines(list: &[Unreadable]) -> String {
    let lines: Vec<_> = list.iter().map(Unreadable::line).collect();
    lines.join("\n")
}

fn not_objects(names: &[String]) -> String {
    let line = |name: &String| {
        format!("{name} is not a Kubernetes object: it has neither apiVersion nor kind")
    };
    names.iter().map(line).collect::<Vec<_>>().join("\n")
}
