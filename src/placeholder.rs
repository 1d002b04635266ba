//! Placeholders: what stands between `<` and `>`.

pub mod jsonpath;
pub mod modifier;
