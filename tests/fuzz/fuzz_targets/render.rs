//! Any text, as plain manifests and as a ResourceList: no panic; nothing planned is nothing changed;
//! what is planned is verified, and never a fault of ours.
#![no_main]

use gitops_fn::clock::Clock;
use gitops_fn::config::{Config, from_file};
use gitops_fn::resolve::Resolved;
use gitops_fn::settings::Settings;
use gitops_fn::source::Source;
use gitops_fn::policy::judge::Judge;
use gitops_fn::{Input, function, render};
use libfuzzer_sys::fuzz_target;

const RELEASE: &str = "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nspec:\n  repository: {url: org/repo}\n  images: [{name: nginx, newTag: '2'}]\n";

fuzz_target!(|text: &str| {
    let (settings, judge, clock) = (Settings::default(), Judge::default(), Clock::default());
    let source = Source {
        name: "stdin".to_owned(),
        text: text.to_owned(),
        found: false,
    };
    let input = Input::new(vec![source], &judge, &clock).unwrap();
    let plain = render(&input, &Config::default(), &settings, &judge, &clock, |_| Resolved::default());
    if let Some(output) = plain.output(&input, &judge, &clock).unwrap() {
        let mut out = Vec::new();
        output.write(&mut out).unwrap();
        assert_eq!(out, text.as_bytes());
    }
    let release = from_file(RELEASE, &settings).unwrap();
    for outcome in [
        render(&input, &release, &settings, &judge, &clock, |_| Resolved::default()),
        function(&input, &settings, &judge, &clock, |_| Resolved::default()),
    ] {
        let faults = outcome.findings.iter().any(|finding| finding.help.contains("fault of gitops-fn"));
        assert!(!faults);
    }
});
