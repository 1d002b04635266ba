//! One setting under all of its names, and what is wrong with it.

use std::time::Duration;

use super::table::Setting;
use super::vars::{NotText, VaultVars};

/// A setting that cannot be used, or settings that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{message}")]
pub struct SettingProblem {
    /// What is wrong; it names the settings and never shows a value.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// What is wrong with one value, without the value: it continues the setting's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) says: &'static str,
    pub(super) help: &'static str,
}

/// A setting that is set.
pub(super) struct Found<T> {
    /// The name that it was found under.
    pub(super) name: String,
    /// Its value, `None` if it cannot be used; that has been said then.
    pub(super) value: Option<T>,
}

/// Reads settings, and collects all that is wrong with them.
pub(super) struct Lookup<'v> {
    vars: &'v VaultVars,
    pub(super) problems: Vec<SettingProblem>,
}

impl<'v> Lookup<'v> {
    pub(super) fn new(vars: &'v VaultVars) -> Self {
        Self {
            vars,
            problems: Vec::new(),
        }
    }

    /// The longest deadline, if there is one.
    pub(super) fn longest(&self) -> Option<Duration> {
        self.vars.longest()
    }

    /// The first of a setting's names that is set.
    pub(super) fn name(&self, setting: &Setting) -> Option<String> {
        setting.names().find(|name| self.vars.has(name))
    }

    /// Whether a policy rules.
    pub(super) fn is_governed(&self) -> bool {
        self.vars.is_governed()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.vars.has(name)
    }

    /// Reads a setting; names that say different things are a problem that names them.
    pub(super) fn read<T: PartialEq>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Found<T>> {
        self.among(setting.names(), parse)
    }

    /// The value of a setting, `None` if it is unset or cannot be used.
    pub(super) fn value<T: PartialEq>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        self.read(setting, parse)?.value
    }

    /// As [`Lookup::read`], under these names.
    pub(super) fn among<T: PartialEq>(
        &mut self,
        names: impl IntoIterator<Item = String>,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Found<T>> {
        let mut first: Option<Found<T>> = None;
        for name in names {
            let Some(text) = self.vars.get(&name) else {
                continue;
            };
            let value = match text.map(&parse) {
                Ok(Ok(value)) => Some(value),
                Ok(Err(fault)) => {
                    self.problem(format!("{name} {}", fault.says), fault.help);
                    None
                }
                Err(NotText) => {
                    let help = "set it to UTF-8 text, or unset it";
                    self.problem(format!("{name} is not UTF-8 text"), help);
                    None
                }
            };
            let Some(Found {
                name: one,
                value: wanted,
            }) = &mut first
            else {
                first = Some(Found { name, value });
                continue;
            };
            if wanted.is_some() && value.is_some() && *wanted != value {
                let message = format!("{one} and {name} say different things");
                *wanted = None;
                self.problem(message, "unset one of them, or set both to the same");
            }
        }
        first
    }

    pub(super) fn problem(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(SettingProblem {
            message: message.into(),
            help: help.into(),
        });
    }

    /// Says that only one of two settings may be set.
    pub(super) fn both(&mut self, one: &str, other: &str) {
        self.problem(
            format!("{one} and {other} are both set, and one of them can count"),
            "unset one of them",
        );
    }
}
