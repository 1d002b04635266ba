//! Kustomizations whose texts are to be something else once kustomize has printed them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;
use serde_json::{Map, Value as Json, json};

use super::mutate::{rng, word};
use crate::support::{clean, run, temp_dir, tool, write_files};

/// A repository: paths and contents.
pub(super) type Files = Vec<(&'static str, String)>;

/// Pieces of the texts in it.
const PIECES: &[&str] = &[
    "\u{2028}",
    "\u{2028}",
    "\u{2029}",
    "\u{85}",
    "\u{feff}",
    "\n",
    "\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    "  ",
    "x",
    "é",
    "\u{a0}",
    "\u{b}",
    "\u{7f}",
    "\u{1}",
    "---",
    "\n---\n",
    "---#: \"",
    "...",
    "#",
    " # ",
    "\"",
    "'",
    ": ",
    ":",
    "x: \"",
    "\ny",
    "kind: ConfigMap",
    "\nkind: ConfigMap\n",
    "namespace: victim",
    "metadata:\n  namespace: victim\n",
    "data:\n  v: ",
    "%YAML 1.1",
    "- ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&a ",
    "*a",
    "!!binary ",
    "! ",
    "<<: ",
    "<<",
    "|",
    ">-",
    "\\",
    "\\u2028",
    "on",
    "010",
    "=",
    "~",
    "<path:kv/shop/web#password>",
];

fn text(rng: &mut Rng) -> String {
    (0..rng.usize(1..7)).map(|_| word(rng, PIECES)).collect()
}

/// The repository of that number; the first is the attack that began it.
pub(super) fn hostile(seed: u64, number: u64) -> Files {
    if number == 0 {
        let resource = "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: victim, annotations: {a: \"\\u2028x: \\\"\\ny\"}}\nq: \"\\\"\\n# y\"\nstringData: {v: <path:kv/shop/web#password>}\n";
        return vec![
            (
                "kustomization.yaml",
                "resources: [resource.yaml]\n".to_owned(),
            ),
            ("resource.yaml", resource.to_owned()),
        ];
    }
    let rng = &mut rng(seed, number);
    let mut metadata = Map::new();
    metadata.insert("name".into(), "x".into());
    match rng.u8(..4) {
        0 => drop(metadata.insert("namespace".into(), "victim".into())),
        1 => drop(metadata.insert("namespace".into(), "shop-prod".into())),
        _ => {}
    }
    if rng.bool() {
        metadata.insert("annotations".into(), json!({text(rng): text(rng)}));
    }
    let mut object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata});
    let fields = object.as_object_mut().unwrap();
    for _ in 0..rng.u8(..3) {
        fields.insert(text(rng), text(rng).into());
    }
    let placeholder = word(
        rng,
        &[
            "<path:kv/shop/web#password>",
            "<path:kv/shop/web#token>",
            "none",
        ],
    );
    fields.insert(
        "stringData".into(),
        json!({"v": placeholder, text(rng): text(rng)}),
    );
    let mut resource = object.to_string();
    if rng.bool() {
        let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "y"}, "data": {text(rng): text(rng)}, text(rng): text(rng)});
        resource = format!("{other}\n---\n{resource}");
    }
    let mut kustomization = json!({"resources": ["resource.yaml"]});
    let more = kustomization.as_object_mut().unwrap();
    match rng.u8(..5) {
        0 => drop(more.insert(
            "configMapGenerator".into(),
            json!([{"name": "g", "literals": [format!("k={}", text(rng))]}]),
        )),
        1 => drop(more.insert(
            "secretGenerator".into(),
            json!([{"name": "s", "literals": ["k=<path:kv/shop/web#password>"]}]),
        )),
        2 => drop(more.insert("commonAnnotations".into(), json!({"a": text(rng)}))),
        3 => drop(more.insert("namespace".into(), Json::from("shop-prod"))),
        _ => {}
    }
    vec![
        ("kustomization.yaml", kustomization.to_string()),
        ("resource.yaml", resource),
    ]
}

/// What the real kustomize prints of each, where it prints anything; `None` after a skip.
#[track_caller]
pub(super) fn by_kustomize(repositories: &[Files]) -> Option<Vec<Option<String>>> {
    let kustomize = tool("kustomize")?;
    let next = AtomicUsize::new(0);
    let printed = Mutex::new(vec![None; repositories.len()]);
    thread::scope(|scope| {
        for _ in 0..super::THREADS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(files) = repositories.get(index) else {
                        break;
                    };
                    let folder = temp_dir();
                    let files: Vec<_> = files
                        .iter()
                        .map(|(path, text)| (*path, text.as_str()))
                        .collect();
                    write_files(folder.path(), &files);
                    let output = run(clean(&kustomize).arg("build").arg(folder.path()), "");
                    if output.code == 0 {
                        printed.lock().unwrap()[index] = Some(output.text().to_owned());
                    }
                }
            });
        }
    });
    Some(printed.into_inner().unwrap())
}
