//! The reader of JSON texts.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{JsonError, MAX_DEPTH, escape};
use crate::secret::wants::Keys;
use crate::secret::{NODE, Value, count};

pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many values there may be, and how many more.
    members: usize,
    left: usize,
    /// Whether what is read is kept, and how much memory is left for that.
    keeps: bool,
    pub(super) room: u64,
    /// The bytes of all keys and values so far, kept or not.
    pub(super) size: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, members: usize, room: u64) -> Self {
        Self {
            text,
            at: 0,
            members,
            left: members,
            keeps: true,
            room,
            size: 0,
        }
    }

    /// Nothing may stand behind the document.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        self.blanks();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(JsonError::Syntax(self.at)),
        }
    }

    /// Takes memory for what is kept.
    fn take(&mut self, bytes: u64) -> Result<(), JsonError> {
        if self.keeps {
            self.room = self.room.checked_sub(bytes).ok_or(JsonError::Room)?;
        }
        Ok(())
    }

    /// Counts bytes of a key or value, and takes memory for them.
    fn count(&mut self, bytes: usize) -> Result<(), JsonError> {
        self.size = self.size.saturating_add(count(bytes));
        self.take(count(bytes))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The error for what stands here instead of what was expected.
    fn unexpected(&self) -> JsonError {
        match self.peek() {
            None => JsonError::End,
            Some(_) => JsonError::Syntax(self.at),
        }
    }

    pub(super) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over `byte` if it stands here.
    fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        if here {
            self.at += 1;
        }
        here
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    pub(super) fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::Depth);
        }
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(JsonError::Members(self.members))?;
        self.take(NODE)?;
        self.blanks();
        match self.peek() {
            Some(b'{') => self.entries(depth, None).map(Value::Map),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.unexpected()),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        self.count(1)?;
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.eat(b']') {
            return Ok(Value::List(items));
        }
        loop {
            let item = self.value(depth + 1)?;
            if self.keeps {
                items.push(item);
            }
            self.blanks();
            if self.eat(b']') {
                return Ok(Value::List(items));
            }
            self.expect(b',')?;
        }
    }

    /// The entries of a map; of those that are not wanted nothing is kept.
    pub(super) fn entries(
        &mut self,
        depth: usize,
        wanted: Option<&Keys>,
    ) -> Result<BTreeMap<String, Value>, JsonError> {
        self.expect(b'{')?;
        let keeps = self.keeps;
        let mut entries = BTreeMap::new();
        self.blanks();
        if self.eat(b'}') {
            return Ok(entries);
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected());
            }
            let room = std::mem::replace(&mut self.room, u64::MAX);
            let key = self.string()?;
            self.room = room;
            if wanted.is_some_and(|wanted| !wanted.include(&key)) {
                self.keeps = false;
            }
            self.take(count(key.len()))?;
            self.blanks();
            self.expect(b':')?;
            let value = self.value(depth + 1)?;
            if self.keeps {
                entries.insert(key.as_str().to_owned(), value);
            }
            self.keeps = keeps;
            self.blanks();
            if self.eat(b'}') {
                return Ok(entries);
            }
            self.expect(b',')?;
        }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if !text.parse().is_ok_and(f64::is_finite) {
            return Err(JsonError::Range(start));
        }
        self.count(text.len())?;
        Ok(Value::number(if self.keeps { text } else { "" }))
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), JsonError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected());
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Zeroizing<String>, JsonError> {
        self.at += 1;
        let mut out = Zeroizing::new(String::new());
        loop {
            let start = self.at;
            while self
                .peek()
                .is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
            {
                self.at += 1;
            }
            let piece = self.text.get(start..self.at).unwrap_or_default();
            self.count(piece.len())?;
            if self.keeps {
                out.push_str(piece);
            }
            if self.eat(b'"') {
                return Ok(exact(out));
            }
            if self.peek() != Some(b'\\') {
                return Err(self.unexpected());
            }
            let (escaped, length) = match escape::decode(&self.text.as_bytes()[self.at..]) {
                Ok(found) => found,
                Err(offset) => {
                    self.at += offset;
                    return Err(self.unexpected());
                }
            };
            self.at += length;
            self.count(escaped.len_utf8())?;
            if self.keeps {
                out.push(escaped);
            }
        }
    }
}

/// The text in as much memory as it has bytes: one with escapes has grown piece by piece, into more.
fn exact(text: Zeroizing<String>) -> Zeroizing<String> {
    if text.capacity() == text.len() {
        return text;
    }
    Zeroizing::new(text.as_str().to_owned())
}
