//! Types of scalars in YAML 1.1, after go-yaml v2's `resolve.go`.

use crate::secret::{Value, base64};

/// Why a scalar has no value.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::yaml) enum Problem {
    /// `.inf`, `.nan`.
    NotFinite,
    /// The text does not fit the tag.
    Tag,
}

enum Number {
    Int(String),
    Float(String),
}

/// The value of a plain scalar without a tag.
pub(in crate::yaml) fn plain(text: &str) -> Result<Value, Problem> {
    if let Some(value) = keyword(text) {
        return value;
    }
    Ok(match number(text) {
        Some(Number::Int(number) | Number::Float(number)) => Value::number(number),
        None => Value::string(text),
    })
}

/// The value of a scalar of any style with an explicit tag; `tag` is the name after `!!`, or empty for other tags.
pub(in crate::yaml) fn tagged(tag: &str, text: &str) -> Result<Value, Problem> {
    match tag {
        "binary" => binary(text),
        "int" => match number(text) {
            Some(Number::Int(number)) => Ok(Value::number(number)),
            _ => Err(Problem::Tag),
        },
        "float" => match (keyword(text), number(text)) {
            (Some(Err(problem)), _) => Err(problem),
            (_, Some(Number::Int(number) | Number::Float(number))) => Ok(Value::number(number)),
            _ => Err(Problem::Tag),
        },
        "bool" => match keyword(text) {
            Some(Ok(value @ Value::Bool(_))) => Ok(value),
            _ => Err(Problem::Tag),
        },
        "null" => match keyword(text) {
            Some(Ok(Value::Null)) => Ok(Value::Null),
            _ => Err(Problem::Tag),
        },
        _ => Ok(Value::string(text)),
    }
}

/// Whether a plain scalar may be something other than a string, judging by its first character: cheap.
pub(in crate::yaml) fn may_be_typed(text: &str) -> bool {
    text.bytes().next().is_none_or(|first| {
        matches!(
            first,
            b'+' | b'-' | b'.' | b'~' | b'0'
                ..=b'9' | b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O'
        )
    })
}

/// Whether a plain scalar is null, a boolean, infinity or NaN.
pub(in crate::yaml) fn is_keyword(text: &str) -> bool {
    keyword(text).is_some()
}

/// The keywords that are not strings.
fn keyword(text: &str) -> Option<Result<Value, Problem>> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Ok(Value::Bool(true))
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Ok(Value::Bool(false))
        }
        "" | "~" | "null" | "Null" | "NULL" => Ok(Value::Null),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => Err(Problem::NotFinite),
        _ => return None,
    })
}

/// `!!binary`: base64 over any number of lines. Bytes that are not UTF-8 text are rejected, because JSON cannot hold
/// them.
fn binary(text: &str) -> Result<Value, Problem> {
    let bytes = base64::decode(text).ok_or(Problem::Tag)?;
    std::str::from_utf8(&bytes)
        .map(Value::string)
        .map_err(|_| Problem::Tag)
}

/// A YAML 1.1 number as JSON text; `None` for any other text.
fn number(text: &str) -> Option<Number> {
    let first = text.bytes().next()?;
    let plain = match first {
        b'+' | b'-' | b'0'..=b'9' => text.replace('_', ""),
        b'.' if underscores_part_digits(text) => text.replace('_', ""),
        _ => return None,
    };
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if let Some(int) = radix(sign, digits) {
        return Some(Number::Int(int));
    }
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let int = float(sign, digits)?;
        return Some(Number::Int(if int == "-0" { "0".to_owned() } else { int }));
    }
    float(sign, digits).map(Number::Float)
}

/// Hexadecimal, octal (both spellings) and binary integers within 64 bits, as decimal text.
fn radix(sign: &str, digits: &str) -> Option<String> {
    let rest = digits.strip_prefix('0')?;
    let (base, rest) = match rest.bytes().next()? {
        b'x' | b'X' => (16, rest.get(1..)?),
        b'o' | b'O' => (8, rest.get(1..)?),
        b'b' | b'B' => (2, rest.get(1..)?),
        _ => (8, rest),
    };
    if !rest.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    let number = u64::from_str_radix(rest, base).ok()?;
    match (sign, number) {
        ("-", 0) => Some("0".to_owned()),
        ("-", _) if number > i64::MIN.unsigned_abs() => None,
        _ => Some(format!("{sign}{number}")),
    }
}

/// Decimal fractions and exponents, adjusted to the grammar of JSON.
fn float(sign: &str, digits: &str) -> Option<String> {
    let all = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => digits.split_at_checked(at)?,
        None => (digits, ""),
    };
    if let Some(power) = exponent.get(1..) {
        let power = power.strip_prefix(['+', '-']).unwrap_or(power);
        if power.is_empty() || !all(power) {
            return None;
        }
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !all(whole) || !all(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let dot = if fraction.is_empty() { "" } else { "." };
    let text = format!("{sign}{}{dot}{fraction}{exponent}", without_zeros(whole));
    text.parse().is_ok_and(f64::is_finite).then_some(text)
}

/// Go's rule for underscores, which applies to the numbers that go-yaml passes to `strconv` unchanged.
fn underscores_part_digits(text: &str) -> bool {
    let mut parts = text.split('_').peekable();
    let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    while let Some(part) = parts.next() {
        if let Some(next) = parts.peek()
            && !(digit(part.bytes().last()) && digit(next.bytes().next()))
        {
            return false;
        }
    }
    true
}

/// Digits without leading zeros, at least one.
fn without_zeros(digits: &str) -> &str {
    match digits.trim_start_matches('0') {
        "" => "0",
        rest => rest,
    }
}
