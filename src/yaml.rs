//! YAML as bytes: events with spans, an arena of nodes, splices and their verification. Knows nothing about
//! Kubernetes.
//!
//! - [`event`] wraps the parser crate, [`tree`] holds one document or one list item at a time.
//! - [`splice`] applies edits to text, [`verify`] parses an edited document again and compares it with the plan,
//!   whose results [`expected`] describes.
//! - [`scalar`] writes scalars, [`plain`] says which need no quotes, [`trivia`] finds lines, comments and commas.
//! - [`load`] reads a text as a value; [`alias_bombs`] guards readers that expand aliases.
//! - [`canonical`] rewrites a text so that all parsers agree on it; [`lines`] and [`second`] are such other parsers.
//! - [`repair`] accepts what go-yaml accepts although YAML forbids it; [`surrogates`] rewrites escapes that libyaml
//!   rejects.

pub mod alias_bombs;
pub mod canonical;
pub mod event;
pub mod expected;
pub mod lines;
pub mod load;
pub mod plain;
pub mod repair;
pub mod scalar;
pub mod second;
pub mod splice;
pub mod surrogates;
pub mod tree;
pub mod trivia;
pub mod verify;
