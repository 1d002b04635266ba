//! The Application of a run, as Argo CD describes it in the environment.

/// The variables that a policy can use in paths. Argo CD sets them, and the author of the manifests cannot. Only the
/// project is a security boundary, though: whoever edits the Application chooses its name and namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `ARGOCD_APP_PROJECT_NAME`
    Project,
    /// `ARGOCD_APP_NAME`
    Name,
    /// `ARGOCD_APP_NAMESPACE`, the destination namespace.
    Namespace,
}

impl Variable {
    /// All variables.
    pub const ALL: [Self; 3] = [Self::Project, Self::Name, Self::Namespace];

    /// The name of the environment variable.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "ARGOCD_APP_PROJECT_NAME",
            Self::Name => "ARGOCD_APP_NAME",
            Self::Namespace => "ARGOCD_APP_NAMESPACE",
        }
    }

    /// The variable with this name, if the policy knows it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// The values of the variables. `None` means unset or not trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `ARGOCD_APP_PROJECT_NAME`
    pub project: Option<String>,
    /// `ARGOCD_APP_NAME`
    pub name: Option<String>,
    /// `ARGOCD_APP_NAMESPACE`
    pub namespace: Option<String>,
}

impl Identity {
    /// Reads the variables by calling `look` with the name of each.
    pub fn read(look: impl Fn(&str) -> Option<String>) -> Self {
        let value = |variable: Variable| look(variable.name());
        Self {
            project: value(Variable::Project),
            name: value(Variable::Name),
            namespace: value(Variable::Namespace),
        }
    }

    /// The value of a variable, unchecked.
    #[must_use]
    pub fn value(&self, variable: Variable) -> Option<&str> {
        match variable {
            Variable::Project => self.project.as_deref(),
            Variable::Name => self.name.as_deref(),
            Variable::Namespace => self.namespace.as_deref(),
        }
    }

    /// The value of a variable if it is a single literal path segment ([`is_literal`]).
    #[must_use]
    pub fn literal(&self, variable: Variable) -> Option<&str> {
        self.value(variable).filter(|value| is_literal(value))
    }
}

/// Whether `text` is a single literal path segment: `[A-Za-z0-9._-]+`, but not `.` or `..`.
#[must_use]
pub fn is_literal(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
