//! The column of a placeholder, for `indent` without a number.

use super::ModifierError;
use super::args::MAX_INDENT;

/// The column of a placeholder after the text `before`: the number of characters in its last line.
///
/// # Errors
/// [`ModifierError::Level`] if the column exceeds [`MAX_INDENT`]. The line is not read any further, since it may hold many
/// placeholders.
pub fn column(before: &[u8]) -> Result<usize, ModifierError> {
    // a character has at most four bytes
    let longest = 4 * MAX_INDENT + 1;
    let near = &before[before.len().saturating_sub(longest)..];
    let line = match memchr::memrchr(b'\n', near) {
        Some(newline) => &near[newline + 1..],
        None if near.len() < longest => near,
        None => return Err(ModifierError::Level),
    };
    let is_start = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
    let column = line.iter().filter(is_start).count();
    if column > MAX_INDENT {
        return Err(ModifierError::Level);
    }
    Ok(column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_column_counts_characters_of_the_last_line() {
        for (before, expected) in [
            ("", 0),
            ("    ", 4),
            ("a:\n  b: ", 5),
            ("a\n", 0),
            ("ä€😀", 3),
            ("a\r\n  ", 2),
        ] {
            assert_eq!(column(before.as_bytes()), Ok(expected), "{before:?}");
        }
        for ch in ["x", "😀"] {
            let line = |length: usize| ch.repeat(length);
            assert_eq!(column(line(1_000).as_bytes()), Ok(1_000));
            assert_eq!(column(format!("\n{}", line(1_000)).as_bytes()), Ok(1_000));
            assert_eq!(column(line(1_001).as_bytes()), Err(ModifierError::Level));
            assert_eq!(column(line(9_000).as_bytes()), Err(ModifierError::Level));
        }
    }
}
