//! Escapes untrusted text for messages. Text from input, files, the environment, a policy, a server or another program
//! is never printed with invisible characters.

use std::fmt::Write;

/// Whether a character is invisible, or changes how the text around it is displayed: control characters, Unicode's
/// `Default_Ignorable_Code_Point`, line and paragraph separators, interlinear annotations, and the blank pattern of
/// Braille.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Escapes hidden characters, including line breaks, for a single-line message.
#[must_use]
pub fn one_line(text: &str) -> String {
    escaped(
        text,
        |_| false,
        |character, out| {
            out.extend(character.escape_default());
        },
    )
}

/// Escapes hidden characters, except line breaks and tabs.
#[must_use]
pub fn lines(text: &str) -> String {
    escaped(
        text,
        |character| matches!(character, '\n' | '\t'),
        |character, out| out.extend(character.escape_default()),
    )
}

/// Escapes hidden characters in the strings of a JSON text, which keeps its meaning.
#[must_use]
pub fn json(text: &str) -> String {
    escaped(
        text,
        |character| character == '\n',
        |character, out| {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        },
    )
}

fn escaped(
    text: &str,
    is_kept: impl Fn(char) -> bool,
    escape: impl Fn(char, &mut String),
) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) && !is_kept(character) {
            escape(character, &mut out);
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_escaped() {
        let text = "kv/\u{202e}bew\u{202c}\n\u{200b}\u{1b}[2J ä→\u{2028}\u{9b}";
        let line = r"kv/\u{202e}bew\u{202c}\n\u{200b}\u{1b}[2J ä→\u{2028}\u{9b}";
        assert_eq!(one_line(text), line);
        assert_eq!(lines(text), line.replace(r"\n", "\n"));
        let text = "{\"a\": \"\u{202e}\u{e0041}ä\"}\n";
        let shown = "{\"a\": \"\\u202e\\udb40\\udc41ä\"}\n";
        assert_eq!(json(text), shown);
        let read: serde_json::Value = serde_json::from_str(shown).unwrap();
        assert_eq!(read["a"], "\u{202e}\u{e0041}ä");
    }

    /// At least one character of each range that terminals, browsers and editors omit or act on.
    #[test]
    fn all_invisible_characters_are_hidden() {
        for character in "\u{0}\u{7}\u{8}\r\u{1b}\u{7f}\u{80}\u{9b}\u{9f}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\
            \u{180b}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\
            \u{2069}\u{206f}\u{2800}\u{3164}\u{fe00}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffc}\u{ffff}\u{1bca0}\
            \u{1d173}\u{e0001}\u{e0041}\u{e007f}\u{e0100}\u{e01ef}"
            .chars()
        {
            assert!(is_hidden(character), "{character:?}");
        }
        for character in " aé→字\u{a0}\u{3000}\u{1f600}\u{0301}".chars() {
            assert!(!is_hidden(character), "{character:?}");
        }
    }
}
