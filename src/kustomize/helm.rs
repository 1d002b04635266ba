//! The stand-in for helm: kustomize finds this program under the name `helm`, and it runs the real helm.
//!
//! A repository can influence the environment in which kustomize runs helm: it can name the folders in which helm
//! looks for plugins, which are programs. So the stand-in gives the real helm a fixed environment with empty folders,
//! allows only the commands that rendering a chart needs, and prevents it from starting other programs.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::explain::Explain;
use crate::untrusted_text::one_line;

/// The name of the program that kustomize looks for.
pub const NAME: &str = "helm";
/// The variable in kustomize's environment with the path of the real helm.
pub const REAL: &str = "GITOPS_FN_HELM";
/// The variable in kustomize's environment that is set if charts may be fetched.
pub const FETCHES: &str = "GITOPS_FN_HELM_FETCHES";

/// The folder in a workshop that helm may write to.
pub(super) const HOME: &str = "home";
/// The folder in a workshop that stays empty.
pub(super) const EMPTY: &str = "empty";

/// Why helm is not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Something other than `gitops-fn build` has started this program as `helm`.
    #[error("this helm is for kustomize alone, when `gitops-fn build` runs it")]
    Alone,
    /// A command that kustomize does not need.
    #[error("helm is run to render charts alone, not for `{0}`")]
    Command(String),
    /// A chart that helm cannot list, since it holds a hidden `.git` folder.
    #[error(
        "{0} has a .git folder in it, which is hidden from helm, so that helm cannot read the chart"
    )]
    Hidden(String),
    /// A chart has to be fetched, which is not allowed.
    #[error("a helm chart has to be fetched, which is not allowed")]
    Fetch,
}

impl Explain for Refused {
    fn help(&self) -> String {
        match self {
            Self::Alone => "run the real helm",
            Self::Command(_) => "kustomize asks for `template`, `version` and `pull`",
            Self::Hidden(_) => {
                "remove the .git folder: it may hold credentials, and `gitops-fn build` keeps it from whatever the repository runs"
            }
            Self::Fetch => {
                "vendor the chart: `helm pull --untar` into the chart home, commit it, and remove `repo:`; or let the operator's policy say `enable.remoteCharts`"
            }
        }.to_owned()
    }
}

/// Whether this program was started as `helm`; `name` is its `argv[0]`.
#[must_use]
pub fn is_meant(name: Option<&OsStr>) -> bool {
    name.is_some_and(|name| Path::new(name).file_name() == Some(OsStr::new(NAME)))
}

/// Returns the path of the real helm and its whole environment. `inherited` looks up a variable that kustomize has
/// passed to this process.
///
/// # Errors
/// [`Refused`] if helm must not be run with these arguments.
pub fn real(
    arguments: &[OsString],
    inherited: impl Fn(&str) -> Option<OsString>,
) -> Result<(PathBuf, Vec<(OsString, OsString)>), Refused> {
    let (Some(real), Some(home)) = (inherited(REAL), inherited("HOME")) else {
        return Err(Refused::Alone);
    };
    let command = arguments.first().and_then(|first| first.to_str());
    match command.unwrap_or_default() {
        "template" => check_charts(arguments)?,
        "version" => {}
        "pull" if inherited(FETCHES).is_some() => {}
        "pull" => return Err(Refused::Fetch),
        other => return Err(Refused::Command(one_line(other))),
    }
    Ok((real.into(), environment(Path::new(&home))))
}

/// Checks that helm can list the charts in its arguments. The confinement denies listing a folder with a `.git` at any
/// depth, and helm would report a missing `Chart.yaml`.
fn check_charts(arguments: &[OsString]) -> Result<(), Refused> {
    let hidden = arguments.iter().skip(1).map(Path::new).find(|path| {
        path.is_dir()
            && path
                .read_dir()
                .is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    });
    match hidden {
        Some(chart) => Err(Refused::Hidden(one_line(&chart.to_string_lossy()))),
        None => Ok(()),
    }
}

fn environment(home: &Path) -> Vec<(OsString, OsString)> {
    let empty = home.with_file_name(EMPTY);
    let folders = [
        ("HOME", home),
        ("TMPDIR", home),
        ("HELM_CACHE_HOME", &home.join("cache")),
        ("HELM_CONFIG_HOME", &empty),
        ("HELM_DATA_HOME", &empty),
        ("HELM_PLUGINS", &empty),
    ];
    let folders = folders.map(|(name, folder)| (name.into(), folder.into()));
    folders.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str], fetches: bool) -> Result<Vec<(OsString, OsString)>, Refused> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let inherited = |name: &str| match name {
            REAL => Some("/bin/helm".into()),
            "HOME" => Some("/tmp/x/home".into()),
            FETCHES => fetches.then(|| "1".into()),
            // set by the repository
            _ => Some("/repository".into()),
        };
        real(&arguments, inherited).map(|(_, environment)| environment)
    }

    #[test]
    fn nothing_of_the_repository_is_in_its_environment() {
        let environment = run(&["template", "x"], false).unwrap();
        for (name, value) in &environment {
            assert!(Path::new(value).starts_with("/tmp/x"), "{}", name.display());
        }
        let plugins = environment.iter().find(|(name, _)| name == "HELM_PLUGINS");
        assert_eq!(plugins.unwrap().1, "/tmp/x/empty");
    }

    #[test]
    fn only_what_kustomize_needs_is_run() {
        assert!(run(&["version", "-c", "--short"], false).is_ok());
        assert_eq!(run(&["pull", "x"], false), Err(Refused::Fetch));
        assert!(run(&["pull", "x"], true).is_ok());
        for other in ["plugin", "install", "--post-renderer=x", "", "x\u{9b}y"] {
            let refused = run(&[other], true);
            assert!(matches!(refused, Err(Refused::Command(_))), "{refused:?}");
            assert!(!refused.unwrap_err().to_string().contains('\u{9b}'));
        }
        assert!(matches!(run(&[], true), Err(Refused::Command(_))));
        let nothing = |_: &str| None;
        assert_eq!(real(&["version".into()], nothing), Err(Refused::Alone));
    }

    #[test]
    fn it_is_meant_by_its_name() {
        for (name, meant) in [
            ("helm", true),
            ("/a/helm", true),
            ("gitops-fn", false),
            ("", false),
        ] {
            assert_eq!(is_meant(Some(OsStr::new(name))), meant, "{name}");
        }
        assert!(!is_meant(None));
    }
}
