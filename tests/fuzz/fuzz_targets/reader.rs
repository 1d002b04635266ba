//! Any text under a policy: two readers that share no code take the output for the same objects, whether as
//! a whole or line by line, and values stand only where the policy allows.
#![no_main]
#![allow(dead_code, reason = "the files of the differential test hold more than is used here")]

#[path = "../../it/differential/gadgets.rs"]
mod gadgets;
#[path = "../../it/differential/oddities.rs"]
mod oddities;
#[path = "../../it/differential/tenant.rs"]
mod tenant;

use std::sync::LazyLock;

use fastrand::Rng;
use gitops_fn::secret::Value;
use gitops_fn::yaml::load::load;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_json::Value as Json;
use tenant::{Tenant, Way, members, misplaced, same, second_reading};

/// What a text begins as.
static GADGETS: LazyLock<Vec<String>> = LazyLock::new(gadgets::all);

thread_local! {
    static TENANT: Tenant = Tenant::new();
}

fuzz_target!(|text: &str| {
    // libFuzzer watches what is compared, and learns from the checks below what values look like
    if ["SENTINEL", "U0VOVElORUw", "7700770"].iter().any(|piece| text.contains(piece)) {
        return;
    }
    TENANT.with(|tenant| {
        for way in [Way::Render, Way::Keep, Way::Function] {
            if let Ok(output) = tenant.run(way, text) {
                check(&output, way == Way::Function);
            }
        }
    });
});

fn check(output: &str, function: bool) {
    let second = second_reading(output).unwrap_or_else(|why| panic!("{why}: {output:?}"));
    let first = members(documents(output).iter().filter_map(|text| first_reading(text)).collect());
    let alike = first.len() == second.len() && first.iter().zip(&second).all(|(one, other)| same(one, other));
    assert!(alike, "readers differ: {output:?}");
    // what a function prints comes to Argo CD item by item
    let objects = if function { members(second) } else { second };
    assert_eq!(misplaced(&objects), None, "{output:?}");
    assert!(!output.contains("SENTINEL-denied"), "{output:?}");
}

/// The documents as a reader by lines finds them.
fn documents(output: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in output.split_inclusive('\n') {
        if line.starts_with("---") {
            assert_eq!(line, "---\n", "a line that readers differ on: {output:?}");
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
        }
    }
    documents
}

/// A document as Kubernetes reads it; `None` if it is empty.
fn first_reading(text: &str) -> Option<Json> {
    let value = load(text).unwrap_or_else(|why| panic!("{why}: {text:?}"));
    Some(json(value)).filter(|value| !value.is_null())
}

fn json(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(flag),
        Value::Number(text) => serde_json::from_str(&text).unwrap(),
        Value::String(text) => Json::String(text.to_string()),
        Value::Bytes(_) => panic!("bytes"),
        Value::List(items) => items.into_iter().map(json).collect(),
        Value::Map(entries) => entries.into_iter().map(|(key, value)| (key, json(value))).collect(),
    }
}

// A text begins as a gadget; now and then it gets a line of another one, or something odd.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut rng = Rng::with_seed(seed.into());
    let gadget = &GADGETS[rng.usize(..GADGETS.len())];
    let piece = match rng.u8(..16) {
        0 => return put(data, gadget.as_bytes(), max_size),
        _ if size < 16 => return put(data, gadget.as_bytes(), max_size),
        1..4 => {
            let lines: Vec<_> = gadget.split_inclusive('\n').collect();
            lines[rng.usize(..lines.len())]
        }
        4 | 5 => oddities::WRITTEN[rng.usize(..oddities::WRITTEN.len())],
        6 => oddities::PLAIN[rng.usize(..oddities::PLAIN.len())],
        7 => oddities::BETWEEN[rng.usize(..oddities::BETWEEN.len())],
        _ => return fuzzer_mutate(data, size, max_size),
    };
    let at = rng.usize(..=size);
    let text = [&data[..at], piece.as_bytes(), &data[at..size]].concat();
    put(data, &text, max_size)
});

fn put(data: &mut [u8], text: &[u8], max_size: usize) -> usize {
    let length = text.len().min(max_size).min(data.len());
    data[..length].copy_from_slice(&text[..length]);
    length
}
