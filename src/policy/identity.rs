//! Whose Application it is, as Argo CD says it in the environment.

/// The variables that a policy may build on. Argo CD sets them and an Application's author cannot; but
/// whoever edits the Application chooses its name and its namespace: only the project is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `ARGOCD_APP_PROJECT_NAME`
    Project,
    /// `ARGOCD_APP_NAME`
    Name,
    /// `ARGOCD_APP_NAMESPACE`: the destination namespace.
    Namespace,
}

impl Variable {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Project, Self::Name, Self::Namespace];

    /// Its name in the environment.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "ARGOCD_APP_PROJECT_NAME",
            Self::Name => "ARGOCD_APP_NAME",
            Self::Namespace => "ARGOCD_APP_NAMESPACE",
        }
    }

    /// The variable of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// The values of the variables; `None` is unset, or not to be trusted.
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
    /// Asks `look` for each of the variables by its name.
    pub fn read(look: impl Fn(&str) -> Option<String>) -> Self {
        let value = |variable: Variable| look(variable.name());
        Self {
            project: value(Variable::Project),
            name: value(Variable::Name),
            namespace: value(Variable::Namespace),
        }
    }

    /// The value of a variable, as it is.
    #[must_use]
    pub fn value(&self, variable: Variable) -> Option<&str> {
        match variable {
            Variable::Project => self.project.as_deref(),
            Variable::Name => self.name.as_deref(),
            Variable::Namespace => self.namespace.as_deref(),
        }
    }

    /// The value of a variable, if it is one literal segment of a path.
    #[must_use]
    pub fn literal(&self, variable: Variable) -> Option<&str> {
        self.value(variable).filter(|value| is_literal(value))
    }
}

/// Whether a text is one literal segment: `[A-Za-z0-9._-]+`, and neither `.` nor `..`.
#[must_use]
pub fn is_literal(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
