use std::fmt::Write as _;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::explain::Explain;
use crate::secret::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    #[serde(rename = "doc")]
    _doc: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    modifier: Option<String>,
    args: Option<String>,
    pipe: Option<Vec<String>>,
    input: Option<String>,
    input_json: Option<String>,
    #[serde(default)]
    missing: bool,
    result: Option<String>,
    result_json: Option<String>,
    error: Option<String>,
    avp: String,
}

impl Case {
    fn texts(&self) -> Vec<String> {
        match (&self.pipe, &self.modifier) {
            (Some(pipe), None) => pipe.clone(),
            (None, Some(name)) => vec![format!("{name} {}", self.args.as_deref().unwrap_or(""))],
            _ => panic!("a case has either `pipe` or `modifier`"),
        }
    }

    fn input(&self) -> Option<Value> {
        match (&self.input, &self.input_json) {
            (Some(text), None) => Some(Value::string(text.as_str())),
            (None, Some(text)) => Some(json::parse(text).unwrap()),
            (None, None) if self.missing => None,
            _ => panic!("a case has one input"),
        }
    }

    fn expected(&self) -> Result<String, String> {
        match (&self.result, &self.result_json, &self.error) {
            (Some(text), None, None) => Ok(show(&Value::string(text.as_str()))),
            (None, Some(json), None) => Ok(json.clone()),
            (None, None, Some(part)) => Err(part.clone()),
            _ => panic!("a case has one result"),
        }
    }
}

fn show(value: &Value) -> String {
    json::compact(value).as_str().to_owned()
}

fn made(modifiers: &[Modifier], input: Option<&Value>) -> Result<Option<Value>, ModifierError> {
    let made = apply(modifiers, input, 0, &Clock::default())?;
    Ok(made.map(|(value, _)| value))
}

fn run(texts: &[String], input: Option<&Value>) -> Result<Option<Value>, ModifierError> {
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    made(&parse(&texts)?, input)
}

#[test]
fn modifiers_match_the_golden_cases() {
    let golden: Golden =
        serde_yaml::from_str(include_str!("../../../tests/golden/units/modifiers.yaml")).unwrap();
    let mut wrong = Vec::new();
    for case in &golden.cases {
        assert!(!case.avp.is_empty());
        let got = run(&case.texts(), case.input().as_ref())
            .map(|value| value.map_or("missing".to_owned(), |value| show(&value)))
            .map_err(|error| error.to_string());
        let fits = match (&got, case.expected()) {
            (Ok(got), Ok(expected)) => *got == expected,
            (Err(got), Err(part)) => got.contains(&part),
            _ => false,
        };
        if !fits {
            wrong.push(format!(
                "{:?}: {got:?}, expected {:?}",
                case.texts(),
                case.expected()
            ));
        }
    }
    assert!(golden.cases.len() > 200);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_value_without_default_stays_missing() {
    for texts in [
        vec![],
        vec!["base64encode"],
        vec!["jsonPath {.a}", "indent 2"],
    ] {
        let modifiers = parse(&texts).unwrap();
        assert_eq!(made(&modifiers, None), Ok(None));
        assert_eq!(made(&modifiers, Some(&Value::Null)), Ok(None));
    }
}

#[test]
fn modifiers_are_recognised_by_callers() {
    let list = parse(&["default 'x'", "jsonPath {.a}", "json", "base64encode"]).unwrap();
    let facts: Vec<_> = list
        .iter()
        .map(|m| (m.is_default(), m.is_json(), m.is_base64encode()))
        .collect();
    assert_eq!(
        facts,
        [
            (true, false, false),
            (false, false, false),
            (false, true, false),
            (false, false, true)
        ]
    );
}

#[test]
fn debug_and_errors_show_neither_arguments_nor_values() {
    let list = parse(&["default 's3cret'", "jsonPath {.s3cret}", "indent 7"]).unwrap();
    assert_eq!(format!("{list:?}"), "[default, jsonPath, indent]");
    let secrets = [
        "s3cret",
        "{s3cret",
        "{\"s3cret\":\"s3cret\",",
        "\"s3cret",
        "{\"a\":\"s3cret\"}",
        "a: b: s3cret",
        "*s3cret",
        "!!int s3cret",
        "{s3cret: .inf, [s3cret]: s3cret}",
        "%s3cret",
        "- s3cret\n s3cret: [",
    ];
    let texts = [
        "jsonParse",
        "yamlParse",
        "base64decode",
        "jsonPath {.b}",
        "jsonPath {.a[0]}",
        "jsonPath {.a[?(@.x)]}",
        "jsonPath {.a[?(@.x>1)]}",
        "jsonPath {[?(@>1)]}",
    ];
    for secret in secrets {
        for text in texts {
            let list = parse(&[text]).unwrap();
            if let Err(error) = made(&list, Some(&Value::string(secret))) {
                let all = format!("{error} {error:?} {}", error.help());
                assert!(!all.contains("s3cret"), "{text}: {all}");
            }
        }
    }
}

#[test]
fn depth_and_aliases_are_limited() {
    let go = |text: &str, modifier: &str| {
        made(&parse(&[modifier]).unwrap(), Some(&Value::string(text))).map(|_| ())
    };
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    assert!(go(&deep, "jsonParse").is_err());
    assert!(go(&deep, "yamlParse").is_err());
    assert!(go(&deep, "jsonPath {..}").is_err());
    assert!(go(&"- ".repeat(1_000), "yamlParse").is_err());
    for levels in [300, 512] {
        let deep =
            |open: &str, close: &str| format!("{}x{}", open.repeat(levels), close.repeat(levels));
        assert!(go(&deep("[", "]"), "yamlParse").is_ok());
        assert!(go(&deep("- ", ""), "yamlParse").is_ok());
    }
    for deep in ["[".repeat(513), "- ".repeat(513), "{a: ".repeat(100_000)] {
        let error = go(&deep, "yamlParse").unwrap_err().to_string();
        let says = "nested more than 512 levels deep at line 1";
        assert!(error.ends_with(says), "{error}");
    }
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}, ", level - 1).repeat(10);
        writeln!(bomb, "a{level}: &a{level} [{alias}]").unwrap();
    }
    let error = go(&bomb, "yamlParse").unwrap_err().to_string();
    assert!(error.contains("aliases expand to too much"), "{error}");
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..2_000 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert!(go(&chain, "yamlParse").is_err());
    assert!(go("a: &a [1, 2]\nb: *a\n", "yamlParse").is_ok());
}

#[test]
fn results_are_limited_in_size() {
    let chain = |one: &str, times: usize, input: &str| {
        run(&vec![one.to_owned(); times], Some(&Value::string(input)))
            .map_err(|error| (error.to_string(), error.help()))
    };
    let lines = "\nx".repeat(100_000);
    for (modifier, times, input) in [
        ("base64encode", 75, "s3cret"),
        ("json", 26, "\\"),
        ("json", 26, "\""),
        ("urlencode", 2, &"%".repeat(4_000_000)),
        ("indent 1000", 1, &lines),
    ] {
        let name = modifier.split(' ').next().unwrap();
        let Err((error, help)) = chain(modifier, times, input) else {
            panic!("{modifier} has no limit");
        };
        assert_eq!(error, format!("{name}: the result is larger than 16 MiB"));
        assert_eq!(help, "take a part of the value, or use fewer modifiers");
    }
    // exactly at the limit
    let limit = "x".repeat(MAX_RESULT / 4 * 3);
    assert!(chain("base64encode", 1, &limit).is_ok());
    assert!(chain("json", 1, &limit).is_ok());
    let long = format!("jsonPath {}", "{@}".repeat(30));
    let error = chain(&long, 1, &format!("\"{}\"", "x".repeat(1_000_000))).unwrap_err();
    assert_eq!(error.0, "jsonPath: the result is larger than 16 MiB");
}

#[test]
fn parsed_texts_are_limited_in_members() {
    let lists = format!("[{}0]", "0,".repeat(MAX_MEMBERS));
    for (modifier, says) in [
        (
            "jsonParse",
            "jsonParse: lists and maps have more than 262144 members",
        ),
        (
            "jsonPath {[0]}",
            "jsonPath: lists and maps have more than 262144 members",
        ),
        (
            "yamlParse",
            "yamlParse: error converting YAML to JSON: more than 262144 keys, texts, lists and maps at line 1",
        ),
    ] {
        let error = run(&[modifier.to_owned()], Some(&Value::string(lists.as_str()))).unwrap_err();
        assert_eq!(error.to_string(), says);
        assert_eq!(
            error.help(),
            "store a smaller value, or the parts of it by themselves"
        );
    }
}

/// Any value that a store can hold.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| Value::number(number.to_string())),
        any::<String>().prop_map(Value::string),
        "[-a-z0-9:{}\\[\\]&*!<>'\"|#,. \n]{0,40}".prop_map(Value::string),
        any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(Zeroizing::new(bytes))),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::btree_map("[a-c.]{0,3}", inner, 0..6).prop_map(Value::Map),
        ]
    })
}

/// The text of a modifier, usually a valid one.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("base64encode".to_owned()),
        Just("base64decode".to_owned()),
        Just("jsonParse".to_owned()),
        Just("yamlParse".to_owned()),
        Just("sha256sum".to_owned()),
        Just("urlencode".to_owned()),
        Just("json".to_owned()),
        "indent [-+]?[0-9]{1,5}",
        "jsonPath [{}.a-c*@$\\[\\]?()'\"<>=!:,0-9 -]{0,30}",
        "jsonPath \\{(\\.[abc]|\\.\\.|\\[[*:0-3-]{1,4}\\]|\\[\\?\\(@\\.a[<>=]=?1\\)\\]){0,6}\\}",
        "default .{0,12}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn nothing_panics(texts in prop::collection::vec(text(), 0..4), input in prop::option::of(value())) {
        let _ = run(&texts, input.as_ref());
    }

    #[test]
    fn base64_round_trips(bytes in any::<Vec<u8>>()) {
        let input = Value::Bytes(Zeroizing::new(bytes.clone()));
        let result = run(&["base64encode".to_owned(), "base64decode".to_owned()], Some(&input));
        let back = match result.unwrap().unwrap() {
            Value::String(text) => text.as_bytes().to_vec(),
            Value::Bytes(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        };
        prop_assert_eq!(back, bytes);
    }

    #[test]
    fn json_escapes_for_json_strings(text in any::<String>()) {
        let result = run(&["json".to_owned()], Some(&Value::string(text.as_str())));
        let Some(Value::String(inside)) = result.unwrap() else { panic!("a string") };
        let back: String = serde_json::from_str(&format!("\"{}\"", inside.as_str())).unwrap();
        prop_assert_eq!(back, text);
    }

    #[test]
    fn json_parses_as_with_serde_json(input in value()) {
        let text = json::compact(&input);
        let ours = json::parse(&text).unwrap();
        let compact = json::compact(&ours);
        prop_assert_eq!(compact.as_str(), text.as_str());
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }

    #[test]
    fn indent_only_changes_indentation(text in "[ a\n]{0,30}", level in 0_usize..9) {
        let result = run(&[format!("indent {level}")], Some(&Value::string(text.as_str())));
        let Some(Value::String(indented)) = result.unwrap() else { panic!("a string") };
        let margin = " ".repeat(level);
        let back: Vec<_> = indented
            .split('\n')
            .enumerate()
            .map(|(index, line)| if index == 0 { line } else { line.strip_prefix(&margin).unwrap_or(line) })
            .collect();
        prop_assert_eq!(back.join("\n"), text);
    }
}
