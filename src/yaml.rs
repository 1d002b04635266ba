//! YAML: the home of the YAML parser.

pub mod load;
