//! Any text as a configuration, and as YAML of a secret.
#![no_main]

use gitops_fn::settings::Settings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let settings = Settings::default();
    let _ = gitops_fn::config::from_function_config(Some(text), &settings);
    let _ = gitops_fn::config::from_file(text, &settings);
    let _ = gitops_fn::yaml::load::load(text);
});
