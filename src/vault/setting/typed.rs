//! Typed values of settings.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::problem::BadValue;
use super::{About, Setting};

/// Values of settings, each of its setting's type. `Debug` shows only the names.
#[derive(Clone, Default)]
pub(crate) struct Values(Vec<(&'static About, Arc<dyn Any + Send + Sync>)>);

impl Values {
    /// Sets a value, and replaces an earlier one.
    pub(crate) fn set<T: Send + Sync + 'static>(&mut self, setting: &'static Setting<T>, value: T) {
        self.0.retain(|(about, _)| about.name != setting.name);
        self.0.push((&setting.about, Arc::new(value)));
    }

    /// The value of a setting, if it is set.
    pub(crate) fn get<T: 'static>(&self, setting: &Setting<T>) -> Option<&T> {
        let (_, value) = self
            .0
            .iter()
            .find(|(about, _)| about.name == setting.name)?;
        value.downcast_ref()
    }

    /// The settings that have a value.
    pub(crate) fn settings(&self) -> impl Iterator<Item = &'static About> {
        self.0.iter().map(|(about, _)| *about)
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.settings().map(|about| about.name);
        f.debug_set().entries(names).finish()
    }
}

/// A setting of any type whose value is a plain string in a policy.
pub(crate) trait InPolicy: Sync {
    /// The names and the documentation.
    fn about(&'static self) -> &'static About;

    /// Parses the policy's text and stores the value in `values`.
    ///
    /// # Errors
    /// A [`BadValue`] if the text is not valid.
    fn read_into(&'static self, values: &mut Values, text: &str) -> Result<(), BadValue>;
}

impl<T: Send + Sync + 'static> InPolicy for Setting<T> {
    fn about(&'static self) -> &'static About {
        &self.about
    }

    fn read_into(&'static self, values: &mut Values, text: &str) -> Result<(), BadValue> {
        let value = (self.parse)(text)?;
        if self.is_path && !text.starts_with('/') {
            return Err(BadValue {
                fact: "is not an absolute path",
                help: "a relative one would lie in the repository".into(),
            });
        }
        values.set(self, value);
        Ok(())
    }
}
