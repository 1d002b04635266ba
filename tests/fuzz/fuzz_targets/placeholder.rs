//! Any bytes as a text with placeholders.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    for keys in [false, true] {
        let found = gitops_fn::placeholder::parse(text, keys);
        if matches!(found, Ok(Some(_)) | Err(_)) {
            assert!(gitops_fn::placeholder::may_hold(text, keys));
        }
    }
});
