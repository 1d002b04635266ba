//! Any modifiers over any JSON value.
#![no_main]

use gitops_fn::clock::Clock;
use gitops_fn::placeholder::modifier::{apply, parse};
use gitops_fn::secret::{Value, json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (modifiers, text) = input;
    let value = json::parse(text).unwrap_or_else(|_| Value::string(text));
    let texts: Vec<_> = modifiers.split('\n').collect();
    if let Ok(modifiers) = parse(&texts) {
        let _ = apply(&modifiers, Some(&value), 0, &Clock::default());
    }
});
