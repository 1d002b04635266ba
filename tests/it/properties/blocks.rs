//! Block scalars: wherever one ends, what is planned in it or beside it can be done, and no other byte changes.

use proptest::prelude::*;
use proptest::sample::select;
use serde::Deserialize as _;

use super::{Store, Yaml, cases, map_strings, piped, release, said};

/// All characters that Unicode calls white space and YAML takes, with those that look like them.
const BLANKS: &[&str] = &[
    " ", " ", "  ", "\t", "\u{85}", "\u{a0}", "\u{1680}", "\u{2000}", "\u{2001}", "\u{2002}",
    "\u{2003}", "\u{2004}", "\u{2005}", "\u{2006}", "\u{2007}", "\u{2008}", "\u{2009}", "\u{200a}",
    "\u{2028}", "\u{2029}", "\u{202f}", "\u{205f}", "\u{3000}", "\u{200b}",
];
/// What a line is made of beside those.
const WORDS: &[&str] = &[
    "End",
    "x",
    "#",
    "# c",
    "---",
    "- a",
    ": ",
    "|",
    "'",
    PLACEHOLDER,
];
const PLACEHOLDER: &str = "<path:kv/s#a>";
/// What a secret holds.
const VALUES: &[&str] = &[
    "v",
    "",
    " v",
    "v ",
    "v\t",
    "v\n",
    "v\n\n",
    "\nv",
    "a\nb",
    "a \nb",
    "a\n \nb",
    "v\u{a0}",
    "\u{3000}",
    "v\u{85}",
    "v\u{2028}w",
    "v\r",
    "\t",
];
/// Where a block may stand: it is put in for `@`, and what follows it for `$`; its lines are indented by at least
/// four.
const FRAMES: &[&str] = &[
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  k: @$",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a\u{3000}: &a\u{a0}| 'x' # c\u{2003}\n  k: !!str @$",
    "apiVersion: example.com/v1\nkind: Thing\nspec:\n  k:\n  - a: 1\n    b:\n    - @$",
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels:\n    note: @$",
    "kind: ConfigMap\nmetadata:\n  annotations: # c\u{a0}\n  name: c\ndata:\n  k: @$",
    "kind: ConfigMap\nmetadata:\n  annotations:\n    github.com/url: @$",
];
/// What follows it in the file.
const ENDS: &[&str] = &[
    "",
    "\n",
    "\n\n",
    "\n  ",
    "\n\n   \n",
    "\n     \n",
    "\n# c\n",
    "\n  # c\n\n",
    "\n...\n",
    "\n...",
    "\n---\nkind: Other\n",
    "\nz: last\n",
    "\n\nz: last\n",
    "\n \t\nz: last",
];

#[derive(Clone, Debug)]
struct Block {
    header: String,
    lines: Vec<String>,
    frame: &'static str,
    end: &'static str,
    eol: &'static str,
}

fn line() -> impl Strategy<Value = String> {
    let part = prop_oneof![select(WORDS), select(BLANKS)];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

fn block() -> impl Strategy<Value = Block> {
    let header = (
        select(vec!["|", ">"]),
        select(vec!["", "-", "+"]),
        select(vec!["", "", "1", "2", "3", "4"]),
        select(vec![
            "",
            "",
            " ",
            " # c",
            " # c\u{3000}",
            " #-\u{a0} ",
            "\t",
            " \t # c\t",
        ]),
    )
        .prop_map(|(style, chomp, indent, rest)| format!("{style}{indent}{chomp}{rest}"));
    (
        header,
        prop::collection::vec(line(), 0..5),
        select(FRAMES),
        select(ENDS),
        select(vec!["\n", "\n", "\r\n", "\r"]),
    )
        .prop_map(|(header, lines, frame, end, eol)| Block {
            header,
            lines,
            frame,
            end,
            eol,
        })
}

impl Block {
    /// What stands before the block, the block to the end of its last line, and what follows.
    fn parts(&self) -> [String; 3] {
        let mut block = self.header.clone();
        // a line of blanks before the first text, and longer than its indentation, is an error in YAML 1.2
        let mut has_text = false;
        for line in &self.lines {
            block.push('\n');
            has_text |= !line.trim_matches(' ').is_empty();
            if has_text {
                block.push_str("        ");
                block.push_str(line);
            }
        }
        let (before, behind) = self.frame.split_once('@').unwrap();
        let behind = behind.replace('$', self.end);
        [before, &block, &behind].map(|part| part.replace('\n', self.eol))
    }
}

/// The documents as another reader sees them that ends no line at U+0085, U+2028 and U+2029, as YAML 1.2 has it.
fn read(text: &str) -> Option<Yaml> {
    let text = text
        .replace('\u{85}', "\u{e085}")
        .replace('\u{2028}', "\u{e028}")
        .replace('\u{2029}', "\u{e029}");
    let documents: Result<Vec<_>, _> = serde_yaml::Deserializer::from_str(&text)
        .map(Yaml::deserialize)
        .collect();
    let back = |text: &str| {
        text.replace('\u{e085}', "\u{85}")
            .replace('\u{e028}', "\u{2028}")
            .replace('\u{e029}', "\u{2029}")
    };
    Some(map_strings(Yaml::Sequence(documents.ok()?), &back))
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn a_value_arrives_in_any_block(block in block(), value in select(VALUES)) {
        let [before, written, behind] = block.parts();
        let text = format!("{before}{written}{behind}");
        let Some(wanted) = read(&text) else { return Ok(()) };
        let wanted = map_strings(wanted, &|text| text.replace(PLACEHOLDER, value));
        let config = release("{}");
        let (outcome, output) = piped(&text, &config, &Store::new(&[("a", value)]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{:?}", said(&outcome), text);
        let output = output.unwrap();
        prop_assert!(Some(wanted) == read(&output), "{:?}\n{:?}", text, output);
        // blanks at the end of the block may be lines of its own
        let behind = behind.trim_start_matches([' ', '\t', '\n', '\r']);
        prop_assert!(output.starts_with(&before) && output.ends_with(behind), "{:?}\n{:?}", text, output);
        if !text.contains(PLACEHOLDER) {
            prop_assert_eq!(output, text);
        }
    }

    #[test]
    fn an_entry_is_taken_out_between_any_blocks(
        block in block(),
        gone in block(),
        end in select(&["\n", "\n\n", "\n      \n", "\n          \n\n", "\n        # c\n", "\n\n  # c\n"][..]),
    ) {
        let frame = "kind: ConfigMap\nmetadata:\n  annotations:\n    avp.kubernetes.io/remove-missing: 'true'\ndata:\n  a: @$";
        let first = Block { frame, end, ..block.clone() }.parts().concat().replace(PLACEHOLDER, "x");
        let frame = "  gone: @$";
        let second = Block { frame, end: block.end, eol: block.eol, ..gone }.parts().concat();
        let text = format!("{first}{second}");
        let Some(mut wanted) = read(&text) else { return Ok(()) };
        let data = wanted[0]["data"].as_mapping_mut();
        if let Some(data) = data.filter(|data| data.iter().any(|(key, value)| key == "gone" && value.as_str().is_some_and(|text| text.contains(PLACEHOLDER)))) {
            data.remove("gone");
        }
        let (outcome, output) = piped(&text, &release("{}"), &Store::new(&[]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{:?}", said(&outcome), text);
        let output = output.unwrap();
        prop_assert!(Some(wanted) == read(&output), "{:?}\n{:?}", text, output);
    }

    #[test]
    fn an_annotation_is_set_beside_any_block(block in block()) {
        let text = block.parts().concat();
        let Some(mut wanted) = read(&text) else { return Ok(()) };
        let config = release("{repository: {url: org/repo}, secrets: {mode: keep}}");
        let (outcome, output) = piped(&text, &config, &Store::new(&[]));
        prop_assert_eq!(outcome.exit_code(), 0, "{}\n{:?}", said(&outcome), text);
        let output = output.unwrap();
        for document in wanted.as_sequence_mut().unwrap() {
            annotate(document);
        }
        prop_assert!(Some(wanted) == read(&output), "{:?}\n{:?}", text, output);
        let (_, again) = piped(&output, &config, &Store::new(&[]));
        prop_assert_eq!(again, Some(output));
    }
}

fn annotate(object: &mut Yaml) {
    let mut at = object;
    for key in ["metadata", "annotations"] {
        let map = at.as_mapping_mut().unwrap();
        let next = map.entry(key.into()).or_insert(Yaml::Null);
        if next.is_null() {
            *next = Yaml::Mapping(serde_yaml::Mapping::new());
        }
        at = next;
    }
    let map = at.as_mapping_mut().unwrap();
    map.insert("github.com/url".into(), "org/repo".into());
}
