//! Text of somebody else, as one line of a message shows it.

/// Whether a character shows nothing of its own, or changes how those around it are shown: what is read
/// then is not what is there.
#[must_use]
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text with escapes in place of hidden characters.
#[must_use]
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_to_be_seen_is_escaped() {
        let text = "kv/\u{202e}bew\u{202c}\n\u{200b}\u{1b}[2J ä→\u{2028}";
        let line = r"kv/\u{202e}bew\u{202c}\n\u{200b}\u{1b}[2J ä→\u{2028}";
        assert_eq!(one_line(text), line);
    }
}
