//! Inputs that somebody chooses to keep us busy: four times as much takes four times as long, or less.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use gitops_fn::clock::Clock;
use gitops_fn::config::{Config, from_file};
use gitops_fn::namehash::rename;
use gitops_fn::placeholder::jsonpath::JsonPath;
use gitops_fn::policy::judge::Judge;
use gitops_fn::render;
use gitops_fn::resolve::Resolved;
use gitops_fn::secret::json;
use gitops_fn::settings::Settings;
use gitops_fn::source::Source;
use gitops_fn::yaml::event::Span;
use gitops_fn::yaml::load::load;
use gitops_fn::yaml::splice::Splice;

use crate::governed::Governed;
use crate::measure::{Job, median};
use crate::{Bench, ROUNDS, Target, ratio_row, row, show};

/// An input of some size.
type Input = fn(usize) -> String;
/// How long something takes with so much of it.
type Call = fn(usize) -> Duration;

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";
const AVP: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, annotations: {avp.kubernetes.io/path: kv/shop/web, avp.kubernetes.io/remove-missing: \"true\"}}\n";
const PLACEHOLDER: &str = "<path:kv/shop/web#password>";

const POLICY: &str = "\
apiVersion: gitops-fn.dev/v1alpha1
kind: Policy
metadata: {name: bench}
spec:
  store: file
  mounts: [{path: kv, version: 2}]
  allow: [{name: all, paths: ['kv/**']}]
  limits: {placeholders: 1000000, deadline: 10m}
";

/// Over plain manifests, with a Release for all of them.
const RENDERED: [(&str, usize, Input); 19] = [
    ("root keys", 20_000, |n| {
        let keys = times(n, |i| format!("k{i}: 1\n"));
        format!("{SECRET}{keys}stringData: {{a: {PLACEHOLDER}}}\n")
    }),
    ("placeholders", 10_000, |n| secret(n, PLACEHOLDER)),
    ("placeholders in one text", 10_000, |n| {
        format!("{SECRET}stringData: {{a: \"{}\"}}\n", PLACEHOLDER.repeat(n))
    }),
    ("placeholders a thousand keys deep", 10_000, |n| {
        let mut text = "apiVersion: v1\nkind: Widget\nmetadata: {name: a}\nspec:\n".to_owned();
        for depth in 1..900 {
            let _ = writeln!(text, "{}{}:", " ".repeat(depth), "k".repeat(250));
        }
        text + &times(n, |_| format!("{}- {PLACEHOLDER}\n", " ".repeat(900)))
    }),
    ("entries that are removed, in blocks", 5_000, |n| {
        let data = times(n, |i| format!("  k{i}: <none>\n  l{i}: 1\n"));
        format!("{AVP}stringData:\n{data}")
    }),
    ("entries that are removed, between braces", 5_000, |n| {
        let data = times(n, |i| format!("k{i}: <none>, l{i}: 1, "));
        format!("{AVP}stringData: {{{data}}}\n")
    }),
    (
        "entries that are removed, around many others",
        20_000,
        |n| {
            let mut text = format!("{AVP}stringData:\n");
            for depth in 1..500 {
                let indent = " ".repeat(depth);
                let _ = write!(text, "{indent}v: <none>\n{indent}n:\n");
            }
            text + &times(n, |i| format!("{}k{i}: 1\n", " ".repeat(500)))
        },
    ),
    ("brackets that are no placeholders", 20_000, |n| {
        let text = "<|".repeat(n);
        format!("{AVP}stringData: {{a: \"{text}\"}}\n")
    }),
    ("escaped brackets that are no placeholders", 50_000, |n| {
        let text = "\\u003c".repeat(n);
        format!("{SECRET}stringData: {{a: '{text}>'}}\n")
    }),
    ("aliases of a placeholder", 20_000, |n| {
        let data = times(n, |i| format!("  k{i}: *a\n"));
        format!("{SECRET}x: &a {PLACEHOLDER}\nstringData:\n{data}")
    }),
    ("aliases of a long text", 500, |n| {
        let data = times(n, |i| format!("  k{i}: *a\n"));
        format!("{SECRET}x: &a {}\nstringData:\n{data}", "x".repeat(n))
    }),
    ("objects in a list of a long kind", 5_000, |n| {
        let items = "- {metadata: {name: a}}\n".repeat(n);
        format!(
            "apiVersion: v1\nkind: {}List\nitems:\n{items}",
            "K".repeat(n)
        )
    }),
    ("objects in lists in lists", 5_000, |n| {
        let mut text = "apiVersion: v1\nkind: List\nitems:\n".to_owned();
        for depth in 0..7 {
            let indent = "  ".repeat(depth);
            let _ = write!(
                text,
                "{indent}- apiVersion: v1\n{indent}  kind: List\n{indent}  items:\n"
            );
        }
        let item = "- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n";
        text + &times(n, |_| format!("{}{item}", "  ".repeat(7)))
    }),
    ("objects behind a long first line", 10_000, |n| {
        let objects = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n---\n".repeat(n);
        format!("#{}\n{objects}", "x".repeat(100 * n))
    }),
    ("images", 20_000, |n| {
        let images = times(n, |i| format!("  - image: nginx:{i}\n"));
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n{images}")
    }),
    ("brackets around many", 20_000, |n| {
        let (open, close) = ("[".repeat(900), "]".repeat(900));
        let many = "a, ".repeat(n);
        format!("{SECRET}x: {open}{many}{close}\nstringData: {{a: {PLACEHOLDER}}}\n")
    }),
    ("anchors, tags and block scalars", 20_000, |n| {
        let data = times(n, |i| format!("  k{i}: &a{i} !t{i} |\n    a\n    b\n"));
        format!("{SECRET}stringData:\n  a: {PLACEHOLDER}\n{data}")
    }),
    ("comments and blank lines", 100_000, |n| {
        format!(
            "{SECRET}{}stringData: {{a: {PLACEHOLDER}}}\n",
            "# a\n\n".repeat(n)
        )
    }),
    ("documents", 5_000, |n| {
        format!("{SECRET}stringData: {{a: {PLACEHOLDER}}}\n---\n").repeat(n)
    }),
];

/// As a function gets them.
const LISTED: [(&str, usize, Input); 3] = [
    ("items in a list", 5_000, |n| {
        let items =
            format!("- {{kind: Secret, metadata: {{name: a}}, x: {PLACEHOLDER}}}\n").repeat(n);
        format!("kind: ResourceList\nitems:\n{items}")
    }),
    ("items with anchors in a list", 5_000, |n| {
        let items =
            format!("- {{kind: Secret, metadata: {{name: &a a}}, x: {PLACEHOLDER}}}\n").repeat(n);
        format!("kind: ResourceList\nitems:\n{items}")
    }),
    ("items keys on one line", 20_000, |n| {
        format!(
            "{{\"kind\": \"ResourceList\", {}\"a\": 1}}\n",
            "\"items\": [], ".repeat(n)
        )
    }),
];

/// In this process: what is refused, and what only comes behind kustomize or out of a secret.
const CALLED: [(&str, usize, Call); 8] = [
    ("aliases of large keys, refused", 2_000, |n| {
        let keys = times(n, |i| format!("k{i}: 1, "));
        let aliases = "  *k : 1\n".repeat(n);
        refused(&format!("{SECRET}? &k {{{keys}}}\n: 1\ny:\n{aliases}"))
    }),
    ("objects that merge a large mapping, refused", 2_000, |n| {
        let keys = times(n, |i| format!("k{i}: 1, "));
        let items = "- {<<: *a, apiVersion: v1, kind: Secret, metadata: {name: a}}\n".repeat(n);
        refused(&format!(
            "apiVersion: v1\nkind: List\nx: &a {{{keys}}}\nitems:\n{items}"
        ))
    }),
    ("objects with one name, a long one, refused", 10_000, |n| {
        let items = "- {apiVersion: v1, kind: Secret, metadata: {name: *a}}\n".repeat(n);
        refused(&format!(
            "apiVersion: v1\nkind: List\nx: &a {}\nitems:\n{items}",
            "x".repeat(n)
        ))
    }),
    ("namesakes, and mentions of them", 1_000, |n| {
        let namespaces = times(n, |i| generated(&format!("n{i}")));
        let mentions = times(n, |i| pod(&format!("n{i}"), "- db-4h2mbtbbt6\n"));
        renamed(&(namespaces + &mentions))
    }),
    ("mentions of a name in one mapping", 10_000, |n| {
        let mentions = times(n, |i| format!("k{i}: db-4h2mbtbbt6\n"));
        renamed(&(generated("n") + &pod("n", &mentions)))
    }),
    ("merges in merges of a secret", 20_000, |n| {
        let keys = times(n, |i| format!("k{i}: 1, "));
        let text = format!("{}{{{keys}}}{}", "{a: 1, <<: ".repeat(200), "}".repeat(200));
        timed(|| load(&text).is_ok())
    }),
    ("comparisons of long texts", 250_000, |n| {
        let text = "x".repeat(n);
        let item = format!(r#"[{{"a":"{text}","b":"{text}"}}]"#);
        let value = json::parse(&format!(r#"{{"n":{{"m":{{"l":{item}}}}}}}"#)).unwrap();
        let all = |key: &str| format!("[{}]", vec![format!("'{key}'"); 60].join(","));
        let template = format!("{{{}{}{}[?(@.a!=@.b)]}}", all("n"), all("m"), all("l"));
        let path = JsonPath::parse(&template).unwrap();
        timed(|| {
            path.evaluate(&value, usize::MAX, &Clock::default())
                .is_err()
        })
    }),
    ("problems of a configuration", 2_500, |n| {
        let images = "{newTag: a b}, ".repeat(n);
        let text = format!(
            "{{apiVersion: gitops-fn.dev/v1alpha1, kind: Release, spec: {{images: [{images}]}}}}"
        );
        let settings = Settings::default();
        timed(|| from_file(&text, &settings).is_err())
    }),
];

pub(crate) fn rows(bench: &Bench) {
    for (name, n, input) in RENDERED {
        let cost = |n| {
            own(&bench.ours(
                &file(bench, &input(n)),
                &["render", "-f", "release.yaml", "-"],
            ))
        };
        growth(name, n, cost);
    }
    for (name, n, input) in LISTED {
        growth(name, n, |n| own(&bench.ours(&file(bench, &input(n)), &[])));
    }
    for (name, n, call) in CALLED {
        growth(name, n, |n| {
            Ok(median((0..ROUNDS).map(|_| call(n)).collect()))
        });
    }
    let Some(machine) = Governed::new(POLICY) else {
        return;
    };
    growth("root keys and placeholders, under a policy", 5_000, |n| {
        let keys = times(n, |i| format!("k{i}: 1\n"));
        let text = secret(n, PLACEHOLDER) + &keys;
        let governed = machine.gitops_fn();
        let mut job = bench.ours(&file(bench, &text), &["render", "-"]);
        let program = std::mem::replace(&mut job.program, governed.get_program().into());
        let mut args: Vec<_> = governed.get_args().map(Into::into).collect();
        // the last of them is the program itself
        assert_eq!(args.last(), Some(&program.into_os_string()));
        args.append(&mut job.args);
        own(&Job { args, ..job })
    });
}

fn file(bench: &Bench, text: &str) -> std::path::PathBuf {
    bench.file("growth.yaml", text)
}

fn times(n: usize, piece: impl Fn(usize) -> String) -> String {
    (0..n).map(piece).collect()
}

fn secret(n: usize, value: &str) -> String {
    let data = times(n, |i| format!("  k{i}: {value}\n"));
    format!("{SECRET}stringData:\n{data}")
}

/// A `ConfigMap` as kustomize generates it, under the name that it gives it.
fn generated(namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: db-4h2mbtbbt6, namespace: {namespace}}}\ndata: {{a: b}}\n---\n"
    )
}

fn pod(namespace: &str, mentions: &str) -> String {
    let mentions = mentions.trim_end().replace('\n', "\n  ");
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: {namespace}}}\nspec:\n  {mentions}\n---\n"
    )
}

/// The time that it takes to give all that is generated new names, when each value is another one.
fn renamed(before: &str) -> Duration {
    let edits: Vec<_> = before
        .match_indices("{a: b}")
        .map(|(at, _)| {
            Splice::new(
                Span {
                    start: at + 4,
                    end: at + 5,
                },
                "c".to_owned(),
            )
        })
        .collect();
    let after = before.replace("{a: b}", "{a: c}");
    timed(|| {
        let renamed = rename(before, &after, &edits, &Clock::default());
        renamed.findings.is_empty() && renamed.splices.len() > edits.len()
    })
}

/// The time until it is said that aliases bring in too much.
fn refused(text: &str) -> Duration {
    let source = Source {
        name: "stdin".to_owned(),
        text: text.to_owned(),
        found: false,
    };
    let (config, settings, judge) = (Config::default(), Settings::default(), Judge::default());
    let clock = Clock::default();
    let Ok(input) = gitops_fn::Input::new(vec![source], &judge, &clock) else {
        return Duration::ZERO;
    };
    timed(|| {
        let outcome = render(&input, &config, &settings, &judge, &clock, |_| {
            Resolved::default()
        });
        let output = outcome.output(&input, &judge, &clock);
        matches!(output, Ok(None))
    })
}

fn timed(work: impl FnOnce() -> bool) -> Duration {
    let begin = Instant::now();
    let is_right = black_box(work());
    let took = begin.elapsed();
    if !is_right {
        println!("! the next row has not done what it should");
    }
    took
}

fn own(job: &Job) -> Result<Duration, String> {
    job.median(ROUNDS).map(|cost| cost.own)
}

fn growth(name: &str, n: usize, cost: impl Fn(usize) -> Result<Duration, String>) {
    let name = format!("{name}: 4n / n");
    match (cost(n), cost(4 * n)) {
        (Ok(one), Ok(four)) => {
            let ratio = four.as_secs_f64() / one.as_secs_f64();
            let times = format!(" = {} / {}", show(four), show(one));
            ratio_row(&name, Target::AtMost(6.0), ratio, &times);
        }
        (Err(error), _) | (_, Err(error)) => row(&name, "", &error, Some(false)),
    }
}
