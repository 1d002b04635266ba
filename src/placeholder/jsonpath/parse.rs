//! Parses template text into blocks and steps, after client-go's `parser.go`.

use super::compare::Operator;
use super::{Block, JsonPathError, Slice, Step, unquote};
use crate::secret::Value;

/// How deep `{range}` may be nested.
const MAX_RANGE_DEPTH: usize = 32;

/// The content of an action.
struct Action {
    range: bool,
    end: bool,
    steps: Vec<Step>,
}

/// Parses a whole template.
pub(super) fn template(text: &str) -> Result<Vec<Block>, JsonPathError> {
    if !text.contains('{') {
        return Err(JsonPathError::NoAction);
    }
    let mut blocks = Vec::new();
    let mut open: Vec<(Vec<Step>, Vec<Block>)> = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            blocks.push(Block::Text(Value::string(before)));
        }
        let mut cursor = Cursor { text: after, at: 0 };
        let action = cursor.action()?;
        rest = cursor.rest();
        if action.range {
            if open.len() >= MAX_RANGE_DEPTH {
                return Err(JsonPathError::RangeDepth);
            }
            open.push((action.steps, std::mem::take(&mut blocks)));
        } else if action.end {
            let (steps, outer) = open.pop().ok_or(JsonPathError::End)?;
            let body = std::mem::replace(&mut blocks, outer);
            blocks.push(Block::Range(steps, body));
        } else {
            blocks.push(Block::Action(action.steps));
        }
    }
    if !open.is_empty() {
        return Err(JsonPathError::OpenRange);
    }
    if !rest.is_empty() {
        blocks.push(Block::Text(Value::string(rest)));
    }
    Ok(blocks)
}

/// Parses the inside of a filter or of brackets.
fn steps(text: &str) -> Result<Vec<Step>, JsonPathError> {
    let braced = format!("{text}}}");
    let mut cursor = Cursor {
        text: &braced,
        at: 0,
    };
    let action = cursor.action()?;
    if !cursor.rest().is_empty() {
        return Err(syntax("unrecognized character in action: U+007D '}'"));
    }
    if action.range || action.end {
        return Err(syntax("range and end need braces of their own"));
    }
    Ok(action.steps)
}

fn syntax(message: impl Into<String>) -> JsonPathError {
    JsonPathError::Syntax(message.into())
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, prefix: &str) -> bool {
        let is_next = self.rest().starts_with(prefix);
        if is_next {
            self.at += prefix.len();
        }
        is_next
    }

    /// Takes the next `length` bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let text = self.rest().get(..length).unwrap_or_default();
        self.at += text.len();
        text
    }

    /// Parses the inside of an action, including its closing brace.
    fn action(&mut self) -> Result<Action, JsonPathError> {
        let mut action = Action {
            range: false,
            end: false,
            steps: Vec::new(),
        };
        loop {
            if self.eat("}") {
                return Ok(action);
            } else if self.eat("[?(") {
                action.steps.push(self.filter()?);
                continue;
            } else if self.eat("..") {
                self.recursive(&mut action.steps)?;
                continue;
            }
            match self.peek() {
                None | Some('\r' | '\n') => return Err(syntax("unclosed action")),
                Some(' ' | '@' | '$') => {
                    self.next();
                }
                Some('[') => self.brackets(&mut action.steps)?,
                Some('"' | '\'') => action.steps.push(self.quote()?),
                Some('.') => {
                    self.next();
                    let field = self.field();
                    action.steps.push(field);
                }
                Some(c) if c == '+' || c == '-' || c.is_ascii_digit() => {
                    action.steps.push(self.number()?);
                }
                Some(c) if c == '_' || c.is_alphabetic() => self.identifier(&mut action)?,
                Some(c) => {
                    let code = u32::from(c);
                    return Err(syntax(format!(
                        "unrecognized character in action: U+{code:04X} '{}'",
                        c.escape_debug()
                    )));
                }
            }
        }
    }

    fn identifier(&mut self, action: &mut Action) -> Result<(), JsonPathError> {
        let end = self.rest().find(is_terminator).unwrap_or(self.rest().len());
        match self.take(end) {
            "true" => action.steps.push(Step::Literal(Value::Bool(true))),
            "false" => action.steps.push(Step::Literal(Value::Bool(false))),
            "range" if action.steps.is_empty() && !action.end => action.range = true,
            "end" if action.steps.is_empty() && !action.range => action.end = true,
            word => return Err(syntax(format!("unrecognized identifier {word}"))),
        }
        Ok(())
    }

    fn recursive(&mut self, steps: &mut Vec<Step>) -> Result<(), JsonPathError> {
        if steps.last() == Some(&Step::Recursive) {
            return Err(syntax("invalid multiple recursive descent"));
        }
        steps.push(Step::Recursive);
        if self
            .peek()
            .is_some_and(|c| c == '_' || c == '*' || c.is_alphanumeric())
        {
            let field = self.field();
            steps.push(field);
        }
        Ok(())
    }

    /// Parses a field name up to the next terminator; a backslash escapes any character.
    fn field(&mut self) -> Step {
        let mut name = String::new();
        let start = self.at;
        while let Some(c) = self.peek() {
            if c == '\\' {
                self.next();
                name.extend(self.next());
            } else if is_terminator(c) {
                break;
            } else {
                name.push(c);
                self.next();
            }
        }
        match self.text.get(start..self.at) {
            Some("*") => Step::Wildcard,
            _ => Step::Field(name),
        }
    }

    fn number(&mut self) -> Result<Step, JsonPathError> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with(['+', '-']));
        let tail = rest.get(sign..).unwrap_or_default();
        let end = tail
            .find(|c: char| c != '.' && !c.is_ascii_digit())
            .unwrap_or(tail.len());
        let text = self.take(sign + end);
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                let text = text.strip_prefix('+').unwrap_or(text);
                Ok(Step::Literal(Value::number(text)))
            }
            _ => Err(syntax(format!("cannot parse number {text}"))),
        }
    }

    fn quote(&mut self) -> Result<Step, JsonPathError> {
        let rest = self.rest();
        if unquote::closed(rest).is_none() {
            return Err(syntax("unterminated quoted string"));
        }
        let (text, length) =
            unquote::quoted(rest).ok_or_else(|| syntax("unquote string: invalid syntax"))?;
        self.take(length);
        Ok(Step::Literal(Value::string(text)))
    }

    /// Parses `[…]`: an index, a slice, a quoted key, or a union of these.
    fn brackets(&mut self, steps: &mut Vec<Step>) -> Result<(), JsonPathError> {
        let end = self.rest().find([']', '\n']).unwrap_or(self.rest().len());
        let text = self.take(end).get(1..).unwrap_or_default();
        if !self.eat("]") {
            return Err(syntax("unterminated array"));
        }
        if text.contains(',') {
            let parts = text.split(',').map(|part| {
                let mut inner = Vec::new();
                selector(part.trim_matches(' '), &mut inner).map(|()| inner)
            });
            steps.push(Step::Union(parts.collect::<Result<_, _>>()?));
            return Ok(());
        }
        selector(text, steps)
    }

    /// Parses `[?(left op right)]` or `[?(left)]`, of which `[?(` has been read.
    fn filter(&mut self) -> Result<Step, JsonPathError> {
        let text = self.filter_text()?;
        if !self.eat("]") {
            return Err(syntax("unclosed array expect ]"));
        }
        let Some(at) = text.find(['!', '<', '=', '>']) else {
            return Ok(Step::Exists(steps(text)?));
        };
        let (left, tail) = text.split_at_checked(at).unwrap_or((text, ""));
        let right = tail.trim_start_matches(['!', '<', '=', '>']);
        let sign = tail.strip_suffix(right).unwrap_or_default();
        if left.trim().is_empty() || right.trim().is_empty() {
            return Err(syntax("a filter compares two sides"));
        }
        let operator = Operator::parse(sign)
            .ok_or_else(|| syntax(format!("unrecognized filter operator {sign}")))?;
        Ok(Step::Compare(steps(left)?, operator, steps(right)?))
    }

    /// The inside of a filter up to the first `)` outside quotes.
    fn filter_text(&mut self) -> Result<&'a str, JsonPathError> {
        let start = self.at;
        while let Some(c) = self.peek() {
            match c {
                '\n' => break,
                '"' | '\'' => {
                    let length = unquote::closed(self.rest());
                    self.take(length.ok_or_else(|| syntax("unterminated filter"))?);
                }
                ')' => {
                    let text = self.text.get(start..self.at).unwrap_or_default();
                    self.next();
                    return Ok(text);
                }
                _ => {
                    self.next();
                }
            }
        }
        Err(syntax("unterminated filter"))
    }
}

fn is_terminator(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}'
    )
}

/// Parses one entry of brackets.
fn selector(text: &str, steps: &mut Vec<Step>) -> Result<(), JsonPathError> {
    let key = text
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    if let Some(key) = key.filter(|key| !key.contains('\'')) {
        // as in client-go, the key is parsed as `.key`, so its dots and blanks need a backslash
        steps.extend(self::steps(&format!(".{key}"))?);
        return Ok(());
    }
    steps.push(Step::Slice(slice(text)?));
    Ok(())
}

fn slice(text: &str) -> Result<Slice, JsonPathError> {
    let text = if text == "*" { ":" } else { text };
    let parts: Vec<&str> = text.split(':').collect();
    let is_index = |part: &&str| {
        part.strip_prefix('-')
            .unwrap_or(part)
            .bytes()
            .all(|byte| byte.is_ascii_digit())
    };
    if parts.len() > 3 || !parts.iter().all(is_index) {
        return Err(syntax(format!("invalid array index {text}")));
    }
    let number = |part: Option<&&str>| match part {
        None | Some(&"") => Ok(None),
        Some(part) => part
            .parse::<i64>()
            .map(Some)
            .map_err(|_| syntax(format!("array index {part} is not a number"))),
    };
    let start = number(parts.first())?.unwrap_or(0);
    let step = number(parts.get(2))?;
    if step.is_some_and(|step| step <= 0) {
        return Err(syntax("step must be > 0"));
    }
    let derived = parts.len() == 1;
    let end = if derived {
        Some(start.saturating_add(1))
    } else {
        number(parts.get(1))?
    };
    Ok(Slice {
        start,
        end,
        derived,
        step,
    })
}
