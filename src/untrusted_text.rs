//! Text of somebody else, as messages show it: what comes from input, files, the environment, a policy, a server or
//! another program is never shown with characters that are not seen.

use std::fmt::Write;

/// Whether a character shows nothing of its own, or changes how those around it are shown: what is read
/// then is not what is there. Control characters, and what Unicode lets a reader leave out
/// (`Default_Ignorable_Code_Point`), with separators, annotations and the blank pattern of Braille.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text with escapes in place of hidden characters, line breaks among them.
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

/// The text with escapes in place of hidden characters; its lines stay lines.
#[must_use]
pub fn lines(text: &str) -> String {
    escaped(
        text,
        |character| matches!(character, '\n' | '\t'),
        |character, out| out.extend(character.escape_default()),
    )
}

/// A JSON text that reads the same, with escapes in place of hidden characters in its strings.
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

fn escaped(text: &str, stays: impl Fn(char) -> bool, escape: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) && !stays(character) {
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
    fn what_is_not_to_be_seen_is_escaped() {
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

    /// Every range that terminals, browsers and editors leave out or act on, by a character of it.
    #[test]
    fn hidden_are_all_that_show_nothing() {
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
