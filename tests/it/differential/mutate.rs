//! Documents to be tried, made from a number: the same number gives the same document.

use std::fmt::Write as _;
use std::sync::OnceLock;

use base64::Engine as _;
use fastrand::Rng;

use super::gadgets;
use super::oddities::{BETWEEN, PLAIN, WRITTEN};
use crate::golden;
use crate::tokens::TOKENS;

/// Texts that ask for a value, or seem to.
const PLACEHOLDERS: &[&str] = &[
    "<path:kv/shop/web#password>",
    "<path:kv/shop/web#password | base64encode>",
    "<path:kv/shop/web#token>",
    "<path:kv/shop/web#token | base64encode>",
    "<path:kv/data/shop/web#password>",
    "<path:kv/shop/web#number>",
    "<path:kv/shop/web#map>",
    "<path:kv/shop/web#*>",
    "<path:kv/shop/none#a | default 'b'>",
    "<path:kv/other/web#password>",
    "a <path:kv/shop/web#password> b",
    "PHBhdGg6a3Yvc2hvcC93ZWIjcGFzc3dvcmQ+",
    "\"\\u003cpath:kv/shop/web#password\\u003e\"",
    "'<path:kv/shop/web#password>'",
    "|-\n    <path:kv/shop/web#password>\n",
    "no placeholder",
];

/// Values for the `data` of a Secret.
const ENCODED: &[&str] = &[
    "<path:kv/shop/web#password | base64encode>",
    "<path:kv/shop/web#token | base64encode>",
    "<path:kv/data/shop/web#password | base64encode>",
    "PHBhdGg6a3Yvc2hvcC93ZWIjcGFzc3dvcmQ+",
    "bm9uZQ==",
];

/// Pieces that are put anywhere, besides [`TOKENS`].
const MORE: &[&str] = &[
    "\u{2029}",
    "\n    ",
    "\u{0}",
    "\u{7f}",
    "\u{a0}",
    ">-\n",
    "&b ",
    "*b",
    "! ",
    "!!merge ",
    "!x ",
    "<<: ",
    "#",
    "---",
    "\n---\n",
    "...",
    "\n...\n",
    "%YAML 1.1\n",
    "%TAG !! x:\n",
    "on",
    "010",
    "\nkind: ConfigMap",
    "apiVersion: v2\n",
    "namespace: victim",
    "\n  namespace: victim\n",
    "metadata: {namespace: victim}\n",
    "a2luZA==: ConfigMap\n",
    "items: []\n",
    "data:\n  v: ",
    "<path:kv/shop/web#password>",
    "<path:kv/shop/web#token>",
];

fn token(rng: &mut Rng) -> &'static str {
    let at = rng.usize(..TOKENS.len() + MORE.len());
    let more = || MORE[at - TOKENS.len()];
    TOKENS.get(at).copied().unwrap_or_else(more)
}

/// A document to be tried.
pub(super) struct Attempt {
    pub(super) text: String,
    /// As a function's items, or on their own.
    pub(super) function: bool,
}

impl Attempt {
    /// As plain manifests.
    pub(super) fn plain(text: String) -> Self {
        Self {
            text,
            function: false,
        }
    }
}

/// The attempt of that number.
pub(super) fn attempt(seed: u64, number: u64) -> Attempt {
    let mut rng = rng(seed, number);
    if rng.u8(..8) == 0 {
        return Attempt::plain(odd(&mut rng));
    }
    let function = rng.u8(..12) == 0;
    let mut text = match rng.u8(..10) {
        0..6 => Maker::stream(&mut rng),
        6 | 7 => pick(&mut rng, seeds()).clone(),
        _ => {
            let other = Maker::stream(&mut rng);
            let one = pick(&mut rng, seeds());
            splice(&mut rng, one, &other)
        }
    };
    for _ in 0..word(&mut rng, &[0, 0, 0, 1, 1, 1, 2, 3]) {
        text = mutate(&mut rng, &text);
    }
    if function {
        text = function_input(&text);
    }
    Attempt { text, function }
}

/// The numbers behind an attempt.
pub(super) fn rng(seed: u64, number: u64) -> Rng {
    Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// The documents of a text as the items of a list.
fn function_input(text: &str) -> String {
    let mut list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n".to_owned();
    for item in text.split("---\n").filter(|item| !item.trim().is_empty()) {
        let _ = writeln!(list, "- {}", item.trim_end().replace('\n', "\n  "));
    }
    list
}

fn pick<'t, T>(rng: &mut Rng, all: &'t [T]) -> &'t T {
    &all[rng.usize(..all.len())]
}

pub(super) fn word<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(..all.len())]
}

/// The gadgets, and the inputs of the golden cases.
fn seeds() -> &'static [String] {
    static SEEDS: OnceLock<Vec<String>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let mut seeds = gadgets::all();
        let scenes = golden::scenes().into_iter();
        let texts = scenes.filter(|scene| scene.input.len() < 1 << 11);
        let texts = texts.filter_map(|scene| String::from_utf8(scene.input).ok());
        // what they ask for is there
        seeds.extend(texts.map(|text| text.replace("kv/s#", "kv/shop/web#")));
        seeds
    })
}

// --- objects of odd scalars -----------------------------------------------------------------------

/// An object whose scalars are written in odd ways, and nothing else.
fn odd(rng: &mut Rng) -> String {
    let mut text =
        String::from("apiVersion: example.com/v1\nkind: Odd\nmetadata: {name: x}\nspec:\n");
    for index in 0..rng.usize(1..4) {
        let value = if rng.bool() {
            word(rng, PLAIN)
        } else {
            word(rng, WRITTEN)
        };
        let line = match rng.u8(..6) {
            0 => format!("  {}: {value}\n", word(rng, PLAIN)),
            1 if !value.contains('\n') => format!("  k{index}: [{value}, {}]\n", word(rng, PLAIN)),
            2 if !value.contains('\n') => {
                format!("  k{index}: {{{value}: {}}}\n", word(rng, PLAIN))
            }
            3 => format!("  k{index}:\n  - {value}\n"),
            _ => format!("  k{index}: {value}\n"),
        };
        text.push_str(&line);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

// --- objects --------------------------------------------------------------------------------------

/// What a stream may begin with.
const STARTS: &[&str] = &[
    "\u{feff}",
    "---\n",
    "# c\n",
    "%YAML 1.1\n---\n",
    "...\n",
    "\n\n",
];

/// Makes streams of objects in which only some things are odd: one in which everything is would be refused.
struct Maker<'r> {
    rng: &'r mut Rng,
    /// How much more may be odd.
    daring: u8,
}

impl Maker<'_> {
    fn stream(rng: &mut Rng) -> String {
        let daring = word(rng, &[0, 1, 1, 1, 2, 2, 3, 6]);
        let mut maker = Maker { rng, daring };
        let mut text = String::new();
        if maker.dares(8) {
            text.push_str(maker.word(STARTS));
        }
        for index in 0..maker.word(&[1, 1, 1, 2, 3]) {
            if index > 0 {
                let between = if maker.dares(4) {
                    maker.word(BETWEEN)
                } else {
                    "---\n"
                };
                text.push_str(between);
            }
            let object = maker.object();
            if maker.rng.u8(..8) == 0 {
                let item = object.trim_end().replace('\n', "\n  ");
                let kind = maker.word(&["List", "List", "SecretList", "Secret", "X"]);
                let _ = write!(text, "apiVersion: v1\nkind: {kind}\nitems:\n- {item}\n");
            } else {
                text.push_str(&object);
            }
        }
        if maker.dares(10) {
            let end = maker.word(&gadgets::BREAKS);
            return if maker.rng.bool() {
                text.replace('\n', "\r\n")
            } else {
                text.replacen('\n', end, 3)
            };
        }
        text
    }

    pub(super) fn word<T: Copy>(&mut self, all: &[T]) -> T {
        word(self.rng, all)
    }

    /// Whether the next thing is to be odd, one time in `times` while there is daring left.
    fn dares(&mut self, times: u8) -> bool {
        let dares = self.daring > 0 && self.rng.u8(..times) == 0;
        self.daring -= u8::from(dares);
        dares
    }

    fn object(&mut self) -> String {
        let (api, kind) = self.word(&[
            ("v1", "Secret"),
            ("v1", "Secret"),
            ("v1", "Secret"),
            ("v1", "Secret"),
            ("example.com/v1", "Sink"),
            ("v1", "ConfigMap"),
        ]);
        let mut fields = vec![
            self.entry("apiVersion", api, 0),
            self.entry("kind", kind, 0),
            self.metadata(),
            self.values(kind),
        ];
        while self.dares(3) {
            fields.push(self.extra());
        }
        if self.rng.u8(..4) == 0 {
            self.rng.shuffle(&mut fields);
        }
        fields.concat()
    }

    fn metadata(&mut self) -> String {
        let namespace = if self.dares(6) {
            "victim"
        } else {
            self.word(&["", "", "shop-prod"])
        };
        let key = self.key("metadata");
        if self.rng.u8(..3) == 0 {
            let mut fields = vec!["name: x".to_owned()];
            if !namespace.is_empty() {
                fields.push(format!("namespace: {namespace}"));
            }
            if self.dares(3) {
                fields.push(format!("annotations: {{a: {}}}", self.word(PLAIN)));
            }
            return format!("{key}: {{{}}}\n", fields.join(", "));
        }
        let mut text = format!("{key}:\n  name: x\n");
        if !namespace.is_empty() {
            text.push_str(&self.entry("namespace", namespace, 2));
        }
        if self.dares(3) {
            let _ = write!(text, "  annotations:\n    a: {}\n", self.written());
        }
        text
    }

    /// The fields that may hold values.
    fn values(&mut self, kind: &str) -> String {
        let field = match kind {
            "Sink" => "spec",
            _ => self.word(&["data", "stringData"]),
        };
        let mut text = format!("{}:\n", self.key(field));
        let mut names = match kind {
            "Sink" => vec!["secret", "list", "other"],
            _ => vec!["v", "a", "y", "on", "1", "\"v\"", "010", "<<"],
        };
        if self.dares(4) {
            self.rng.shuffle(&mut names);
        }
        for name in &names[..self.rng.usize(1..3)] {
            let value = match (field, kind) {
                _ if self.dares(3) => self.written(),
                _ if self.dares(3) => self.word(PLACEHOLDERS).to_owned(),
                (_, "ConfigMap") => "none".to_owned(),
                ("data", _) => self.word(ENCODED).to_owned(),
                _ => self.word(PLACEHOLDERS).to_owned(),
            };
            let value = if *name == "list" {
                format!("[{}]", value.replace('\n', ""))
            } else {
                value
            };
            let _ = writeln!(text, "  {name}: {value}");
        }
        text
    }

    fn written(&mut self) -> String {
        let all = if self.rng.bool() { PLAIN } else { WRITTEN };
        self.word(all).to_owned()
    }

    /// A field more, often one that is there already.
    fn extra(&mut self) -> String {
        match self.rng.u8(..10) {
            0 => self.entry("kind", "ConfigMap", 0),
            1 => self.entry("apiVersion", "v2", 0),
            2 => self.entry("metadata", "{name: y, namespace: victim}", 0),
            3 => {
                let merge = self.word(&["<<", "\"<<\"", "! <<", "!!merge <<", "y"]);
                format!(
                    "x: &a {{kind: ConfigMap, metadata: {{name: y, namespace: victim}}}}\n{merge}: *a\n"
                )
            }
            4 => format!(
                "{}: {{kind: ConfigMap}}\n",
                self.word(&["<<", "\"<<\"", "! <<", "! \"<<\"", "!!merge \"<<\"", "z"])
            ),
            5 => format!("# {}kind: ConfigMap\n", self.word(&gadgets::BREAKS)),
            6 => format!("type: {}\n", self.written()),
            7 => format!("{}: b\n", "k".repeat(self.rng.usize(1000..1100))),
            8 => "x: &x {a: b}\ny: {<<: *x, c: *x}\n".to_owned(),
            _ => format!("{}: {}\n", self.word(PLAIN), self.written()),
        }
    }

    fn entry(&mut self, name: &str, value: &str, indent: usize) -> String {
        let pad = " ".repeat(indent);
        let key = self.key(name).replace('\n', &format!("\n{pad}"));
        format!("{pad}{key}: {}\n", self.spelled(value))
    }

    /// A key in one of its spellings, most often the plain one.
    fn key(&mut self, name: &str) -> String {
        if !self.dares(8) {
            return name.to_owned();
        }
        match self.rng.u8(..4) {
            0 => format!("? {name}\n"),
            1 => format!("{name} "),
            _ => self.spelled_oddly(name),
        }
    }

    /// A text in one of its spellings.
    fn spelled(&mut self, text: &str) -> String {
        if text.starts_with('{') || !self.dares(6) {
            return text.to_owned();
        }
        self.spelled_oddly(text)
    }

    fn spelled_oddly(&mut self, text: &str) -> String {
        let base64 = || base64::engine::general_purpose::STANDARD.encode(text);
        match self.rng.u8(..11) {
            0 => format!("'{text}'"),
            1 => format!("\"{text}\""),
            2 => {
                let escaped = text.chars().map(|ch| format!("\\x{:02x}", u32::from(ch)));
                format!("\"{}\"", escaped.collect::<String>())
            }
            3 => format!("!!str {text}"),
            4 => format!("! {text}"),
            5 => format!("! \"{text}\""),
            6 => format!("&a {text}"),
            7 => format!("!!binary {}", base64()),
            8 => format!("!x {text}"),
            9 => format!("!!binary \"{}\"", base64()),
            _ => format!("!<tag:yaml.org,2002:str> '{text}'"),
        }
    }
}

// --- changes --------------------------------------------------------------------------------------

pub(super) fn mutate(rng: &mut Rng, text: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    if lines.is_empty() {
        return token(rng).to_owned();
    }
    let at = rng.usize(..lines.len());
    match rng.u8(..20) {
        0 => {
            lines.remove(at);
        }
        1 => {
            let line = lines[at];
            lines.insert(rng.usize(..=lines.len()), line);
        }
        2 => {
            let line = lines.remove(at);
            lines.insert(rng.usize(..=lines.len()), line);
        }
        3..6 => {
            let seed = pick(rng, seeds());
            let theirs: Vec<&str> = seed.split_inclusive('\n').collect();
            if !theirs.is_empty() {
                lines.insert(at, theirs[rng.usize(..theirs.len())]);
            }
        }
        6..8 => lines.insert(at, token(rng)),
        8 => {
            let indented = format!(
                "{}{}",
                word(rng, &[" ", "  ", "\t", "- ", "? ", "# "]),
                lines[at]
            );
            lines[at] = &indented;
            return lines.concat();
        }
        9..11 => {
            let replaced = lines[at].replacen('\n', word(rng, &gadgets::BREAKS), 1);
            lines[at] = &replaced;
            return lines.concat();
        }
        11..14 => {
            // behind what a line holds
            let line = lines[at].trim_end_matches('\n');
            let longer = format!("{line}{}\n", token(rng));
            lines[at] = &longer;
            return lines.concat();
        }
        _ => return insert(rng, text),
    }
    lines.concat()
}

/// Puts a token somewhere, most often in the place of some characters.
fn insert(rng: &mut Rng, text: &str) -> String {
    let places: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    let at = rng.usize(..places.len());
    let end = (at + rng.usize(..4)).min(places.len() - 1);
    let mut text = text.to_owned();
    text.replace_range(places[at]..places[end], token(rng));
    text
}

/// The start of one text and the end of another.
fn splice(rng: &mut Rng, one: &str, other: &str) -> String {
    let mut lines: Vec<&str> = one.split_inclusive('\n').collect();
    lines.truncate(rng.usize(..=lines.len()));
    let rest: Vec<&str> = other.split_inclusive('\n').collect();
    lines.extend(&rest[rng.usize(..rest.len())..]);
    lines.concat()
}
