//! Texts made of words, references to a generated object and secrets in any order: a secret arrives byte
//! for byte, and a reference follows.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_fn::clock::Clock;
use gitops_fn::namehash::rename;
use gitops_fn::yaml::event::Span;
use gitops_fn::yaml::splice::spliced;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Config, Store, Yaml, cases, piped, read};

/// A config map under the name that kustomize 5.8.3 gives it.
const MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c-66h798k2dt}\ndata: {a: <path:kv/s#b>}\n";
const OLD: &str = "c-66h798k2dt";
/// And under the one that it gives it for the value, `value`.
const NEW: &str = "c-d7tgcddd5h";

/// A piece of a text.
#[derive(Clone, Debug)]
enum Piece {
    Literal(&'static str),
    /// A secret; its placeholder has the number of its key.
    Secret(String),
}

fn piece() -> impl Strategy<Value = Piece> {
    let literals = select(vec![
        OLD,
        OLD,
        " ",
        " ",
        "/",
        "x",
        "c",
        "-",
        "c-",
        "-66h798k2dt",
        "66h798k2dt",
        "é",
        "\"",
        "'",
        ": ",
        " #",
        "c-66h7",
        "98k2dt",
    ]);
    let values = prop_oneof![
        select(vec![
            OLD,
            NEW,
            "",
            " ",
            "x",
            "-",
            "c",
            "c-",
            "-66h798k2dt",
            "66h798k2dt",
            "a c-66h798k2dt b",
            "c-66h7",
            "98k2dt",
            "\nc-66h798k2dt\n",
            "{\"a\":\"c-66h798k2dt\"}",
        ])
        .prop_map(str::to_owned),
        "[ -~é\n]{0,12}",
    ];
    prop_oneof![
        literals.prop_map(Piece::Literal),
        values.prop_map(Piece::Secret)
    ]
}

/// How a text is written, or where it stands.
#[derive(Clone, Copy, Debug)]
enum Written {
    Double,
    Single,
    Lines,
    Json,
    /// In a Secret's data.
    Base64,
}

fn scalar() -> impl Strategy<Value = (Written, Vec<Piece>)> {
    use Written::{Base64, Double, Json, Lines, Single};
    let written = select(vec![Double, Single, Lines, Json, Base64]);
    (written, prop::collection::vec(piece(), 1..7))
}

/// The text before, in which the secrets are placeholders from the one with number `at` on, and the one
/// that kustomize would have made of it with the values. `escape` says that it is inside a JSON string,
/// `follow` that names in it are references.
fn texts(pieces: &[Piece], at: &mut usize, escape: bool, follow: bool) -> (String, String) {
    let (mut before, mut after, mut run) = (String::new(), String::new(), String::new());
    for piece in pieces {
        match piece {
            Piece::Literal(text) => {
                before.push_str(text);
                run.push_str(text);
            }
            Piece::Secret(value) => {
                let hole = format!("path:kv/s#k{at}");
                *at += 1;
                if escape {
                    write!(before, "\\u003c{hole}\\u003e").unwrap();
                } else {
                    write!(before, "<{hole}>").unwrap();
                }
                after.push_str(&followed(&run, follow));
                run.clear();
                if escape {
                    let quoted = serde_json::to_string(value).unwrap();
                    after.push_str(&quoted[1..quoted.len() - 1]);
                } else {
                    after.push_str(value);
                }
            }
        }
    }
    after.push_str(&followed(&run, follow));
    (before, after)
}

/// The text with the new name for each old one that is a word.
fn followed(text: &str, follow: bool) -> String {
    let is_name = |ch: char| ch.is_ascii_alphanumeric() || "-._".contains(ch);
    let words = text.split_inclusive(|ch| !is_name(ch));
    let words = words.map(|word| {
        let name = word.trim_end_matches(|ch| !is_name(ch));
        if follow && name == OLD {
            format!("{NEW}{}", &word[name.len()..])
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().concat()
}

fn write(written: Written, text: &str) -> String {
    match written {
        Written::Double | Written::Json => serde_json::to_string(text).unwrap(),
        Written::Single => format!("'{}'", text.replace('\'', "''")),
        Written::Lines => format!("|-\n    first\n    {text}"),
        Written::Base64 => STANDARD.encode(text),
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn secrets_arrive_and_references_follow(scalars in prop::collection::vec(scalar(), 1..6)) {
        let mut holes = 0;
        let mut values = vec![("b".to_owned(), "value".to_owned())];
        let (mut pod, mut secret) = (String::new(), String::new());
        let mut expected = Vec::new();
        for (index, (written, pieces)) in scalars.iter().enumerate() {
            let (json, base64) = (matches!(written, Written::Json), matches!(written, Written::Base64));
            for piece in pieces {
                if let Piece::Secret(value) = piece {
                    values.push((format!("k{}", values.len() - 1), value.clone()));
                }
            }
            let (before, after) = texts(pieces, &mut holes, json, !base64);
            let line = format!("  f{index}: {}\n", write(*written, &before));
            if base64 { secret.push_str(&line) } else { pod.push_str(&line) }
            let lines = matches!(written, Written::Lines);
            expected.push(if lines { format!("first\n{after}") } else { after });
        }
        let before = format!(
            "{MAP}---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  x: {OLD}\n{pod}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata:\n  x: eA==\n{secret}"
        );
        let values: Vec<_> = values.iter().map(|(key, value)| (&**key, &**value)).collect();
        let (outcome, after) = piped(&before, &Config::default(), &Store::new(&values));
        let after = after.unwrap();
        let renamed = rename(&before, &after, outcome.edits(), &Clock::default());
        prop_assert_eq!(renamed.findings, []);
        let all = Span { start: 0, end: after.len() };
        let text: String = spliced(&after, all, &renamed.splices).collect();
        let documents = read(&text);
        prop_assert_eq!(documents[0]["metadata"]["name"].as_str(), Some(NEW));
        prop_assert_eq!(documents[1]["spec"]["x"].as_str(), Some(NEW));
        for (index, (expected, (written, _))) in expected.iter().zip(&scalars).enumerate() {
            let field = format!("f{index}");
            let found = match written {
                Written::Base64 => {
                    let line = documents[2]["data"][&*field].as_str().unwrap().replace('\n', "");
                    String::from_utf8(STANDARD.decode(line).unwrap()).unwrap()
                }
                _ => string(&documents[1]["spec"][&*field]),
            };
            prop_assert_eq!(&found, expected, "{}:\n{}", field, text);
        }
    }
}

fn string(value: &Yaml) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
