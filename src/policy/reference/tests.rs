use super::*;
use crate::document::schema::tests::{fields, generated};
use crate::policy::load::parse;

#[test]
fn generated_schema_is_committed() {
    generated("policy.schema.json", &schema_json());
}

#[test]
fn generated_reference_is_committed() {
    generated("policy.md", &reference_markdown());
}

#[test]
fn the_examples_hold_and_show_every_field() {
    let minimal = parse(include_str!("../../../fn-config/policy-minimal.yaml"), "x").unwrap();
    assert_eq!(minimal.rules.len(), 1);
    let text = include_str!("../../../fn-config/policy-two-tenants.yaml");
    let policy = parse(text, "x").unwrap();
    assert_eq!(policy.rules.len(), 2);
    assert!(policy.enable.helm && !policy.enable.keep && !policy.enable.function_mode);
    assert!(policy.allows_credentials_secret("argocd:vault-credentials"));
    for name in fields(&schema::of::<Policy>()) {
        let shown = [":", ",", " "]
            .iter()
            .any(|end| text.contains(&format!("{name}{end}")));
        assert!(shown, "policy-two-tenants.yaml does not show `{name}`");
    }
}
