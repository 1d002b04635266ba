//! Parser events with byte spans: the one place that knows the parser crate.
//!
//! Two corrections make its spans fit for splicing: a block scalar's span begins at its `|` or `>`
//! and ends with the last line that has text, before its line break, and an empty value (`a:`) is
//! [`Style::Empty`], with a zero-width span somewhere before its colon.
//!
//! The end of a text is no line break: a block scalar that ends there without one has none, as for
//! go-yaml, libyaml and all that are made of them.

use std::borrow::Cow;
use std::hash::Hasher;
use std::ops::Range;

use granit_parser::{Event as Raw, Parser, ScalarStyle, StructureStyle};
use rustc_hash::FxHasher;

use super::trivia::{BREAKS, SPACE, line_end};
use crate::clock::{self, Clock, Stop};

/// Deepest nesting that is read; deeper input is a syntax error (go-yaml accepts some 500 levels).
const NESTING_LIMIT: usize = 1024;
const TOO_DEEP: &str = "lists and maps are nested more than 1,024 deep";

/// A byte range of the text that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The span as an index range.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// Nothing at all, as the value of `a:`.
    Empty,
    /// No quotes.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// A `|` block.
    Literal,
    /// A `>` block.
    Folded,
}

/// The tag of a node, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// Untagged: a plain scalar's type follows from its text.
    None,
    /// `!!str`: a string whatever the text.
    Str,
    /// `!` alone: a string to YAML 1.2, and no tag at all to go-yaml v2.
    Bare,
    /// `!!merge`, which kyaml writes before `<<`.
    Merge,
    /// Another tag that every reader knows.
    Core(CoreTag),
    /// Any other tag, by a digest of its name.
    Other(u32),
}

/// A tag of YAML's own types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CoreTag {
    /// `!!binary`: base64.
    Binary,
    /// `!!bool`
    Bool,
    /// `!!float`
    Float,
    /// `!!int`
    Int,
    /// `!!map`
    Map,
    /// `!!null`
    Null,
    /// `!!seq`
    Seq,
    /// `!!timestamp`
    Timestamp,
}

impl CoreTag {
    /// By its name behind `!!`.
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "binary" => Self::Binary,
            "bool" => Self::Bool,
            "float" => Self::Float,
            "int" => Self::Int,
            "map" => Self::Map,
            "null" => Self::Null,
            "seq" => Self::Seq,
            "timestamp" => Self::Timestamp,
            _ => return None,
        })
    }
}

/// Anchor (0 for none, else its number in the document) and tag of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Props {
    /// The anchor's number, counted from 1 in each document.
    pub anchor: u32,
    /// The tag.
    pub tag: Tag,
}

impl Props {
    /// How many of the two there are.
    #[must_use]
    pub fn count(self) -> usize {
        usize::from(self.anchor != 0) + usize::from(self.tag != Tag::None)
    }
}

/// One event.
#[derive(Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A document begins.
    DocumentStart,
    /// A document ends.
    DocumentEnd,
    /// A mapping (`map`) or sequence begins, in flow or block style.
    Open {
        /// Mapping, else sequence.
        map: bool,
        /// `{…}` or `[…]`.
        flow: bool,
        /// Anchor and tag.
        props: Props,
    },
    /// The innermost collection ends.
    Close,
    /// A scalar with its decoded text.
    Scalar {
        /// The text after unescaping and folding.
        value: Cow<'a, str>,
        /// How it is written.
        style: Style,
        /// Anchor and tag.
        props: Props,
    },
    /// `*name`, by the anchor's number.
    Alias {
        /// The anchor's number.
        anchor: u32,
    },
}

impl std::fmt::Debug for Event<'_> {
    /// The text of a scalar may be a secret: only its length is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DocumentStart => f.write_str("DocumentStart"),
            Self::DocumentEnd => f.write_str("DocumentEnd"),
            Self::Open { map, flow, props } => write!(
                f,
                "Open {{ map: {map}, flow: {flow}, anchor: {} }}",
                props.anchor
            ),
            Self::Close => f.write_str("Close"),
            Self::Scalar { value, style, .. } => {
                write!(f, "Scalar({style:?}, {} bytes)", value.len())
            }
            Self::Alias { anchor } => write!(f, "Alias({anchor})"),
        }
    }
}

impl Event<'_> {
    /// A digest of the event and its place among the document's events, for [`super::verify`].
    #[must_use]
    pub fn digest(&self, ordinal: u32) -> u64 {
        let mut hash = FxHasher::default();
        hash.write_u32(ordinal);
        match self {
            Self::DocumentStart | Self::DocumentEnd => return 0,
            Self::Open { map, flow, props } => {
                hash.write_u8(1 + u8::from(*map) + 2 * u8::from(*flow));
                digest_props(&mut hash, *props);
            }
            Self::Close => hash.write_u8(8),
            Self::Scalar {
                value,
                style,
                props,
            } => {
                hash.write_u8(16 + *style as u8);
                digest_props(&mut hash, *props);
                hash.write(value.as_bytes());
            }
            Self::Alias { anchor } => {
                hash.write_u8(32);
                hash.write_u32(*anchor);
            }
        }
        hash.finish()
    }
}

fn digest_props(hash: &mut FxHasher, props: Props) {
    hash.write_u32(props.anchor);
    hash.write_u32(match props.tag {
        Tag::None => 0,
        Tag::Str => 1,
        Tag::Merge => 2,
        Tag::Bare => 3,
        Tag::Core(tag) => 4 + tag as u32,
        Tag::Other(digest) => digest | 16,
    });
}

/// The text is not YAML that can be read here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not valid YAML at line {line}, column {column}: {reason}")]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The rule that is broken; never text of the input.
    pub reason: String,
    /// What it is, where go-yaml reads on: see [`super::repair`].
    pub slip: Option<Slip>,
}

/// What YAML forbids and go-yaml reads all the same, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    /// An escape that is none, in the text between double quotes that begins there.
    Escape(usize),
    /// A comment without a blank before it.
    Comment(usize),
}

impl SyntaxError {
    /// Whether the text nests more deeply than any that is read.
    #[must_use]
    pub fn is_too_deep(&self) -> bool {
        self.reason == TOO_DEEP
    }
}

impl From<Stop> for SyntaxError {
    /// A text that is not read to its end; whoever has given the clock asks it too, and says that instead.
    fn from(stop: Stop) -> Self {
        Self {
            line: 0,
            column: 0,
            reason: stop.to_string(),
            slip: None,
        }
    }
}

/// The events of a text, in order; each document's are numbered and summed up for verification.
pub struct Events<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    text: &'a str,
    previous_end: usize,
    anchor_base: u32,
    anchors: u32,
    ordinal: u32,
    digest: u64,
    clock: Clock,
}

impl<'a> Events<'a> {
    /// Reads `text` from its start; nothing is parsed before the first [`Events::pull`].
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self::timed(text, &Clock::default())
    }

    /// As [`Events::new`], as long as the clock runs.
    #[must_use]
    pub fn timed(text: &'a str, clock: &Clock) -> Self {
        let mut options = granit_parser::options! {
            block_scalar_eof_without_line_feed: true,
            flow_nesting_limit: NESTING_LIMIT,
            block_nesting_limit: NESTING_LIMIT,
        };
        options.set_emit_comments(false);
        Self {
            parser: Parser::new_from_str_with_options(text, options),
            text,
            previous_end: 0,
            anchor_base: 0,
            anchors: 0,
            ordinal: 0,
            digest: 0,
            clock: clock.clone(),
        }
    }

    /// How many events of the current document have been read; the next one has this number.
    #[must_use]
    pub fn ordinal(&self) -> u32 {
        self.ordinal
    }

    /// The sum of [`Event::digest`] over the current document's events so far.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// How many anchors the current document has defined so far.
    #[must_use]
    pub fn anchors(&self) -> u32 {
        self.anchors
    }

    /// The next event and its span, `None` at the end of the text.
    ///
    /// # Errors
    /// The text is not YAML, or nested more than 1,024 deep; or the clock has stopped.
    pub fn pull(&mut self) -> Result<Option<(Event<'a>, Span)>, SyntaxError> {
        loop {
            let Some(result) = self.parser.next_event() else {
                return Ok(None);
            };
            let (raw, span) = result.map_err(|error| syntax_error(&error))?;
            let mut span = Span {
                start: span.start.byte_offset().unwrap_or(0),
                end: span.end.byte_offset().unwrap_or(0),
            };
            let Some(event) = self.convert(raw, &mut span) else {
                continue;
            };
            let read = span.end.saturating_sub(self.previous_end);
            self.clock.spend(clock::NODE + read)?;
            self.previous_end = self.previous_end.max(span.end);
            if !matches!(event, Event::DocumentStart | Event::DocumentEnd) {
                self.digest = self.digest.wrapping_add(event.digest(self.ordinal));
                self.ordinal += 1;
            }
            return Ok(Some((event, span)));
        }
    }

    fn convert(&mut self, raw: Raw<'a>, span: &mut Span) -> Option<Event<'a>> {
        Some(match raw {
            Raw::DocumentStart(..) => {
                self.anchor_base += self.anchors;
                self.anchors = 0;
                self.ordinal = 0;
                self.digest = 0;
                Event::DocumentStart
            }
            Raw::DocumentEnd => Event::DocumentEnd,
            Raw::MappingStart(style, anchor, tag) => Event::Open {
                map: true,
                flow: style == StructureStyle::Flow,
                props: self.props(anchor, tag.as_deref()),
            },
            Raw::SequenceStart(style, anchor, tag) => Event::Open {
                map: false,
                flow: style == StructureStyle::Flow,
                props: self.props(anchor, tag.as_deref()),
            },
            Raw::MappingEnd | Raw::SequenceEnd => Event::Close,
            Raw::Alias(anchor) => Event::Alias {
                anchor: self.relative(anchor),
            },
            Raw::Scalar(value, style, anchor, tag) => {
                let props = self.props(anchor, tag.as_deref());
                let style = match style {
                    ScalarStyle::Plain if span.start == span.end => Style::Empty,
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                };
                if matches!(style, Style::Literal | Style::Folded) {
                    *span = block_span(self.text, self.previous_end, *span);
                }
                let value = match style {
                    Style::Empty => Cow::Borrowed(""),
                    _ => value,
                };
                Event::Scalar {
                    value,
                    style,
                    props,
                }
            }
            _ => return None,
        })
    }

    fn props(&mut self, anchor: usize, tag: Option<&granit_parser::Tag>) -> Props {
        let anchor = if anchor == 0 {
            0
        } else {
            let number = self.relative(anchor);
            self.anchors = self.anchors.max(number);
            number
        };
        Props {
            anchor,
            tag: tag.map_or(Tag::None, read_tag),
        }
    }

    /// Anchor numbers run through the whole stream in the parser; here each document starts at 1.
    fn relative(&self, anchor: usize) -> u32 {
        u32::try_from(anchor)
            .unwrap_or(u32::MAX)
            .saturating_sub(self.anchor_base)
    }
}

fn read_tag(tag: &granit_parser::Tag) -> Tag {
    if (tag.handle() == "!" && tag.suffix().is_empty())
        || (tag.handle().is_empty() && tag.suffix() == "!")
    {
        return Tag::Bare;
    }
    let core = tag.suffix_in_namespace("tag:yaml.org,2002:");
    match core.as_deref() {
        Some("str") => Tag::Str,
        Some("merge") => Tag::Merge,
        Some(name) if let Some(core) = CoreTag::of(name) => Tag::Core(core),
        _ => {
            let mut hash = FxHasher::default();
            hash.write(tag.handle().as_bytes());
            hash.write(tag.suffix().as_bytes());
            #[expect(
                clippy::cast_possible_truncation,
                reason = "half of a digest is still a digest"
            )]
            Tag::Other(hash.finish() as u32)
        }
    }
}

/// From the block indicator to the end of the last line with text, its blanks included: the parser's span
/// begins at the first character of the content and ends at the next token.
fn block_span(text: &str, previous_end: usize, span: Span) -> Span {
    let start = block_header(text, previous_end).unwrap_or(span.start);
    let head = text.get(..span.end).unwrap_or_default();
    let last = head.trim_end_matches([' ', '\n', '\r']).len();
    Span {
        start,
        end: line_end(text, last.max(start)),
    }
}

/// Finds `|` or `>` behind the previous token: over blanks, line breaks, indicators, comments,
/// anchors and tags.
fn block_header(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'|' | b'>' => return Some(at),
            b'#' => at += text.get(at..)?.find(BREAKS)?,
            b'&' | b'!' => at += text.get(at..)?.find(SPACE)?,
            _ => at += 1,
        }
    }
    None
}

fn syntax_error(error: &granit_parser::ScanError) -> SyntaxError {
    use granit_parser::ErrorKind;
    let reason = match error.kind() {
        // these carry text of their own making
        ErrorKind::Custom(_) | ErrorKind::InputIo { .. } | ErrorKind::InputDecoding { .. } => {
            "the parser cannot read on".to_owned()
        }
        ErrorKind::RecursionLimitExceeded => TOO_DEEP.to_owned(),
        kind => kind.to_string(),
    };
    let at = error.marker().byte_offset();
    SyntaxError {
        line: error.marker().line(),
        column: error.marker().col() + 1,
        reason,
        slip: match error.kind() {
            ErrorKind::UnknownQuotedScalarEscape => at.map(Slip::Escape),
            ErrorKind::CommentNotSeparated => at.map(Slip::Comment),
            _ => None,
        },
    }
}
