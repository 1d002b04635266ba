//! Documents made at random: a tree of values, and how to write it down in any style that YAML has.

use std::fmt::Write as _;

use proptest::prelude::*;

/// A value, with the numbers that choose how it is written.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Its words and how they are written.
    Scalar(Vec<usize>, usize, usize),
    List(Vec<Node>, usize),
    Map(Vec<Node>, usize),
}

/// A stream of documents, with the numbers that choose what is around them.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) documents: Vec<(Node, usize)>,
    pub(super) crlf: bool,
    pub(super) bom: bool,
}

pub(super) fn node() -> impl Strategy<Value = Node> {
    let words = prop::collection::vec(0..1000_usize, 0..5);
    let scalar = (words, any::<u16>(), any::<u16>())
        .prop_map(|(words, style, extra)| Node::Scalar(words, style.into(), extra.into()));
    let tree = scalar.prop_recursive(4, 24, 5, |inner| {
        let nodes = prop::collection::vec(inner, 0..5);
        (nodes, any::<u16>(), any::<bool>()).prop_map(|(nodes, style, list)| {
            if list {
                Node::List(nodes, style.into())
            } else {
                Node::Map(nodes, style.into())
            }
        })
    });
    // the top is a map that is not empty
    (prop::collection::vec(tree, 1..6), any::<u16>())
        .prop_map(|(nodes, style)| Node::Map(nodes, style.into()))
}

pub(super) fn stream() -> impl Strategy<Value = Stream> {
    let documents = prop::collection::vec((node(), 0..1000_usize), 1..4);
    (documents, any::<bool>(), any::<bool>()).prop_map(|(documents, crlf, bom)| Stream {
        documents,
        crlf,
        bom,
    })
}

/// Words that need no quotes, wherever they stand between others.
const PLAIN: &[&str] = &[
    "web",
    "it's",
    "1.10",
    "true",
    "naïve",
    "🚀",
    "k=v",
    "http://h/p",
    "x#y",
    "null",
    "0x1F",
    "2024-01-01",
    "yes",
    "a\"b",
    "<",
    "a>b",
    "v<1",
    "\\n",
    "日本",
];
/// Words that do.
const TRICKY: &[&str] = &[
    "x: y", "# no", ": ", "- a", "{", "]", "---", "...", "&a", "*a", "!t", "%", "@", "`", "? x",
    ",", "'", "\"", "| x", "> x", "a:", "\t", "{{ x }}", "=", "~",
];
/// Placeholders; what they ask for is the key, behind it what is done to the value.
const PLACEHOLDERS: &[&str] = &[
    "<path:kv/s#a>",
    "<path:kv/s#b>",
    "<path:kv/data/s#a>",
    "<path:kv/s#b#1>",
    "<path:kv/s#a|base64encode>",
];

/// Writes documents.
pub(super) struct Writer {
    out: String,
    /// Whether there are placeholders among the words.
    placeholders: bool,
    anchors: Vec<String>,
    maps: Vec<String>,
    made: usize,
    comments: usize,
}

impl Writer {
    pub(super) fn new(placeholders: bool) -> Self {
        Self {
            out: String::new(),
            placeholders,
            anchors: Vec::new(),
            maps: Vec::new(),
            made: 0,
            comments: 0,
        }
    }

    /// The stream as `render` reads it, and how many comments with `# c` and a number are in it.
    pub(super) fn stream(mut self, stream: &Stream) -> (String, usize) {
        for (index, (node, style)) in stream.documents.iter().enumerate() {
            match style % 5 {
                0 if index == 0 => {}
                1 => self.out.push_str("--- # start\n"),
                2 if index > 0 => self.out.push_str("...\n# between\n---\n"),
                3 if index == 0 => self.out.push_str("%YAML 1.1\n---\n"),
                _ => self.out.push_str("---\n"),
            }
            self.object(index, node, *style, 0);
        }
        (finish(self.out, stream), self.comments)
    }

    /// The same objects as the items of a `ResourceList`.
    pub(super) fn list(mut self, stream: &Stream) -> (String, usize) {
        self.out
            .push_str("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n");
        for (index, (node, style)) in stream.documents.iter().enumerate() {
            self.out.push_str("- ");
            self.object(index, node, *style, 2);
        }
        (finish(self.out, stream), self.comments)
    }

    fn object(&mut self, index: usize, node: &Node, style: usize, indent: usize) {
        self.anchors.clear();
        self.maps.clear();
        let pad = " ".repeat(indent);
        let (api, kind, field) = [
            ("example.com/v1", "Thing", "spec"),
            ("v1", "ConfigMap", "data"),
            ("apps/v1", "Deployment", "spec"),
            ("v1", "Secret", "stringData"),
        ][style / 5 % 4];
        let _ = write!(
            self.out,
            "apiVersion: {api}\n{pad}kind: {kind}\n{pad}metadata:\n{pad}  name: t{index}\n{pad}{field}:"
        );
        self.value(node, indent);
    }

    /// Writes what follows a `key:` whose own column is `indent`, with the end of the line.
    fn value(&mut self, node: &Node, indent: usize) {
        match node {
            Node::Scalar(words, style, extra) => {
                self.out.push(' ');
                self.scalar(words, *style, *extra, indent + 2);
            }
            Node::List(nodes, style) if nodes.is_empty() || style % 4 == 0 => {
                self.out.push(' ');
                self.flow(node, indent + 2, *style);
                self.end_of_line(*style);
            }
            Node::Map(nodes, style) if nodes.is_empty() || style % 4 == 0 => {
                self.out.push(' ');
                self.flow(node, indent + 2, *style);
                self.end_of_line(*style);
            }
            Node::List(nodes, style) => {
                self.end_of_line(*style);
                let indent = indent + [0, 2, 4][style / 4 % 3];
                self.items(nodes, *style, indent);
            }
            Node::Map(nodes, style) => {
                if style % 3 == 0 && style % 5 != 0 {
                    let name = self.name('m');
                    let _ = write!(self.out, " &{name}");
                    self.end_of_line(*style);
                    self.entries(nodes, *style, indent + 2);
                    self.maps.push(name);
                } else {
                    self.end_of_line(*style);
                    self.entries(nodes, *style, indent + 2);
                }
            }
        }
    }

    fn items(&mut self, nodes: &[Node], style: usize, indent: usize) {
        for (index, node) in nodes.iter().enumerate() {
            self.between(style + index, indent);
            self.pad(indent);
            match node {
                Node::Map(nodes, style) if !nodes.is_empty() && style % 4 != 0 => {
                    self.out.push_str("- ");
                    self.entries_after_dash(nodes, *style, indent + 2);
                }
                Node::List(nodes, style) if !nodes.is_empty() && style % 4 != 0 => {
                    self.out.push('-');
                    self.end_of_line(*style);
                    self.items(nodes, *style, indent + 2);
                }
                node => {
                    self.out.push('-');
                    self.value(node, indent);
                }
            }
        }
    }

    fn entries(&mut self, nodes: &[Node], style: usize, indent: usize) {
        let merged = self
            .maps
            .last()
            .cloned()
            .filter(|_| style.is_multiple_of(5));
        if let Some(name) = &merged {
            self.pad(indent);
            let _ = writeln!(self.out, "<<: *{name}");
        }
        for (index, node) in nodes.iter().enumerate() {
            self.between(style + index, indent);
            self.pad(indent);
            // keys of its own that override merged ones are refused where placeholders are merged
            let index = if merged.is_some() { index + 100 } else { index };
            self.entry(node, style, index, indent);
        }
    }

    fn entries_after_dash(&mut self, nodes: &[Node], style: usize, indent: usize) {
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 {
                self.pad(indent);
            }
            self.entry(node, style, index, indent);
        }
    }

    fn entry(&mut self, node: &Node, style: usize, index: usize, indent: usize) {
        match (style + index) % 7 {
            0 => _ = write!(self.out, "\"k{index}\":"),
            1 => _ = write!(self.out, "'k {index}' :"),
            2 => {
                let _ = writeln!(self.out, "? k{index}");
                self.pad(indent);
                self.out.push(':');
            }
            3 => _ = write!(self.out, "{index}:"),
            _ => _ = write!(self.out, "k{index}:"),
        }
        self.value(node, indent);
    }

    /// Blank lines and comments between entries.
    fn between(&mut self, style: usize, indent: usize) {
        match style % 9 {
            0 => self.out.push('\n'),
            1 => {
                self.pad(indent);
                self.comment();
            }
            _ => {}
        }
    }

    fn end_of_line(&mut self, style: usize) {
        if style % 6 == 1 {
            self.out.push(' ');
            self.comment();
        } else {
            self.out.push('\n');
        }
    }

    /// A comment is never touched, whatever it holds.
    fn comment(&mut self) {
        let _ = writeln!(self.out, "# c{} <path:kv/s#none> \"", self.comments);
        self.comments += 1;
    }

    fn pad(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn name(&mut self, kind: char) -> String {
        self.made += 1;
        format!("{kind}{}", self.made)
    }

    fn word(&self, number: usize, tricky: bool) -> &'static str {
        if self.placeholders && number.is_multiple_of(3) {
            return PLACEHOLDERS[number / 3 % PLACEHOLDERS.len()];
        }
        if tricky && number.is_multiple_of(2) {
            return TRICKY[number / 2 % TRICKY.len()];
        }
        PLAIN[number % PLAIN.len()]
    }

    fn words(&self, numbers: &[usize], tricky: bool) -> Vec<&'static str> {
        numbers
            .iter()
            .map(|number| self.word(*number, tricky))
            .collect()
    }

    /// A scalar in block context with the end of its line; more lines of it begin at `indent`.
    fn scalar(&mut self, words: &[usize], style: usize, extra: usize, indent: usize) {
        if style.is_multiple_of(11)
            && let Some(name) = self.anchors.last().cloned()
        {
            let _ = write!(self.out, "*{name}");
            return self.end_of_line(extra);
        }
        if style.is_multiple_of(13) {
            let name = self.name('a');
            let _ = write!(self.out, "&{name} ");
            self.anchors.push(name);
        } else if style.is_multiple_of(17) {
            self.out.push_str("!!str ");
        }
        let start = self.out.len();
        match style % 8 {
            0..=3 => {
                self.one_line(words, style, extra.is_multiple_of(3), indent);
                self.end_of_line(extra);
                // a text that ends in a block scalar's line needs no line end of its own
                debug_assert!(self.out.len() > start);
            }
            kind => self.block(words, kind, extra, indent),
        }
    }

    /// Plain or quoted, folded over lines if `fold`.
    fn one_line(&mut self, words: &[usize], style: usize, fold: bool, indent: usize) {
        let gap = if fold {
            format!("\n{}", " ".repeat(indent))
        } else {
            " ".to_owned()
        };
        match style % 4 {
            0 => {
                let text = self.words(words, false).join(&gap);
                // a first word that is an indicator, or a text that is empty, needs quotes
                if text.starts_with("null") || text.is_empty() {
                    self.out.push_str("plain");
                } else {
                    self.out.push_str(&text);
                }
            }
            1 => {
                let text = self.words(words, true).join(" ").replace('\'', "''");
                let _ = write!(self.out, "'{}'", text.replace("web ", &format!("web{gap}")));
            }
            2 => {
                let text = double(&self.words(words, true).join(" "));
                let _ = write!(
                    self.out,
                    "\"{}\"",
                    text.replace("web ", &format!("web{gap}"))
                );
            }
            _ => {
                let text = double(&self.words(words, true).join("\n"));
                let text = text.replace('<', "\\x3c").replace("ï", "\\u00ef");
                let _ = write!(self.out, "\"{text}\"");
            }
        }
    }

    /// `|` and `>`, with each way to end, and with the indentation written out.
    fn block(&mut self, words: &[usize], kind: usize, extra: usize, indent: usize) {
        let mark = if kind.is_multiple_of(2) { '|' } else { '>' };
        let end = ["", "-", "+"][extra % 3];
        let explicit = (extra / 3).is_multiple_of(2);
        self.out.push(mark);
        if explicit {
            self.out.push('2');
        }
        self.out.push_str(end);
        if extra.is_multiple_of(5) {
            self.out.push_str(" # of the header");
        }
        self.out.push('\n');
        let texts = self.words(words, true);
        for (index, text) in texts.iter().enumerate() {
            // blanks before the first text would change the indentation
            let more = if index > 0 && extra.is_multiple_of(7) {
                "  "
            } else {
                ""
            };
            if text.trim().is_empty() {
                self.out.push('\n');
                continue;
            }
            self.pad(indent);
            let next = PLAIN[(extra + index) % PLAIN.len()];
            let _ = writeln!(self.out, "{more}{text} {next}");
        }
        if end == "+" {
            self.out.push('\n');
        }
    }

    /// In flow style, on one line, over many, or as JSON.
    fn flow(&mut self, node: &Node, indent: usize, style: usize) {
        let json = style.is_multiple_of(3);
        let gap = match style / 3 % 3 {
            0 => "",
            1 => " ",
            _ => "\n",
        };
        match node {
            Node::Scalar(words, number, _) => match (json, number % 4) {
                (true, number) => self.one_line(words, 2 + number % 2, false, indent),
                (false, 0) => {
                    let texts = self.words(words, false);
                    let text = texts.first().copied().unwrap_or("x");
                    self.out.push_str(text);
                }
                (false, number) => self.one_line(words, number, gap == "\n", indent),
            },
            Node::List(nodes, _) => {
                self.out.push('[');
                for node in nodes {
                    self.gap(gap, indent);
                    self.flow(node, indent + 2, style);
                    self.out.push(',');
                }
                self.close(']', json, nodes.is_empty(), gap, indent);
            }
            Node::Map(nodes, _) => {
                self.out.push('{');
                for (index, node) in nodes.iter().enumerate() {
                    self.gap(gap, indent);
                    let colon = if gap.is_empty() { ":" } else { ": " };
                    let _ = write!(self.out, "\"k{index}\"{colon}");
                    self.flow(node, indent + 2, style);
                    self.out.push(',');
                }
                self.close('}', json, nodes.is_empty(), gap, indent);
            }
        }
    }

    fn gap(&mut self, gap: &str, indent: usize) {
        self.out.push_str(gap);
        if gap == "\n" {
            self.pad(indent);
        }
    }

    /// JSON knows no comma before the bracket; YAML does.
    fn close(&mut self, bracket: char, json: bool, empty: bool, gap: &str, indent: usize) {
        if json && !empty {
            self.out.pop();
        }
        self.gap(gap, indent);
        self.out.push(bracket);
    }
}

/// The inside of a double-quoted text.
fn double(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    text.replace('\t', "\\t").replace('\n', "\\n")
}

fn finish(text: String, stream: &Stream) -> String {
    let text = if stream.crlf {
        text.replace('\n', "\r\n")
    } else {
        text
    };
    if stream.bom {
        format!("\u{feff}{text}")
    } else {
        text
    }
}
