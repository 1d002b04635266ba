//! Applies the policy to one run: may this path be read, and may this field hold a value? A denial names the rule or
//! field of the policy and reveals nothing about the secret.

use super::Policy;
use super::identity::{Identity, Variable};
use super::mode::SecretsMode;
use super::sink::Target;
use super::template::{InvalidPath, Normal};
use crate::finding::Finding;
use crate::secret::KvVersion;
use crate::settings::StoreSetting;

/// The limits of a run.
pub use super::Limits;

/// By how many bytes the output may be longer than the input if there is no policy: 1 GiB, which is also the largest
/// possible input.
const GROWTH: u64 = 1 << 30;

/// How many bytes of memory the secrets of a run may take if there is no policy: 1 GiB.
const SECRETS: u64 = 1 << 30;

/// Decides what one run may do. Without a policy, everything that the store allows is allowed, as in
/// argocd-vault-plugin.
#[derive(Clone, Debug, Default)]
pub struct Judge<'p> {
    pub(super) policy: Option<&'p Policy>,
    /// The Application as Argo CD describes it; empty in function mode, where the repository can set the environment.
    pub(super) identity: Identity,
    pub(super) function: bool,
    /// Why no secret can be read in this run, whatever its path; `None` if a store can be used.
    pub(super) closed: Option<Finding>,
}

impl<'p> Judge<'p> {
    /// Creates the judge of a run; `policy` is `None` if there is no policy.
    ///
    /// `function` means that the run is a KRM function, whose environment the repository can set. `asked` is the store
    /// that the environment names.
    #[must_use]
    pub fn new(
        policy: Option<&'p Policy>,
        identity: Identity,
        function: bool,
        asked: &StoreSetting,
    ) -> Self {
        let mut judge = Self {
            policy,
            identity: if function {
                Identity::default()
            } else {
                identity
            },
            function,
            closed: None,
        };
        judge.closed = policy.and_then(|policy| judge.closed(policy, asked));
        judge
    }

    /// Whether there is a policy.
    #[must_use]
    pub fn has_policy(&self) -> bool {
        self.policy.is_some()
    }

    /// The policy, for decisions that are made elsewhere, such as what `build` may do.
    #[must_use]
    pub fn policy(&self) -> Option<&'p Policy> {
        self.policy
    }

    /// The limits that the policy sets; `None` without a policy.
    #[must_use]
    pub fn limits(&self) -> Option<&'p Limits> {
        self.policy.map(|policy| &policy.limits)
    }

    /// Whether the secret at `path` may be read. `claimed` is the KV version in the manifest's annotation. Returns the
    /// name of the rule that allows the path, or `None` without a policy.
    ///
    /// # Errors
    /// The denial.
    pub fn path(&self, path: &str, claimed: Option<KvVersion>) -> Result<Option<&'p str>, Finding> {
        let Some(policy) = self.policy else {
            return Ok(None);
        };
        if self.function && !policy.enable.function_mode {
            return Err(Finding::error(
                "the policy reads no secrets in function mode",
                "resolve them with `gitops-fn build` or in a pipe with `gitops-fn render -`; the operator can set functionMode: allow",
            ));
        }
        let normal = match Normal::parse(path, &policy.mounts) {
            Ok(normal) => normal,
            Err(InvalidPath::NoMount | InvalidPath::MountAlone) => return Err(self.no_rule(policy)),
            Err(error) => {
                return Err(Finding::error(
                    error.to_string(),
                    "write the path as MOUNT/PATH, plainly; the policy refuses what could be read as another path",
                ));
            }
        };
        let rule = policy.rules.iter().find(|rule| {
            self.is_for(rule.projects.as_deref())
                && rule
                    .templates
                    .iter()
                    .any(|template| template.matches(&normal, &self.identity))
        });
        let Some(rule) = rule else {
            return Err(self.no_rule(policy));
        };
        if let Some(closed) = &self.closed {
            return Err(closed.clone());
        }
        let mount = &policy.mounts[normal.mount];
        match claimed {
            Some(claimed) if claimed != mount.version && !policy.enable.file_store => {
                Err(Finding::error(
                    format!(
                        "the policy says that the mount {} is KV v{}, and avp.kubernetes.io/kv-version says {}",
                        mount.path, mount.version, claimed
                    ),
                    "remove the annotation, or correct it",
                ))
            }
            _ => Ok(Some(&rule.name)),
        }
    }

    /// Whether a rule for these projects applies to this Application. In function mode the project is unknown.
    pub(super) fn is_for(&self, projects: Option<&[String]>) -> bool {
        let project = self.identity.literal(Variable::Project);
        projects.is_none_or(|projects| {
            project.is_some_and(|project| projects.iter().any(|one| one == project))
        })
    }

    fn no_rule(&self, policy: &Policy) -> Finding {
        let depends = policy.rules.iter().any(|rule| {
            rule.projects.is_some()
                || rule
                    .templates
                    .iter()
                    .any(|template| template.variables().next().is_some())
        });
        let help = if policy.rules.is_empty() {
            "the policy lists no path at all: the operator has to mount one at /etc/gitops-fn/policy.yaml that says what may be read (fn-config/policy-minimal.yaml is the least)"
        } else if depends && self.function {
            "rules that depend on the Application never match in function mode; `gitops-fn policy test` shows what is allowed"
        } else if depends && self.identity.literal(Variable::Project).is_none() {
            "rules that depend on the project match nothing, since ARGOCD_APP_PROJECT_NAME is unset or no plain name"
        } else {
            "`gitops-fn policy test` shows the operator what is allowed for an Application"
        };
        Finding::error("no rule of the policy allows this path", help)
    }

    /// Whether a value may be placed in `target`.
    ///
    /// # Errors
    /// The denial.
    pub fn sink(&self, target: &Target<'_>) -> Result<(), Finding> {
        let Some(policy) = self.policy else {
            return Ok(());
        };
        if target.is_metadata() {
            return Err(Finding::error(
                "the policy never allows a secret in metadata",
                "every reader of the object sees it there; put it into the data of a Secret",
            ));
        }
        let listed = policy.sinks.iter().any(|sink| sink.holds(target));
        if !target.is_secret_data() && !listed {
            return Err(Finding::error(
                "the policy allows no secret in this field",
                "put it into data or stringData of a Secret with apiVersion v1; the operator can list more in spec.sinks",
            ));
        }
        let elsewhere = !target.namespace.is_empty()
            && self.identity.value(Variable::Namespace) != Some(target.namespace);
        if policy.match_destination_namespace && elsewhere {
            return Err(Finding::error(
                "the policy allows secrets only in the destination namespace of the Application",
                "leave metadata.namespace out (spec.matchDestinationNamespace)",
            ));
        }
        Ok(())
    }

    /// The mode of the Application's placeholders. It overrides the Release and the environment.
    #[must_use]
    pub fn secrets_mode(&self) -> SecretsMode {
        self.policy.map_or(SecretsMode::Resolve, |policy| {
            policy.modes.of(&self.identity)
        })
    }

    /// Whether manifests may contain placeholders at all.
    ///
    /// # Errors
    /// The denial.
    pub fn placeholder(&self) -> Result<(), Finding> {
        if self.secrets_mode() == SecretsMode::Forbidden {
            return Err(Finding::error(
                "the policy forbids placeholders for this Application (secretsMode: forbidden)",
                "take the placeholder out, or ask the operator",
            ));
        }
        Ok(())
    }

    /// Whether secrets mode `keep` may be used.
    ///
    /// # Errors
    /// The denial.
    pub fn keep(&self) -> Result<(), Finding> {
        match self.policy {
            Some(policy) if !policy.enable.keep => Err(Finding::error(
                "the policy does not allow secrets mode keep",
                "leave secrets.mode and GITOPS_FN_SECRETS out; the operator can set spec.enable.keep: true",
            )),
            _ => Ok(()),
        }
    }

    /// Whether modifiers must not compare values, because the outcome reveals something about a value.
    #[must_use]
    pub fn denies_questions(&self) -> bool {
        self.policy
            .is_some_and(|policy| !policy.enable.json_path_filters)
    }

    /// Whether an input of this many bytes may be processed.
    ///
    /// # Errors
    /// The denial.
    pub fn input(&self, bytes: u64) -> Result<(), Finding> {
        let Some(limits) = self.limits() else {
            return Ok(());
        };
        if bytes <= limits.input_bytes {
            return Ok(());
        }
        Err(Finding::error(
            format!(
                "the input is larger than the policy allows: {} bytes (spec.limits.inputBytes)",
                limits.input_bytes
            ),
            "split the Application, or let the operator raise the limit",
        ))
    }

    /// By how many bytes the output may be longer than the input, and the error for more. This is limited even without
    /// a policy, because one value can occur in millions of places.
    #[must_use]
    pub fn growth(&self) -> (u64, Finding) {
        let Some(limits) = self.limits() else {
            let denial = Finding::error(
                format!("the output grows by more than {GROWTH} bytes"),
                "render fewer manifests at once",
            );
            return (GROWTH, denial);
        };
        let most = limits.output_bytes;
        let denial = Finding::error(
            format!(
                "the output grows by more than the policy allows: {most} bytes (spec.limits.outputBytes)"
            ),
            "split the Application, or let the operator raise the limit",
        );
        (most, denial)
    }

    /// How many bytes of memory the secrets of a run may take, and the error for more. This is limited even without a
    /// policy.
    #[must_use]
    pub fn secrets(&self) -> (u64, Finding) {
        let Some(limits) = self.limits() else {
            let denial = Finding::error(
                format!("all secrets together take more than {SECRETS} bytes of memory"),
                "render fewer manifests at once",
            );
            return (SECRETS, denial);
        };
        let most = limits.secrets_bytes;
        let denial = Finding::error(
            format!(
                "all secrets together take more memory than the policy allows: {most} bytes (spec.limits.secretsBytes)"
            ),
            "name the keys that are needed instead of `*`, split the Application, or let the operator raise the limit",
        );
        (most, denial)
    }

    /// Whether this many placeholders exceed the policy's limit.
    #[must_use]
    pub fn is_exceeded(&self, placeholders: u64) -> bool {
        self.limits()
            .is_some_and(|limits| placeholders > limits.placeholders)
    }

    /// The denials for a run with this many placeholders and this many distinct secrets.
    #[must_use]
    pub fn amounts(&self, placeholders: u64, paths: u64) -> Vec<Finding> {
        let Some(limits) = self.limits() else {
            return Vec::new();
        };
        let mut denials = Vec::new();
        for (found, limit, what, field) in [
            (
                placeholders,
                limits.placeholders,
                "placeholders",
                "placeholders",
            ),
            (
                paths,
                limits.paths,
                "distinct secret paths and versions",
                "paths",
            ),
        ] {
            if found > limit {
                denials.push(Finding::error(
                    format!(
                        "the input has more {what} than the policy allows: {limit} (spec.limits.{field})"
                    ),
                    "split the Application, or let the operator raise the limit",
                ));
            }
        }
        denials
    }
}

#[cfg(test)]
mod tests;
