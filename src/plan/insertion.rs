//! A mapping entry to insert, together with the mappings around it that are missing: as data, as text, and as the
//! events that the text must make.

use std::borrow::Cow;
use std::rc::Rc;

use crate::yaml::expected::Shape;
use crate::yaml::plain;
use crate::yaml::scalar::double_quote;

/// An entry `keys[0]: {keys[1]: … value}`, of which some outer keys may exist already.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The keys and the value; shared by all objects.
    pub setting: Rc<Setting>,
    /// How many of the keys exist already.
    pub there: usize,
    /// How the entry is written.
    pub form: Form,
}

/// A value and the path to it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The keys, outermost first.
    pub keys: Vec<String>,
    /// The value.
    pub value: String,
    /// Whether the value is written without quotes in block style.
    pub plain: bool,
}

/// How an entry is placed among what is there.
#[derive(Clone, Debug)]
pub enum Form {
    /// After a colon in a flow mapping: the value alone, or a flow mapping.
    Inline,
    /// After a colon in a block mapping: the value alone.
    Value,
    /// After a colon in a block mapping: on lines of its own, below the comment that follows the colon.
    Below(Lines, Box<str>),
    /// In a flow mapping, before its first entry if there is one. Holds the blanks that were in front of that entry.
    Front(Option<Box<str>>),
    /// At the start of a line.
    Line(Lines),
    /// At the end of the last line, which has no line break.
    AfterLast(Lines),
    /// In place of a block mapping's first key, which moves to the next line.
    Before(Lines),
}

/// Indentation and line break of lines in block style.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    /// Number of blanks before the entry.
    pub indent: usize,
    /// `\n`, `\r\n` or `\r`.
    pub eol: &'static str,
}

impl Entry {
    fn missing(&self) -> &[String] {
        self.setting.keys.get(self.there..).unwrap_or_default()
    }

    /// The text to insert.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.form {
            Form::Inline if self.missing().is_empty() => {
                format!(" {}", double_quote(&self.setting.value))
            }
            Form::Inline => format!(" {{{}}}", self.flow()),
            Form::Value => format!(" {}", self.scalar()),
            Form::Below(lines, comment) => {
                format!("{comment}{}{}", lines.eol, self.block(*lines, true))
            }
            Form::AfterLast(lines) => format!("{}{}", lines.eol, self.block(*lines, true)),
            Form::Front(None) => self.flow(),
            Form::Front(Some(gap)) => format!("{},{gap}", self.flow()),
            Form::Line(lines) => format!("{}{}", self.block(*lines, true), lines.eol),
            Form::Before(lines) => {
                let blanks = " ".repeat(lines.indent);
                format!("{}{}{blanks}", self.block(*lines, false), lines.eol)
            }
        }
    }

    /// The events that the inserted text must make when it is parsed.
    #[must_use]
    pub fn shapes(&self) -> Vec<Shape> {
        let keys = self.missing();
        let mut shapes = Vec::with_capacity(3 * keys.len() + 2);
        for (depth, key) in keys.iter().enumerate() {
            if depth > 0 || self.is_value() {
                shapes.push(Shape::Map);
            }
            shapes.push(Shape::Text(key.clone()));
        }
        shapes.push(Shape::Text(self.setting.value.clone()));
        let maps = if self.is_value() {
            keys.len()
        } else {
            keys.len().saturating_sub(1)
        };
        shapes.extend((0..maps).map(|_| Shape::Close));
        shapes
    }

    /// Whether the entry follows a colon, so that its first missing key begins a mapping.
    fn is_value(&self) -> bool {
        matches!(self.form, Form::Inline | Form::Value | Form::Below(..))
    }

    /// The missing part in flow style without outer braces: `"a": {"b": "value"}`.
    fn flow(&self) -> String {
        let keys: Vec<_> = self.missing().iter().map(|key| double_quote(key)).collect();
        let closing = "}".repeat(keys.len().saturating_sub(1));
        format!(
            "{}: {}{closing}",
            keys.join(": {"),
            double_quote(&self.setting.value)
        )
    }

    /// The missing part in block style, without a line break at its end. `indent_first` says whether the first line is
    /// indented.
    fn block(&self, lines: Lines, indent_first: bool) -> String {
        let mut text = String::new();
        for (depth, key) in self.missing().iter().enumerate() {
            if depth > 0 {
                text.push_str(lines.eol);
            }
            if depth > 0 || indent_first {
                text.push_str(&" ".repeat(lines.indent + 2 * depth));
            }
            if plain::is_safe(key, false) {
                text.push_str(key);
            } else {
                text.push_str(&double_quote(key));
            }
            text.push(':');
        }
        text.push(' ');
        text.push_str(&self.scalar());
        text
    }

    /// The value in block style.
    fn scalar(&self) -> Cow<'_, str> {
        let Setting { value, plain, .. } = &*self.setting;
        if *plain {
            Cow::Borrowed(value)
        } else {
            Cow::Owned(double_quote(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::expected::to_json;

    const LINES: Lines = Lines {
        indent: 2,
        eol: "\n",
    };

    fn entry(there: usize, form: Form, plain: bool) -> Entry {
        let keys = ["metadata", "annotations", "a.b/c"].map(str::to_owned);
        Entry {
            setting: Rc::new(Setting {
                keys: keys.to_vec(),
                value: "v".to_owned(),
                plain,
            }),
            there,
            form,
        }
    }

    #[test]
    fn writes_what_is_missing() {
        for (there, form, text) in [
            (3, Form::Inline, " \"v\""),
            (3, Form::Value, " \"v\""),
            (2, Form::Inline, " {\"a.b/c\": \"v\"}"),
            (
                1,
                Form::Below(LINES, " # c".into()),
                " # c\n  annotations:\n    a.b/c: \"v\"",
            ),
            (2, Form::Front(None), "\"a.b/c\": \"v\""),
            (
                1,
                Form::Front(Some(" ".into())),
                "\"annotations\": {\"a.b/c\": \"v\"}, ",
            ),
            (2, Form::Line(LINES), "  a.b/c: \"v\"\n"),
            (
                0,
                Form::AfterLast(LINES),
                "\n  metadata:\n    annotations:\n      a.b/c: \"v\"",
            ),
            (2, Form::Before(LINES), "a.b/c: \"v\"\n  "),
        ] {
            let plain = text.replace("\"v\"", "v");
            let is_flow = matches!(form, Form::Inline | Form::Front(_));
            let plain = if is_flow { text } else { &plain };
            assert_eq!(entry(there, form.clone(), true).text(), plain);
            assert_eq!(entry(there, form, false).text(), text);
        }
    }

    #[test]
    fn expects_what_it_writes() {
        let shapes = |there, form| to_json(&entry(there, form, true).shapes());
        assert_eq!(shapes(3, Form::Inline), "\"v\"");
        assert_eq!(
            shapes(1, Form::Inline),
            "{\"annotations\":{\"a.b/c\":\"v\"}}"
        );
        assert_eq!(entry(1, Form::Line(LINES), true).shapes().len(), 5);
    }
}
