//! `${NAME}`, `${NAME:-default}` and the literal `$${` in the texts of a configuration.

use crate::explain::Explain;
use crate::settings::{Settings, Variable};

/// Why a text cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpandError {
    /// `${` without `}`.
    #[error("`${{` is not closed by `}}`")]
    Unclosed,
    /// What is between the braces is neither `NAME` nor `NAME:-default`.
    #[error("between `${{` and `}}` stands neither NAME nor NAME:-default")]
    Syntax,
    /// The configuration may not use this variable. Holds the name and a blank, or nothing if the name may be a secret.
    #[error("the variable {0}may not be used here")]
    NotAllowed(String),
    /// The variable is unset, and there is no default.
    #[error("the variable {0} is not set")]
    Unset(String),
    /// The variable's value is not UTF-8.
    #[error("the variable {0} is not UTF-8 text")]
    NotUtf8(String),
}

impl Explain for ExpandError {
    fn help(&self) -> String {
        match self {
            Self::Unclosed | Self::Syntax => {
                "write ${NAME} or ${NAME:-default}; $${ is a literal ${; a default holds no further ${"
            }
            Self::NotAllowed(_) => {
                "usable are APP_REPO, IMAGE_NAME, IMAGE_TAG, KUBE_VERSION, ARGOCD_APP_*, ARGOCD_ENV_* and \
                 PARAM_*, never those of the secret store"
            }
            Self::Unset(name) => {
                return format!("set it in the environment, or give a default: ${{{name}:-default}}");
            }
            Self::NotUtf8(_) => "set it to UTF-8 text",
        }
        .to_owned()
    }
}

/// Replaces every `${…}` with the value from the environment, and `$${` with `${`. Values are not expanded again.
///
/// As in a shell, the default of `${NAME:-default}` also replaces an empty value.
///
/// # Errors
/// The first `${…}` that cannot be replaced.
pub fn expand(text: &str, env: &Settings) -> Result<String, ExpandError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        let (inner, tail) = after.split_once('}').ok_or(ExpandError::Unclosed)?;
        out.push_str(before);
        out.push_str(value(inner, env)?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

/// The value of one `NAME` or `NAME:-default`.
fn value<'a>(inner: &'a str, env: &'a Settings) -> Result<&'a str, ExpandError> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    if !is_name(name) || default.is_some_and(|default| default.contains("${")) {
        return Err(ExpandError::Syntax);
    }
    match (env.variable(name), default) {
        (Variable::NotAllowed, _) => Err(ExpandError::NotAllowed(shown(name))),
        (Variable::NotUtf8, _) => Err(ExpandError::NotUtf8(name.to_owned())),
        (Variable::Unset | Variable::Set(""), Some(default)) => Ok(default),
        (Variable::Unset, None) => Err(ExpandError::Unset(name.to_owned())),
        (Variable::Set(value), _) => Ok(value),
    }
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The name and a blank, if it may be shown: a short name in capitals, unlike tokens and passwords. Otherwise empty.
fn shown(name: &str) -> String {
    let variable = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if name.len() <= 48 && name.bytes().all(variable) {
        format!("{name} ")
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn expansion_never_panics(text in "([$]{0,2}[{]?(IMAGE_TAG|HOME)?(:-)?[}]?|\\PC){0,8}") {
            let env = Settings::from_vars([("IMAGE_TAG".into(), "${x}".into())]).unwrap();
            if let Ok(out) = expand(&text, &env) {
                let unchanged = out == text;
                prop_assert!(unchanged || text.contains('$'));
            }
        }
    }
}
