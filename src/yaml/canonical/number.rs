//! Numbers in the one spelling that all versions of YAML read as the same number.

/// The canonical spelling of a number: only digits, or with a dot and a signed exponent.
///
/// `text` is a number as [`crate::yaml::load::resolve`] returns it. A number without a fraction that fits into 64
/// bits becomes an integer: Kubernetes reads JSON, in which `1e3` and `1000` are the same.
pub(super) fn canonical(text: &str) -> String {
    if let Ok(number) = text.parse::<i64>() {
        return number.to_string();
    }
    if let Ok(number) = text.parse::<u64>() {
        return number.to_string();
    }
    let number: f64 = text.parse().unwrap_or_default();
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{:.0}", number + 0.0);
    }
    // the shortest text that parses to this number
    let text = format!("{number:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let dot = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{dot}e{sign}{exponent}")
}

/// A number used as a key, converted to a string as `sigs.k8s.io/yaml` does it: fractions by Go's `%g` for 32-bit
/// floats. `None` where it rejects the key or would turn it into infinity.
pub(super) fn as_key(canonical: &str) -> Option<String> {
    if !canonical.contains(['.', 'e']) {
        let number: i64 = canonical.parse().ok()?;
        return Some(number.to_string());
    }
    #[expect(clippy::cast_possible_truncation, reason = "as the reader does it")]
    let number = canonical.parse::<f64>().ok()? as f32;
    if !number.is_finite() {
        return None;
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    if (-4..6).contains(&exponent) {
        return Some(number.to_string());
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    Some(format!("{mantissa}e{sign}{:02}", exponent.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_one_spelling() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("1e3", "1000"),
            ("1.50", "1.5"),
            ("1e300", "1.0e+300"),
            ("1e-7", "1.0e-7"),
            ("2.5e-9", "2.5e-9"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn numeric_keys_become_strings_as_in_go() {
        for (text, expected) in [
            ("1", Some("1")),
            ("-5", Some("-5")),
            ("18446744073709551615", None),
            ("1.5", Some("1.5")),
            ("0.1", Some("0.1")),
            ("1234567.5", Some("1.2345675e+06")),
            ("123456.5", Some("123456.5")),
            ("0.00001", Some("1e-05")),
            ("1.0e+300", None),
        ] {
            assert_eq!(as_key(text).as_deref(), expected, "{text}");
        }
    }
}
