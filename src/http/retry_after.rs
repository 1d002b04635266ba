//! Parses `Retry-After`: a number of seconds, or a date (RFC 9110 §10.2.3).

use std::time::Duration;

use http::{HeaderMap, header::RETRY_AFTER};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// How long the server asks to wait; `None` without a valid header. A number that is too large becomes the largest
/// possible wait, and a date in the past a wait of zero.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(text)
        .ok()?;
    let wait = Timestamp::now().duration_until(date);
    Some(wait.try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().ok()?);
        retry_after(&headers)
    }

    #[test]
    fn seconds_and_dates() {
        for (text, seconds) in [
            ("0", Some(0)),
            (" 3600 ", Some(3600)),
            ("18446744073709551615", Some(u64::MAX)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            // the weekday is wrong
            ("Mon, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(read(text), seconds.map(Duration::from_secs), "{text}");
        }
        let far = read("Thu, 01 Jan 2099 00:00:00 GMT");
        assert!(far.is_some_and(|wait| wait > Duration::from_hours(24)));
    }
}
