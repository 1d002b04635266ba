//! Parses the name and arguments of a modifier.

use zeroize::Zeroizing;

use super::{Kind, Modifier, ModifierError};
use crate::placeholder::jsonpath::JsonPath;
use crate::placeholder::jsonpath::unquote;

/// The largest indentation: more would be a typing error, and could exhaust the memory.
pub const MAX_INDENT: usize = 1_000;
/// The longest unknown name that an error quotes.
const MAX_NAME: usize = 32;

/// Parses the text of one modifier.
pub(super) fn modifier(text: &str) -> Result<Modifier, ModifierError> {
    let text = text.trim();
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    Ok(Modifier(match name {
        "base64encode" => plain("base64encode", rest, Kind::Base64Encode)?,
        "base64decode" => plain("base64decode", rest, Kind::Base64Decode)?,
        "jsonParse" => plain("jsonParse", rest, Kind::JsonParse)?,
        "yamlParse" => plain("yamlParse", rest, Kind::YamlParse)?,
        "sha256sum" => plain("sha256sum", rest, Kind::Sha256Sum)?,
        "urlencode" => plain("urlencode", rest, Kind::UrlEncode)?,
        "json" => plain("json", rest, Kind::Json)?,
        "jsonPath" => Kind::JsonPath(json_path(rest)?),
        "indent" if rest.is_empty() => Kind::Indent(None),
        "indent" => Kind::Indent(Some(level(rest)?)),
        "default" => Kind::Default(default_text(rest).ok_or(ModifierError::Parameters("default"))?),
        _ => return Err(unknown(name)),
    }))
}

fn unknown(name: &str) -> ModifierError {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() {
        ModifierError::Empty
    } else if name.len() <= MAX_NAME && name.bytes().all(fits) {
        ModifierError::Unknown(name.to_owned())
    } else {
        ModifierError::NoName
    }
}

/// A modifier that takes no arguments.
fn plain(name: &'static str, rest: &str, kind: Kind) -> Result<Kind, ModifierError> {
    if rest.is_empty() {
        Ok(kind)
    } else {
        Err(ModifierError::Parameters(name))
    }
}

/// As in AVP, white space in the expression becomes single blanks, also inside quotes.
fn json_path(rest: &str) -> Result<JsonPath, ModifierError> {
    if rest.is_empty() {
        return Err(ModifierError::Parameters("jsonPath"));
    }
    let words: Vec<_> = rest.split_whitespace().collect();
    JsonPath::parse(&words.join(" ")).map_err(ModifierError::JsonPath)
}

/// One number as Go's `strconv.ParseInt(…, 10, 0)` parses it; negative numbers become zero, as in AVP.
fn level(rest: &str) -> Result<usize, ModifierError> {
    if rest.contains(char::is_whitespace) {
        return Err(ModifierError::Parameters("indent"));
    }
    let level: i64 = rest.parse().map_err(|_| ModifierError::Level)?;
    let level = usize::try_from(level.max(0)).map_err(|_| ModifierError::Level)?;
    if level > MAX_INDENT {
        return Err(ModifierError::Level);
    }
    Ok(level)
}

/// `'text'` with `''` for a quote, `"text"` with Go's escapes, or one bare word.
fn default_text(rest: &str) -> Option<Zeroizing<String>> {
    let text = match rest.chars().next()? {
        '\'' => {
            let inside = rest.strip_prefix('\'')?.strip_suffix('\'')?;
            let unescaped = inside.replace("''", "");
            (!unescaped.contains('\'')).then(|| inside.replace("''", "'"))?
        }
        '"' => {
            let (text, length) = unquote::quoted(rest)?;
            (length == rest.len()).then_some(text)?
        }
        _ if rest.contains(char::is_whitespace) => return None,
        _ => rest.to_owned(),
    };
    Some(Zeroizing::new(text))
}
