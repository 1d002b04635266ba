//! The `gitops-fn` command.

fn main() {}
