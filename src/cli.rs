//! The command line: arguments and help texts.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::cluster::secret_name::SecretName;
use crate::kustomize::sandbox::Unconfined;
use crate::vault::environment;

/// Add the repository, set image tags and fill in secrets in Kubernetes manifests.
///
/// Without a command, gitops-fn is a KRM function: it reads a ResourceList from standard input and writes one
/// to standard output, for `kustomize build --enable-alpha-plugins --enable-exec` and kpt.
#[derive(Debug, Parser)]
#[command(name = "gitops-fn", version, after_help = after_help(), max_term_width = 100)]
pub struct Cli {
    /// Log to standard error; repeat for more detail. Secrets are never logged
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// The command; none runs as a KRM function.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The variables that count, and the exit codes.
fn after_help() -> String {
    let mut text = String::from(ENVIRONMENT);
    for (name, meaning) in environment::help() {
        let _ = writeln!(text, "  {name:<21} {meaning}");
    }
    text + AFTER_ENVIRONMENT
}

const ENVIRONMENT: &str = "\
Environment:
  VAULT_ADDR            where secrets are read: a server's address, or `file:secrets.yaml`
  BAO_ADDR              the same; each VAULT_… below has such a twin
  APP_REPO              repository URL or `org/repo` (ARGOCD_ENV_APP_REPO first)
  IMAGE_NAME IMAGE_TAG  the image that CI has built (ARGOCD_ENV_… first)
  GITOPS_FN_SECRETS     `keep` leaves placeholders as they are
  AVP_PATH_VALIDATION   regular expression that secret paths have to match
  GITOPS_FN_LOG         `info`, `debug` or `trace`, like -v, -vv and -vvv

A Vault or OpenBao server (all of them: fn-config/environment.md):
";

const AFTER_ENVIRONMENT: &str = "
An operator's policy at /etc/gitops-fn/policy.yaml rules over all of them;
`gitops-fn policy test` shows what it allows (fn-config/policy.md).

Exit codes: 0 done; 1 the input or the store says no; 2 usage or configuration;
3 trying again may help.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Render plain manifests: fill in secrets, set images and the repository
    Render(Render),
    /// Run kustomize in a sandbox and render its output; for Argo CD
    Build(Build),
    #[command(name = "__child", hide = true)]
    #[allow(missing_docs, reason = "hidden: the program starts itself with it")]
    Child(Child),
    /// Check what an operator's policy allows
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print the schema of a Release (the functionConfig) or of a Policy
    Schema(Schema),
    /// Print a shell completion script
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// `gitops-fn render`
#[derive(Debug, Args)]
pub struct Render {
    /// The Release to apply; without it, `APP_REPO`, `IMAGE_NAME` and `IMAGE_TAG` are used
    #[arg(short = 'f', long = "config", value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment would become its help text")]
    pub credentials: Credentials,
    /// Fail on files in a directory that are not Kubernetes objects, instead of skipping them
    #[arg(long)]
    pub strict: bool,
    /// Accept input without manifests, which a chart may pass to a post-renderer
    #[arg(long)]
    pub allow_empty: bool,
    /// Write to this file, atomically and with mode 0600
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Files, directories (their .yaml, .yml and .json files), or `-` for standard input, the default
    #[arg(value_name = "FILE|DIR|-")]
    pub paths: Vec<PathBuf>,
}

/// `gitops-fn build`
#[derive(Debug, Args)]
pub struct Build {
    /// The Release to apply; without it, gitops-fn.yaml next to the kustomization, its gitops-fn transformer, or
    /// the environment is used
    #[arg(short = 'f', long = "config", value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// Inflate Helm charts; an operator's policy decides instead, if there is one
    #[arg(long)]
    pub enable_helm: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment would become its help text")]
    pub credentials: Credentials,
    /// Fail on files in a directory that are not Kubernetes objects, instead of skipping them
    #[arg(long)]
    pub strict: bool,
    /// Repository root, if it cannot be detected
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// A directory with a kustomization or plain manifests
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

/// `gitops-fn __child`: a sandbox, and the program to run in it.
#[derive(Debug, Args)]
#[allow(missing_docs, reason = "see kustomize::sandbox::Confinement")]
pub struct Child {
    #[arg(long)]
    pub parent: u32,
    #[arg(long)]
    pub root: PathBuf,
    #[arg(long)]
    pub writable: Vec<PathBuf>,
    #[arg(long = "program")]
    pub programs: Vec<PathBuf>,
    #[arg(long)]
    pub stand_in: Option<PathBuf>,
    #[arg(long)]
    pub memory: u64,
    #[arg(long)]
    pub network: bool,
    #[arg(long)]
    pub log: bool,
    #[arg(long, value_parser = unconfined)]
    pub unconfined: Unconfined,
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

fn unconfined(name: &str) -> Result<Unconfined, &'static str> {
    Unconfined::named(name).ok_or("unknown value")
}

/// Where credentials come from, besides the environment.
#[derive(Debug, Args)]
pub struct Credentials {
    /// Read VAULT_… and AVP_… settings from this Secret in the cluster; NS defaults to argocd
    #[arg(long = "credentials-secret", value_name = "[NS:]NAME", value_parser = secret_name)]
    pub secret: Option<SecretName>,
}

fn secret_name(text: &str) -> Result<SecretName, &'static str> {
    SecretName::parse(text)
        .ok_or("write NAME or NAMESPACE:NAME, in lower case letters, digits, - and .")
}

/// `gitops-fn policy`
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Show what a policy allows an Application; exits with 1 if a given path, sink or manifest is denied
    Test(PolicyTest),
}

/// `gitops-fn policy test`
#[derive(Debug, Args)]
pub struct PolicyTest {
    /// The policy to test; other commands always use /etc/gitops-fn/policy.yaml
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/gitops-fn/policy.yaml"
    )]
    pub policy: PathBuf,
    /// The Application's project, as in `ARGOCD_APP_PROJECT_NAME`
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// The Application's name, as in `ARGOCD_APP_NAME`
    #[arg(long, visible_alias = "name", value_name = "NAME")]
    pub app: Option<String>,
    /// The destination namespace, as in `ARGOCD_APP_NAMESPACE`
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Test as a KRM function, where the repository controls the environment
    #[arg(long)]
    pub function: bool,
    /// Check whether a value may be put here, as in `v1:ConfigMap:data/key`
    #[arg(long = "sink", value_name = "APIVERSION:KIND:FIELD")]
    pub sinks: Vec<String>,
    /// Check the placeholders in these manifests
    #[arg(short = 'f', long = "manifests", value_name = "FILE|DIR|-")]
    pub manifests: Vec<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Report::Table)]
    pub output: Report,
    /// Check whether these paths may be read, as in `kv/shop/web`
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Report {
    /// Aligned columns
    Table,
    /// JSON
    Json,
}

/// `gitops-fn schema`
#[derive(Debug, Args)]
pub struct Schema {
    /// Which kind
    #[arg(long, value_enum, default_value_t = Kind::Release)]
    pub kind: Kind,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
}

/// A kind of document.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    /// The functionConfig
    Release,
    /// The operator's policy
    Policy,
}

/// How the schema is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// JSON Schema
    Json,
    /// A reference page
    Markdown,
}

/// The help text, as `--help` prints it.
#[must_use]
pub fn help() -> String {
    Cli::command().render_long_help().to_string()
}

/// The completion script for a shell.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "gitops-fn", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_does_not_wrap_the_list_of_variables_again() {
        let text = after_help();
        let long: Vec<_> = text.lines().filter(|line| line.len() > 90).collect();
        assert!(long.is_empty(), "{long:?}");
    }
}
