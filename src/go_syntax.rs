//! Values in the forms that Go's standard library reads, since argocd-vault-plugin and Vault's own client do.

use std::time::Duration;

use jiff::fmt::friendly::SpanParser;

/// A boolean as Go's `strconv.ParseBool` reads it; `None` for any other word.
#[must_use]
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A duration as Go prints it (`45s`, `1m30s`, `1.5h`), or a number of seconds; `None` for anything else. A number that
/// is too large is the longest duration there is.
#[must_use]
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let only = |accepted: fn(u8) -> bool| !text.is_empty() && text.bytes().all(accepted);
    if only(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    // the parser also reads words, days, signs and clock times, which Go does not
    let is_go = only(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'h' | b'm' | b's'));
    is_go
        .then(|| SpanParser::new().parse_unsigned_duration(text).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, expected) in [
            ("45", Some(45_000)),
            ("007", Some(7_000)),
            ("0", Some(0)),
            ("45s", Some(45_000)),
            ("1m30s", Some(90_000)),
            ("1m30.5s", Some(90_500)),
            ("1h0m0.5s", Some(3_600_500)),
            ("1.5h", Some(5_400_000)),
            ("2500ms", Some(2_500)),
            ("1s500ms", Some(1_500)),
            ("90m", Some(5_400_000)),
            ("", None),
            (" 45s", None),
            ("45 s", None),
            ("-45s", None),
            ("45s ago", None),
            ("45 seconds", None),
            ("45sec", None),
            ("1d", None),
            ("00:45", None),
            ("00:00:45", None),
            ("1,5s", None),
            ("1us", None),
            ("PT45S", None),
            ("1e3", None),
            ("4.5", None),
            ("s", None),
            ("45S", None),
            ("٤٥", None),
        ] {
            let expected = expected.map(Duration::from_millis);
            assert_eq!(duration(text), expected, "{text}");
        }
        let longest = Some(Duration::from_secs(u64::MAX));
        assert_eq!(duration("99999999999999999999999999"), longest);
    }

    #[test]
    fn booleans_are_those_of_go() {
        for (text, expected) in [
            ("t", Some(true)),
            ("TRUE", Some(true)),
            ("0", Some(false)),
            ("False", Some(false)),
            ("tRUE", None),
            ("yes", None),
            ("", None),
            ("1 ", None),
        ] {
            assert_eq!(boolean(text), expected, "{text}");
        }
    }
}
