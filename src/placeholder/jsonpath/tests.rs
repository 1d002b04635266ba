use super::*;
use crate::secret::json;

fn run(template: &str, value: &str) -> Result<String, JsonPathError> {
    let path = JsonPath::parse(template)?;
    path.evaluate(&json::parse(value).unwrap(), 16 << 20)
        .map(|text| text.as_str().to_owned())
}

#[test]
fn templates_that_multiply_are_stopped() {
    let union = "['a','a']".repeat(40);
    let nested = format!("{}1{}", r#"{"a":"#.repeat(41), "}".repeat(41));
    assert_eq!(
        run(&format!("{{{union}}}"), &nested),
        Err(JsonPathError::TooMuch)
    );
    let ranges = format!(
        "{}{{@}}{}",
        "{range $[*]}{range ..}".repeat(10),
        "{end}{end}".repeat(10)
    );
    let lists = format!("{}{}", "[".repeat(300), "]".repeat(300));
    assert_eq!(run(&ranges, &lists), Err(JsonPathError::TooLong));
    let same = "[0,0,0,0,0,0,0,0,0,0]".repeat(5);
    let long = format!("[[[[[\"{}\"]]]]]", "x".repeat(1_000));
    assert_eq!(
        run(&format!("{{{same}}}"), &long),
        Err(JsonPathError::TooLong)
    );
}

#[test]
fn long_templates_do_not_recurse() {
    assert_eq!(
        run(&"{range @}".repeat(1_000), "1"),
        Err(JsonPathError::RangeDepth)
    );
    let filters = "[?(".repeat(10_000);
    assert!(matches!(
        run(&format!("{{{filters}}}"), "[]"),
        Err(JsonPathError::Syntax(_))
    ));
    assert!(run(&format!("{{{}}}", ".a".repeat(100_000)), "{}").is_err());
    assert_eq!(
        run(&format!("{{.a{}}}", "[0]".repeat(9)), r#"{"a":[]}"#).ok(),
        None
    );
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(
        format!("{:?}", JsonPath::parse("{.s3cret}").unwrap()),
        "JsonPath(..)"
    );
}
