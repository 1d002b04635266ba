use super::*;
use crate::clock::Clock;
use crate::secret::json;

fn run(template: &str, value: &str) -> Result<String, JsonPathError> {
    let path = JsonPath::parse(template)?;
    path.evaluate(&json::parse(value).unwrap(), 16 << 20, &Clock::default())
        .map(|filled| filled.text.as_str().to_owned())
}

#[test]
fn templates_that_multiply_results_are_stopped() {
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

/// Each of the 216,000 comparisons reads 100 kB.
#[test]
fn comparisons_are_limited_by_the_bytes_they_read() {
    let text = "x".repeat(100_000);
    let item = format!(r#"[{{"a":"{text}","b":"{text}"}}]"#);
    let value = format!(r#"{{"n":{{"m":{{"l":{item}}}}}}}"#);
    let all = |key: &str| format!("[{}]", vec![format!("'{key}'"); 60].join(","));
    let (n, m, l) = (all("n"), all("m"), all("l"));
    for filter in ["@.a!=@.b", "@.a==@.b", "@.a<@.b"] {
        let template = format!("{{{n}{m}{l}[?({filter})]}}");
        assert_eq!(run(&template, &value), Err(JsonPathError::TooMuchWork));
    }
    assert!(run("{.n.m.l[?(@.a==@.b)]}", &value).is_ok());
    // also inside another filter
    let value = format!("[{}]", vec![value; 3].join(","));
    let template = format!("{{[?({n}{m}{l}[?(@.a!=@.b)])]}}");
    assert!(run(&template, &value).is_err());
    let long = format!(r#"{{"{text}":1}}"#);
    let key = "k".repeat(1000);
    let keys = format!("[{}]", vec![format!("'{key}'"); 1000].join(","));
    assert!(run(&format!("{{{keys}{keys}}}"), &long).is_err());
}

#[test]
fn evaluation_stops_with_the_clock() {
    let stopped = Clock::new(Some(std::time::Instant::now()), std::sync::Arc::default());
    let value = json::parse("[{\"a\": 1}]").unwrap();
    for template in [
        "{[?(@.a==1)]}",
        "{[?(@.a)].a}",
        "{..}",
        "{range [*]}{.a}{end}",
    ] {
        let path = JsonPath::parse(template).unwrap();
        let result = path.evaluate(&value, 100, &stopped);
        assert_eq!(result.err(), Some(JsonPathError::Stopped), "{template}");
    }
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
fn debug_does_not_show_the_template() {
    assert_eq!(
        format!("{:?}", JsonPath::parse("{.s3cret}").unwrap()),
        "JsonPath(..)"
    );
}
