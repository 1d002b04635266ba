//! Finds words that look like kustomize's hashed names.
//!
//! A word is a maximal run of name characters, so that a name counts only as a whole: between blanks, quotes,
//! slashes, colons or commas, but not inside a longer name.

/// The length of a hash, in bytes.
pub(super) const LENGTH: usize = 10;

const NAME: u8 = 1;
const HASH: u8 = 2;

/// The classes of each byte: whether it may be part of a name, and of a hash.
const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            classes[byte as usize] |= NAME;
        }
        // hexadecimal digits, with 0 1 3 a e replaced by g h k m t
        if matches!(
            byte,
            b'2' | b'4'..=b'9' | b'b' | b'c' | b'd' | b'f' | b'g' | b'h' | b'k' | b'm' | b't'
        ) {
            classes[byte as usize] |= HASH;
        }
        byte += 1;
    }
    classes
}

/// A word with the shape of a hashed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    /// Its offset in the text.
    pub(super) at: usize,
    /// The whole word: a name, `-` and a hash.
    pub(super) word: &'t str,
}

impl<'t> Token<'t> {
    /// The hash, without the `-`.
    pub(super) fn hash(self) -> &'t str {
        &self.word[self.word.len() - LENGTH..]
    }

    /// The offset of the hash in the text.
    pub(super) fn hash_at(self) -> usize {
        self.at + self.word.len() - LENGTH
    }
}

/// The hash at the end of a name, if it has one.
pub(super) fn hash(name: &str) -> Option<&str> {
    let token = tokens(name).last()?;
    (token.at + token.word.len() == name.len()).then(|| token.hash())
}

/// All words of `text` that look like hashed names, in order.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let bytes = text.as_bytes();
    let mut next = 0;
    std::iter::from_fn(move || {
        while next < bytes.len() {
            let at = next;
            while bytes.get(next).is_some_and(|byte| is(*byte, NAME)) {
                next += 1;
            }
            let word = bytes.get(at..next).unwrap_or_default();
            next += usize::from(word.is_empty());
            if has_shape(word) {
                // the word is ASCII, so these are character boundaries
                return text.get(at..next).map(|word| Token { at, word });
            }
        }
        None
    })
}

fn has_shape(word: &[u8]) -> bool {
    let Some((name, hash)) = word.split_last_chunk::<LENGTH>() else {
        return false;
    };
    name.ends_with(b"-") && hash.iter().all(|byte| is(*byte, HASH))
}

/// Whether a name can contain this byte.
pub(super) fn is_name(byte: u8) -> bool {
    is(byte, NAME)
}

fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text).map(|token| token.word).collect()
    }

    #[test]
    fn names_count_only_as_whole_words() {
        let name = "db-4h2mbtbbt6";
        for text in [
            "db-4h2mbtbbt6",
            "/etc/db-4h2mbtbbt6/x",
            "a:db-4h2mbtbbt6,b",
            "--from=db-4h2mbtbbt6",
            "{\"name\":\"db-4h2mbtbbt6\"}",
            "'db-4h2mbtbbt6'\n",
            "é db-4h2mbtbbt6 é",
        ] {
            assert_eq!(words(text), [name], "{text}");
        }
        for text in [
            "xdb-4h2mbtbbt6x",
            "db-4h2mbtbbt6.example",
            "db-4h2mbtbbt6-x",
            "db-4h2mbtbbt6_",
            "db-4h2mbtbbt",
            "db-4h2mbtbbt66",
            "db-4h2mbtbbt1",
            "db-4h2mbtbbta",
            "4h2mbtbbt6",
            "",
        ] {
            assert!(words(text).is_empty(), "{text}");
        }
        assert_eq!(words("my.db-4h2mbtbbt6"), ["my.db-4h2mbtbbt6"]);
    }

    #[test]
    fn tokens_know_the_place_of_their_hash() {
        let text = "é/db-4h2mbtbbt6 a-k695gkmbtk";
        let all: Vec<_> = tokens(text).collect();
        assert_eq!(all.len(), 2);
        for (token, hash) in all.iter().zip(["4h2mbtbbt6", "k695gkmbtk"]) {
            assert_eq!(token.hash(), hash);
            assert_eq!(&text[token.hash_at()..token.hash_at() + LENGTH], hash);
        }
        assert_eq!(hash("a-k695gkmbtk"), Some("k695gkmbtk"));
        assert_eq!(hash("<path:a#b>-k695gkmbtk"), Some("k695gkmbtk"));
        assert_eq!(hash("a-k695gkmbtk "), None);
        assert_eq!(hash("a-k695gkmbt"), None);
    }
}
