//! Standard base64 as Go's `encoding/base64.StdEncoding` reads and writes it; wraps the base64 crate.

use ::base64::Engine;
use ::base64::alphabet::STANDARD;
use ::base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The bytes as padded base64 on one line.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

/// The bytes that `text` encodes.
///
/// CR and LF are skipped, and non-zero trailing bits accepted. `None` if the text is not padded or has other characters
/// than those of the standard alphabet; the result is never truncated.
#[must_use]
pub fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.contains(['\r', '\n']) {
        let packed = Zeroizing::new(text.replace(['\r', '\n'], ""));
        return ENGINE.decode(packed.as_bytes()).ok().map(Zeroizing::new);
    }
    ENGINE.decode(text.as_bytes()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_standard_base64_is_decoded() {
        let decoded = |text: &str| decode(text).map(|bytes| bytes.to_vec());
        assert_eq!(decoded("aGVs\r\nbG8="), Some(b"hello".to_vec()));
        assert_eq!(
            decoded("aGVsbG9="),
            Some(b"hello".to_vec()),
            "trailing bits"
        );
        assert_eq!(decoded(""), Some(Vec::new()));
        for bad in [
            "aGVsbG8",
            "aG Vs",
            " aGVs",
            "_-8=",
            "aGVsbG8==",
            "aGVsbG8=xx",
            "====",
        ] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }
}
