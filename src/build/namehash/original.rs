//! The scalars as they were, so that nothing is changed that has come from a secret.

use rustc_hash::FxHashSet;

use crate::yaml::event::SyntaxError;
use crate::yaml::tree::Tree;

use super::Pair;
use super::document::Document;
use super::names::Names;
use super::token::{Token, tokens};

/// What is known of a document's scalars.
pub(super) enum Original {
    /// The same hashes stand in the text as before, in the same order: none has come from a secret.
    Trusted,
    /// Some have come or gone.
    Compared {
        /// The scalars that held an old hash before any value was put in.
        scalars: FxHashSet<String>,
        /// Some scalar that holds one now is none of them.
        foreign: bool,
    },
}

impl Original {
    /// Compares the texts, and reads the old one only where they differ.
    pub(super) fn read(pair: &Pair<'_>, names: &Names) -> Result<Self, SyntaxError> {
        let hashes = |text| {
            tokens(text)
                .map(Token::hash)
                .filter(|hash| names.knows_hash(hash))
        };
        if pair.before == pair.after || hashes(pair.before).eq(hashes(pair.after)) {
            return Ok(Self::Trusted);
        }
        let document = Document::read(pair.before)?;
        let scalars = document
            .iter()
            .flat_map(|document| document.tree.nodes())
            .map(|node| &*node.value)
            .filter(|value| hashes(value).next().is_some())
            .map(str::to_owned)
            .collect();
        Ok(Self::Compared {
            scalars,
            foreign: false,
        })
    }

    /// Whether a scalar that holds a name now has held it before.
    pub(super) fn held(&mut self, value: &str) -> bool {
        match self {
            Self::Trusted => true,
            Self::Compared { scalars, foreign } => {
                let held = scalars.contains(value);
                *foreign |= !held;
                held
            }
        }
    }

    /// Whether a scalar that held a name may have become one that still does, and has got another one
    /// from a secret: nobody can tell which is which.
    pub(super) fn is_mixed(&self, tree: &Tree<'_>) -> bool {
        let Self::Compared {
            scalars,
            foreign: true,
        } = self
        else {
            return false;
        };
        let now: FxHashSet<_> = tree.nodes().iter().map(|node| &*node.value).collect();
        scalars.iter().any(|text| !now.contains(&**text))
    }
}
