//! YAML as bytes: events with spans, an arena of nodes, splices and their verification.
//!
//! Knows no Kubernetes. [`event`] is the home of the parser crate; [`tree`] holds one document or
//! one list item at a time; [`scalar`] writes scalars; [`splice`] applies edits to text; [`verify`]
//! reads an edited document again and compares it with what was read before; [`gap`] knows what stands between
//! nodes; [`growth`] guards readers that make values.

pub mod event;
pub mod gap;
pub mod growth;
pub mod load;
pub mod scalar;
pub mod shape;
pub mod splice;
pub mod tree;
pub mod verify;
