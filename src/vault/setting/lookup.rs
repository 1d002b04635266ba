//! Reads settings under all of their names, and collects the problems.

use super::name::{Name, Names, Origin};
use super::problem::{BadValue, Problem, SettingProblem};
use super::variables::VaultVars;
use super::{About, Setting};

/// A setting that is set, with a valid value or not.
pub(crate) struct Found<T> {
    /// The name under which it is set.
    pub(crate) name: Name,
    /// Its value; `None` if it is invalid, which is then one of the problems.
    pub(crate) value: Option<T>,
}

/// A value, and the name under which it is set.
#[derive(Clone, Debug)]
pub(crate) struct Named<T> {
    pub(crate) name: Name,
    pub(crate) value: T,
}

/// Reads settings, and collects the problems.
pub(crate) struct Lookup<'v> {
    vars: &'v VaultVars,
    names: Names,
    problems: Vec<SettingProblem>,
}

impl<'v> Lookup<'v> {
    pub(crate) fn new(vars: &'v VaultVars) -> Self {
        Self {
            vars,
            names: vars.names(),
            problems: Vec::new(),
        }
    }

    /// The problems, sorted and without duplicates.
    pub(crate) fn problems(mut self) -> Vec<SettingProblem> {
        self.problems
            .sort_by_cached_key(|problem| (problem.to_string(), problem.help()));
        self.problems.dedup();
        self.problems
    }

    /// The settings as messages call them.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// The settings that are read.
    pub(crate) fn vars(&self) -> &'v VaultVars {
        self.vars
    }

    /// The name under which a setting is set; `None` if it is not set.
    pub(crate) fn is_set(&self, setting: &'static About) -> Option<Name> {
        Some(self.names.of(setting)).filter(Name::is_set)
    }

    /// Whether the variable of this name is set.
    pub(crate) fn has_variable(&self, name: &str) -> bool {
        self.vars.variables.contains_key(name)
    }

    /// Reads a setting; `None` if it is not set. Different values under two of its names are a problem.
    pub(crate) fn read<T: Clone + PartialEq + 'static>(
        &mut self,
        setting: &'static Setting<T>,
    ) -> Option<Found<T>> {
        let by_policy = self.vars.values().and_then(|values| values.get(setting));
        if let Some(value) = by_policy {
            return Some(Found {
                name: self.names.of(setting),
                value: Some(value.clone()),
            });
        }
        self.among(
            setting.names().map(|name| (&setting.about, name)),
            setting.parse,
        )
    }

    /// The value of a setting; `None` if it is not set or invalid.
    pub(crate) fn value<T: Clone + PartialEq + 'static>(
        &mut self,
        setting: &'static Setting<T>,
    ) -> Option<T> {
        self.read(setting)?.value
    }

    /// Reads several settings of which at most one may be set; more are a problem.
    pub(crate) fn one_of<T: Clone + PartialEq + 'static>(
        &mut self,
        settings: &[&'static Setting<T>],
    ) -> Option<Found<T>> {
        let found: Vec<_> = settings
            .iter()
            .filter_map(|setting| self.read(setting))
            .collect();
        let mut found = found.into_iter();
        let first = found.next()?;
        for other in found {
            self.problem(Problem::Both(first.name.clone(), other.name));
        }
        Some(first)
    }

    /// Reads variables with the same meaning; different values are a problem.
    pub(crate) fn among<T: PartialEq>(
        &mut self,
        names: impl IntoIterator<Item = (&'static About, String)>,
        parse: impl Fn(&str) -> Result<T, BadValue>,
    ) -> Option<Found<T>> {
        let mut first: Option<Found<T>> = None;
        for (setting, variable) in names {
            let Some(text) = self.vars.variables.get(&variable) else {
                continue;
            };
            let name = Name {
                setting,
                origin: Origin::Variable(variable),
            };
            let value = match text.as_ref().map(|text| parse(text)) {
                Some(Ok(value)) => Some(value),
                Some(Err(bad)) => {
                    self.problem(Problem::Value(name.clone(), bad));
                    None
                }
                None => {
                    self.problem(Problem::NotText(name.clone()));
                    None
                }
            };
            let Some(found) = &mut first else {
                first = Some(Found { name, value });
                continue;
            };
            if found.value.is_some() && value.is_some() && found.value != value {
                found.value = None;
                let one = found.name.clone();
                self.problem(Problem::Differ(one, name));
            }
        }
        first
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem.into());
    }
}

impl<T> Found<T> {
    /// The value with its name; `None` if the value is invalid.
    pub(crate) fn named(self) -> Option<Named<T>> {
        let Self { name, value } = self;
        value.map(|value| Named { name, value })
    }
}
