//! The command line, as data.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::cluster::secret_name::SecretName;
use crate::kustomize::sandbox::Unconfined;
use crate::vault::environment;

/// Stamps Kubernetes manifests with their repository, sets image tags, replaces Vault placeholders.
///
/// Without a command it is a KRM function: it reads a ResourceList from standard input and writes one to
/// standard output, as `kustomize build --enable-alpha-plugins --enable-exec` and kpt want it.
#[derive(Debug, Parser)]
#[command(name = "gitops-fn", version, after_help = after_help(), max_term_width = 100)]
pub struct Cli {
    /// Log to standard error what is done; twice for more. Never a secret.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do.
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

/// A command beside the KRM function.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plain manifests in, plain manifests out
    Render(Render),
    /// Build a kustomization, confined, and do the same with what it gives; for Argo CD
    Build(Build),
    #[command(name = "__child", hide = true)]
    #[allow(missing_docs, reason = "nobody but ourselves")]
    Child(Child),
    /// What an operator's policy allows
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// The schema of the functionConfig, kind `Release`, or of a policy
    Schema(Schema),
    /// A completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// `gitops-fn render`
#[derive(Debug, Args)]
pub struct Render {
    /// A Release; without it `APP_REPO`, `IMAGE_NAME` and `IMAGE_TAG` count
    #[arg(short = 'f', long = "config", value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment would become its help text")]
    pub credentials: Credentials,
    /// Refuse files of a directory that are not Kubernetes objects, instead of skipping them
    #[arg(long)]
    pub strict: bool,
    /// Accept an input without a manifest, as a chart can give it to a post-renderer
    #[arg(long)]
    pub allow_empty: bool,
    /// Write to this file, whole or not at all, readable by you alone
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Files, directories (.yaml, .yml and .json in them), or `-` for standard input, the default
    #[arg(value_name = "FILE|DIR|-")]
    pub paths: Vec<PathBuf>,
}

/// `gitops-fn build`
#[derive(Debug, Args)]
pub struct Build {
    /// A Release; without it gitops-fn.yaml beside the kustomization, our entry in it, or the environment
    #[arg(short = 'f', long = "config", value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// Inflate helm charts; under an operator's policy that says whether
    #[arg(long)]
    pub enable_helm: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment would become its help text")]
    pub credentials: Credentials,
    /// Refuse files of a folder that are not Kubernetes objects, instead of skipping them
    #[arg(long)]
    pub strict: bool,
    /// The checkout, where it is not Argo CD's, and has no .git
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// A folder with a kustomization, or with plain manifests
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

/// `gitops-fn __child`: a confinement, and the program that we become in it.
#[derive(Debug, Args)]
#[allow(missing_docs, reason = "see build::sandbox::Confinement")]
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
    Unconfined::named(name).ok_or("no such way")
}

/// Where credentials come from, beside the environment.
#[derive(Debug, Args)]
pub struct Credentials {
    /// A Secret of the cluster around us with VAULT_… and AVP_… keys; argocd is the namespace otherwise
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
    /// Show what a policy allows an Application; exit code 1 if a given path, sink or manifest is denied
    Test(PolicyTest),
}

/// `gitops-fn policy test`
#[derive(Debug, Args)]
pub struct PolicyTest {
    /// The policy; a run itself reads /etc/gitops-fn/policy.yaml and no other
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/gitops-fn/policy.yaml"
    )]
    pub policy: PathBuf,
    /// `ARGOCD_APP_PROJECT_NAME`
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// `ARGOCD_APP_NAME`
    #[arg(long, visible_alias = "name", value_name = "NAME")]
    pub app: Option<String>,
    /// `ARGOCD_APP_NAMESPACE`, the destination namespace
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Judge as for a KRM function, whose environment the repository can set
    #[arg(long)]
    pub function: bool,
    /// Judge whether a value may be placed there: `v1:ConfigMap:data/key`
    #[arg(long = "sink", value_name = "APIVERSION:KIND:FIELD")]
    pub sinks: Vec<String>,
    /// Judge the placeholders of these manifests
    #[arg(short = 'f', long = "manifests", value_name = "FILE|DIR|-")]
    pub manifests: Vec<PathBuf>,
    /// As what
    #[arg(short, long, value_enum, default_value_t = Report::Table)]
    pub output: Report,
    /// Judge whether these paths may be read: `kv/shop/web`
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
    /// Of which kind
    #[arg(long, value_enum, default_value_t = Kind::Release)]
    pub kind: Kind,
    /// As what
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
    fn lines_that_are_broken_by_hand_are_not_broken_again() {
        let text = after_help();
        let long: Vec<_> = text.lines().filter(|line| line.len() > 90).collect();
        assert!(long.is_empty(), "{long:?}");
    }
}
