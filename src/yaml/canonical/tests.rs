use super::*;

fn rewritten(text: &str) -> String {
    match rewrite(text, 1 << 20, &Clock::default()) {
        Ok(canonical) => canonical.text,
        Err(problems) => panic!("{text:?}: {problems:?}"),
    }
}

#[track_caller]
fn reasons(text: &str) -> Vec<Reason> {
    let problems = rewrite(text, 1 << 20, &Clock::default()).unwrap_err();
    problems.into_iter().map(|problem| problem.reason).collect()
}

#[test]
fn each_value_has_one_form() {
    for (text, expected) in [
        (
            "{a: {b: [1, {c: d, e: []}], f: {}}}",
            "a:\n  b:\n  - 1\n  - c: \"d\"\n    e: []\n  f: {}\n",
        ),
        ("- - a\n  - [b]\n- {}", "- - \"a\"\n  - - \"b\"\n- {}\n"),
        ("a: |\n  x\n  y\n", "a: \"x\\ny\\n\"\n"),
        ("# c\na: 'it''s' # d\n", "a: \"it's\"\n"),
        ("%YAML 1.1\n---\na: b\n...\n", "a: \"b\"\n"),
        (
            "a: b\n---\n# nothing\n---\nc: ~\n",
            "a: \"b\"\n---\n---\nc: null\n",
        ),
        ("a: \"---\\n# \\u2028x\"", "a: \"---\\n# \\u2028x\"\n"),
        (
            "'a b': 1\n\"\": 2\ny: 3\n-: 4\n",
            "\"a b\": 1\n\"\": 2\n\"true\": 3\n\"-\": 4\n",
        ),
        ("x", "\"x\"\n"),
        ("", ""),
    ] {
        assert_eq!(rewritten(text), expected, "{text}");
        assert_eq!(rewritten(expected), expected, "again: {text}");
    }
}

#[test]
fn scalars_have_the_types_of_kubernetes() {
    for (text, expected) in [
        ("on", "true"),
        ("n", "false"),
        ("010", "8"),
        ("0o17", "15"),
        ("1_0", "10"),
        ("0x1F", "31"),
        ("-0b11", "-3"),
        ("1e3", "1000"),
        ("1.10", "1.1"),
        ("08", "8"),
        ("~", "null"),
        ("", "null"),
        ("2001-01-01", "\"2001-01-01\""),
        ("190:20:30", "\"190:20:30\""),
        ("'on'", "\"on\""),
        ("=", "\"=\""),
        ("!!str 010", "\"010\""),
        ("!!str", "\"\""),
        ("!!int '3'", "3"),
        ("!!float 3", "3"),
        ("!!binary aGk=", "\"hi\""),
        ("!!timestamp 2001-01-01", "\"2001-01-01\""),
        ("!!null ''", "null"),
    ] {
        assert_eq!(
            rewritten(&format!("a: {text}\n")),
            format!("a: {expected}\n"),
            "{text}"
        );
    }
    for (text, expected) in [
        ("1: x", "\"1\": \"x\"\n"),
        ("010: x", "\"8\": \"x\"\n"),
        ("y: x", "\"true\": \"x\"\n"),
        ("1.10: x", "\"1.1\": \"x\"\n"),
        ("!!binary a2luZA==: x", "kind: \"x\"\n"),
        ("!!str 1: x", "\"1\": \"x\"\n"),
    ] {
        assert_eq!(rewritten(text), expected, "{text}");
    }
}

#[test]
fn aliases_and_merges_are_expanded() {
    for (text, expected) in [
        ("a: &x {b: 1}\nc: *x", "a:\n  b: 1\nc:\n  b: 1\n"),
        ("a: &x b\n*x : c", "a: \"b\"\nb: \"c\"\n"),
        (
            "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3\n",
            "a:\n  b: 1\n  c: 2\nd:\n  c: 2\n  b: 3\n",
        ),
        (
            "a: &x {b: 1}\ne: &y {b: 2, f: 3}\nd: {<<: [*x, *y], g: 4}\n",
            "a:\n  b: 1\ne:\n  b: 2\n  f: 3\nd:\n  b: 1\n  f: 3\n  g: 4\n",
        ),
        ("a: {<<: []}\nb:\n- {<<: {}}\n", "a: {}\nb:\n- {}\n"),
        (
            "a: &x {b: 1}\nc: &y {<<: *x, d: 2}\ne: {<<: *y}\n",
            "a:\n  b: 1\nc:\n  b: 1\n  d: 2\ne:\n  b: 1\n  d: 2\n",
        ),
        (
            "a: &x {}\nb: {!!merge <<: *x, c: d}",
            "a: {}\nb:\n  c: \"d\"\n",
        ),
        ("'<<': {a: b}", "\"<<\":\n  a: \"b\"\n"),
    ] {
        assert_eq!(rewritten(text), expected, "{text}");
    }
}

#[test]
fn ambiguous_yaml_is_rejected() {
    use Reason::{
        Depth, DuplicateKey, Endless, Key, Merge, MergedKey, Misfit, NotFinite, Syntax, Tag,
    };
    for (text, reason) in [
        ("a: 1\na: 2", DuplicateKey),
        ("a: 1\n\"\\u0061\": 2", DuplicateKey),
        ("1: x\n'1': y", DuplicateKey),
        ("0x1: x\n1: y", DuplicateKey),
        ("yes: x\non: y", DuplicateKey),
        ("kind: x\n!!binary a2luZA==: y", DuplicateKey),
        ("a: &x kind\nkind: 1\n*x : 2", DuplicateKey),
        ("a: &x {b: 1}\nc: {<<: *x, <<: *x}", DuplicateKey),
        ("a: &x {b: 1}\nc: {b: 2, <<: *x}", MergedKey),
        ("<<: x", Merge),
        ("<<: [x]", Merge),
        ("? [a]\n: b", Key),
        ("~: b", Key),
        ("? \n: b", Key),
        ("18446744073709551615: b", Key),
        ("! \"<<\": {kind: ConfigMap}", Tag),
        ("! <<: {kind: ConfigMap}", Tag),
        ("a: ! 5", Tag),
        ("a: !x y", Tag),
        ("a: !x {}", Tag),
        ("a: !!set {b, c}", Tag),
        ("a: !!int x", Misfit),
        ("a: !!seq {b: c}", Misfit),
        ("a: !!binary '*'", Misfit),
        ("a: .inf", NotFinite),
        ("a: &x [*x]", Endless),
        ("a: [", Syntax(String::new())),
    ] {
        let reasons = reasons(text);
        let same =
            |found: &Reason| *found == reason || matches!((found, &reason), (Syntax(_), Syntax(_)));
        assert!(reasons.iter().any(same), "{text}: {reasons:?}");
    }
    let deep = |depth: usize| format!("{}x{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(reasons(&deep(MAX_DEPTH + 1)), [Depth]);
    assert!(rewrite(&deep(MAX_DEPTH), 1 << 20, &Clock::default()).is_ok());
    let wide = |values: usize| format!("[{}]", "1,".repeat(values));
    assert_eq!(reasons(&wide(MAX_VALUES)), [Reason::Values]);
    // too many once its aliases are expanded
    let aliased = format!(
        "a: &a {}\nb: [{}]\n",
        wide(1_000),
        "*a,".repeat(MAX_VALUES / 1_000)
    );
    let problems = rewrite(&aliased, 1 << 30, &Clock::default()).unwrap_err();
    assert_eq!(problems[0].reason, Reason::Values);
    let long = format!("{}: x", "k".repeat(1_001));
    assert_eq!(reasons(&long), [Reason::LongKey]);
}

#[test]
fn all_problems_are_reported_at_once_with_their_places() {
    let problems = rewrite(
        "a: 1\nb:\n  é: !x y\n  c: .nan\na: 2\n",
        1 << 20,
        &Clock::default(),
    );
    let messages: Vec<_> = problems
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        messages,
        [
            "line 5, column 1: this key is written twice in its mapping",
            "line 3, column 9: readers disagree on what this tag means",
            "line 4, column 6: infinity and NaN are not values of Kubernetes objects",
        ]
    );
    let many = "a: .nan\n".repeat(200);
    assert_eq!(reasons(&many).len(), MAX_PROBLEMS);
}

#[test]
fn every_kind_of_line_break_counts_for_positions() {
    for eol in ["\n", "\r", "\r\n"] {
        let text = ["kind: A", "a: 1", "é: {b: 1, b: 2}", ""].join(eol);
        let problems = rewrite(&text, 1000, &Clock::default()).unwrap_err();
        let places: Vec<_> = problems
            .iter()
            .map(|found| (found.line, found.column))
            .collect();
        assert_eq!(places, [(3, 11)], "{text:?}");
    }
}

#[test]
fn alias_and_merge_bombs_are_rejected() {
    let mut aliases = "l0: &l0 [x]\n".to_owned();
    for level in 1..60 {
        let below = level - 1;
        let line = format!("l{level}: &l{level} [*l{below}, *l{below}]\n");
        aliases.push_str(&line);
    }
    assert_eq!(reasons(&aliases), [Reason::Large]);
    let mut merges = "m0: &m0 {a: b}\n".to_owned();
    for level in 1..60 {
        let below = level - 1;
        let line = format!("m{level}: &m{level} {{<<: [*m{below}, *m{below}]}}\n");
        merges.push_str(&line);
    }
    assert_eq!(reasons(&merges), [Reason::Large]);
}

#[test]
fn separators_are_escaped_and_reported() {
    for text in ["a: \"x\\u2028y\"\n", "\"\\N\": x", "a: \"\\P\""] {
        let canonical = rewrite(text, 1 << 20, &Clock::default()).unwrap();
        assert_eq!(
            canonical.separator.unwrap().reason,
            Reason::Separator,
            "{text}"
        );
        assert!(canonical.text.is_ascii(), "{text}");
    }
    assert_eq!(
        rewrite("a: b", 1 << 20, &Clock::default())
            .unwrap()
            .separator,
        None
    );
}
