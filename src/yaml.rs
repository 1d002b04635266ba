//! YAML as bytes: events with spans, an arena of nodes, splices and their verification.
//!
//! Knows no Kubernetes. [`event`] is the home of the parser crate; [`tree`] holds one document or
//! one list item at a time; [`scalar`] writes scalars, and [`plain`] knows which need no quotes; [`splice`] applies edits to text; [`verify`]
//! reads an edited document again and compares it with what was read before; [`gap`] knows what stands between
//! nodes; [`growth`] guards readers that make values; [`canonical`] writes a text anew, so that all readers
//! agree on it; [`lines`] and [`second`] are such other readers; [`repair`] reads what go-yaml reads and YAML
//! forbids, and [`surrogates`] writes what libyaml reads.

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
