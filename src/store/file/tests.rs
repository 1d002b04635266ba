use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use super::*;
use crate::secret::{KvVersion, Value};
use crate::store::tests::read;

fn store(text: impl AsRef<[u8]>) -> (tempfile::TempDir, FileStore) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secrets.yaml");
    std::fs::write(&path, text).unwrap();
    (dir, FileStore::new(path))
}

/// The keys of one secret in a store file with this text.
fn keys(text: &str, path: &str, version: u64) -> BTreeMap<String, Value> {
    let (_dir, store) = store(text);
    read(&store, path, version).unwrap().expose().clone()
}

fn value(text: &str) -> Value {
    keys(&format!("kv/a:\n  k: {text}\n"), "kv/a", 0)["k"].clone()
}

fn error(text: impl AsRef<[u8]>, path: &str, version: u64) -> StoreError {
    let (_dir, store) = store(text);
    read(&store, path, version).unwrap_err()
}

/// The error for a store file with this text, without `is malformed: ` and what precedes it.
fn malformed(text: &str) -> String {
    let error = error(text, "kv/a", 0);
    assert_eq!(error.kind, StoreErrorKind::Config, "{text}");
    assert_eq!(error.help, FORM);
    let (_, what) = error.message.split_once("is malformed: ").unwrap();
    what.to_owned()
}

#[test]
fn a_secret_is_found_under_both_spellings_of_its_path() {
    for kept in ["kv/shop/web", "kv/data/shop/web", "/kv/shop/web/"] {
        for asked in ["kv/shop/web", "kv/data/shop/web", "/kv/data/shop/web/"] {
            let keys = keys(&format!("{kept}: {{pw: s3}}"), asked, 0);
            assert_eq!(keys["pw"], Value::string("s3"), "{kept} {asked}");
        }
    }
}

#[test]
fn versions_are_counted_from_one_and_zero_is_the_latest() {
    let text = "kv/a:\n- {k: old}\n- {k: mid}\n- {k: new}\n";
    for (version, expected) in [(0, "new"), (1, "old"), (2, "mid"), (3, "new")] {
        assert_eq!(keys(text, "kv/a", version)["k"], Value::string(expected));
    }
    assert_eq!(keys("kv/a: {k: v}", "kv/a", 1)["k"], Value::string("v"));
}

#[test]
fn a_missing_version_is_refused_so_that_default_does_not_answer() {
    for version in [3, u64::MAX] {
        let error = error("kv/a: [{k: 1}, {k: 2}]", "kv/data/a", version);
        assert_eq!(error.kind, StoreErrorKind::Refused);
        let start = format!("there is no version {version} of secret kv/a in file ");
        assert!(error.message.starts_with(&start), "{}", error.message);
        assert!(error.help.contains("newest version is 2"), "{}", error.help);
    }
}

#[test]
fn a_missing_path_is_missing_and_no_other_path_is_named() {
    let error = error("kv/other: {k: v}", "kv/a", 0);
    assert_eq!(error.kind, StoreErrorKind::Missing);
    assert!(
        error
            .message
            .starts_with("there is no secret kv/a in file ")
    );
    assert!(!format!("{error:?}").contains("other"));
}

#[test]
fn a_bad_path_is_refused_before_the_file_is_opened() {
    let store = FileStore::new("/nonexistent/secrets.yaml");
    for path in [
        "kv/../a",
        "kv//a",
        "kv/./a",
        "kv/a\nb",
        "kv",
        "auth/token/x",
    ] {
        let error = read(&store, path, 0).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Refused, "{path:?}");
    }
}

#[test]
fn the_file_is_opened_at_the_first_read_and_never_again() {
    let (dir, store) = store("kv/a: {k: v}");
    assert_eq!(store.warning(), None);
    read(&store, "kv/a", 0).unwrap();
    assert!(store.warning().is_some());
    drop(dir);
    read(&store, "kv/a", 0).unwrap();
}

#[test]
fn what_the_manifest_says_of_the_kv_version_makes_no_difference() {
    let (_dir, store) = store("kv/a: {k: v}");
    for kv in [Some(KvVersion::V1), Some(KvVersion::V2), None] {
        let want = SecretRef {
            path: "kv/a".to_owned(),
            version: 0,
            kv,
        };
        store.find(&want).unwrap();
    }
}

#[test]
fn every_type_of_value_arrives() {
    assert!(value("null") == Value::Null && value("~") == Value::Null && value("") == Value::Null);
    assert_eq!(value("true"), Value::Bool(true));
    assert_eq!(value("plain text"), Value::string("plain text"));
    assert_eq!(value("'true'"), Value::string("true"));
    assert_eq!(value("\"1\""), Value::string("1"));
    assert_eq!(value("!!str 1"), Value::string("1"));
    assert_eq!(value("|\n    a\n     b\n"), Value::string("a\n b\n"));
    let expected = Value::List(vec![Value::number("1"), Value::List(vec![])]);
    assert_eq!(value("[1, []]"), expected);
    let map = [("x".to_owned(), Value::string("y"))].into();
    assert_eq!(value("{x: y}"), Value::Map(map));
}

#[test]
fn text_that_only_looks_like_another_type_stays_text() {
    for text in [
        "yes",
        "on",
        "n",
        "0644",
        "1:30",
        "2001-01-01",
        "1_000",
        "s.TOKEN",
    ] {
        assert_eq!(value(text), Value::string(text), "{text}");
    }
}

#[test]
fn numbers_keep_their_text() {
    let kept = [
        "0",
        "-0",
        "80",
        "1.0",
        "-1.50",
        "1e3",
        "1E-07",
        "12345678901234567890",
        "123456789012345678901234567890123456789012345678901234567890",
        "0.1000000000000000055511151231257827",
    ];
    for text in kept {
        assert!(value(text) == Value::number(text), "{text}");
        let nested = value(&format!("[x, {{b: 1.0, a: [{text}]}}, y]"));
        let list = Value::List(vec![Value::number(text)]);
        let map = [
            ("a".to_owned(), list),
            ("b".to_owned(), Value::number("1.0")),
        ]
        .into();
        let expected = Value::List(vec![
            Value::string("x"),
            Value::Map(map),
            Value::string("y"),
        ]);
        assert!(nested == expected, "{text}");
    }
}

#[test]
fn numbers_that_json_spells_otherwise_are_rewritten() {
    for (text, json) in [
        ("0x10", "16"),
        ("0o17", "15"),
        ("+1", "1"),
        (".5", "0.5"),
        ("5.", "5"),
    ] {
        assert!(value(text) == Value::number(json), "{text}");
    }
}

#[test]
fn aliases_are_followed() {
    let text = "kv/a: {k: &x [1.0, v]}\nkv/b: {k: *x}\n";
    let expected = Value::List(vec![Value::number("1.0"), Value::string("v")]);
    assert_eq!(keys(text, "kv/b", 0)["k"], expected);
}

#[test]
fn json_crlf_and_a_byte_order_mark_are_read() {
    for text in [
        "{\"kv/a\": {\"k\": \"v\"}}",
        "kv/a:\r\n  k: v\r\n",
        "\u{feff}kv/a: {k: v}",
        "---\nkv/a: {k: v}\n...\n",
        "# comment\nkv/a: {k: v}",
    ] {
        assert_eq!(keys(text, "kv/a", 0)["k"], Value::string("v"), "{text:?}");
    }
    assert!(keys("kv/a: {}", "kv/a", 0).is_empty());
}

#[test]
fn a_malformed_file_is_located_and_explained() {
    let cases = [
        ("", "it is not a map"),
        ("# only\n", "it is not a map"),
        ("s.SUPERSECRET", "it is not a map"),
        ("- kv/a", "it is not a map"),
        (
            "kv/b: {}\nkv/a: s.SUPERSECRET",
            "line 2: a secret is neither a map nor a list of maps",
        ),
        ("kv/b: {}\n\nkv/a:\n", "a secret is neither"),
        ("kv/a: []", "line 1: a list of versions is empty"),
        (
            "kv/a:\n- {}\n- s.SUPERSECRET\n",
            "line 3: a version is not a map",
        ),
        (
            "kv/a:\n- {}\n- [s.SUPERSECRET]\n",
            "line 3: a version is not a map",
        ),
        (
            "kv/a:\n  1: s.SUPERSECRET\n",
            "line 2: a key is not a string (quote it)",
        ),
        (
            "kv/a:\n  true: s.SUPERSECRET\n",
            "line 2: a key is not a string (quote it)",
        ),
        (
            "kv/a:\n  ? [s.SUPERSECRET]\n  : x\n",
            "line 2: a key is not a string (quote it)",
        ),
        (
            "kv/a: {k: 1,\n  k: s.SUPERSECRET}\n",
            "line 2: a key occurs twice in one map",
        ),
        (
            "kv/a: {k: {z: 1,\n  z: s.SUPERSECRET}}\n",
            "line 2: a key occurs twice in one map",
        ),
        (
            "kv/a: {}\nkv/data/a: {}\n",
            "line 2: a secret occurs twice: `mount/path` and `mount/data/path` are the same secret",
        ),
        ("kv/a: {}\nkv/a: {}\n", "line 2: a secret occurs twice"),
        (
            "kv/b: {}\ns.SUPERSECRET: {}\n",
            "line 2: a key is not a `mount/path`: the path is only a mount",
        ),
        (
            "kv/../SUPERSECRET: {}\n",
            "line 1: a key is not a `mount/path`: the path has a `.` or `..` segment",
        ),
        (
            "kv/a: &x {}\nkv/b:\n  <<: *x\n",
            "line 3: a merge key (`<<`) is not supported",
        ),
        ("kv/a:\n  k: .inf\n", "line 2: a number is infinite"),
        ("kv/a:\n  k: [1, -.inf]\n", "line 2: a number is infinite"),
        ("kv/a:\n  k: .nan\n", "line 2: a number is infinite"),
        (
            "kv/a:\n  k: !secret s.SUPERSECRET\n",
            "line 2: a value has a tag",
        ),
        ("a: [s.SUPERSECRET", "line 1: a key is not a `mount/path`"),
        ("kv/a: [s.SUPERSECRET", "line 1: a version is not a map"),
        ("kv/a: {k: [s.SUPERSECRET", "it is not valid YAML"),
        ("kv/a: {k: \"s.SUPERSECRET", "it is not valid YAML"),
        ("kv/a: {k: *SUPERSECRET}", "it is not valid YAML"),
        ("kv/a: {k: !SUPER%SECRET x}", "it is not valid YAML"),
        ("%SUPERSECRET\n---\nkv/a: {}", "it is not valid YAML"),
        ("kv/a: {k: \"\\SUPERSECRET\"}", "it is not valid YAML"),
        ("kv/a: {k: v\u{1}SUPERSECRET}", "it is not valid YAML"),
        (
            "kv/a: {k: v}\n---\nkv/b: {k: SUPERSECRET}\n",
            "it holds more than one YAML document",
        ),
        ("kv/a: {k: v}\n  SUPERSECRET: x\n", "it is not valid YAML"),
    ];
    for (text, expected) in cases {
        let what = malformed(text);
        assert!(
            what.contains(expected),
            "{text:?} gave {what:?}, not {expected:?}"
        );
        let error = error(text, "kv/a", 0);
        let all = format!("{error} {error:?} {}", error.help);
        assert!(!all.contains("SUPER") && !all.contains("SECRET"), "{all}");
    }
}

#[test]
fn a_file_of_bytes_that_are_no_utf8_is_not_quoted() {
    let error = error(b"kv/a: {k: SUPERSECRET\xff}", "kv/a", 0);
    assert_eq!(error.kind, StoreErrorKind::Config);
    assert!(
        error
            .message
            .ends_with("it is not UTF-8 text: invalid byte at offset 21"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("SUPERSECRET"));
}

#[test]
fn nothing_of_a_good_file_shows_in_debug() {
    let (_dir, store) = store("kv/a: {k: s.SUPERSECRET, l: [s.SUPERSECRET]}");
    let secret = read(&store, "kv/a", 0).unwrap();
    let shown = format!("{secret:?} {:?} {store:?}", secret.expose());
    assert!(!shown.contains("SUPERSECRET"), "{shown}");
}

#[test]
fn only_a_regular_file_is_opened() {
    let (dir, store) = store("kv/a: {k: v}");
    let link = dir.path().join("link.yaml");
    symlink(&store.path, &link).unwrap();
    let cases = [
        (link.clone(), "it is a symbolic link"),
        (dir.path().to_path_buf(), "it is not a regular file"),
        (PathBuf::from("/dev/zero"), "it is not a regular file"),
        (dir.path().join("missing.yaml"), "no such file"),
        (store.path.join("below"), "no such file"),
    ];
    for (path, expected) in cases {
        let error = read(&FileStore::new(&path), "kv/a", 0).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Config);
        let message = format!(
            "cannot use the secret store file {}: {expected}",
            path.display()
        );
        assert_eq!(error.message, message);
        assert!(!error.help.is_empty());
    }
}

#[test]
fn one_mebibyte_is_read_and_no_byte_more() {
    let limit = usize::try_from(open::MAX_BYTES).unwrap();
    let mut text = "kv/a: {k: v}\n#".to_owned();
    text.push_str(&"x".repeat(limit - text.len()));
    keys(&text, "kv/a", 0);
    text.push('x');
    let error = error(&text, "kv/a", 0);
    assert_eq!(error.kind, StoreErrorKind::Config);
    assert!(
        error.message.ends_with("it is larger than 1 MiB"),
        "{error}"
    );
}

#[test]
fn alias_bombs_end_early() {
    let mut wide = format!("kv/a: {{k: [&x [{}]", "1,".repeat(200_000));
    wide.push_str(&",*x".repeat(200_000));
    wide.push_str("]}");
    let mut deep = "kv/a:\n  a0: &a0 x\n".to_owned();
    for level in 1..40 {
        let below = level - 1;
        let line = format!("  a{level}: &a{level} [*a{below}, *a{below}]\n");
        deep += &line;
    }
    let mut long = format!("kv/a: {{k: &x {}, l: [", "y".repeat(100_000));
    long.push_str(&"*x,".repeat(1000));
    long.push_str("]}");
    for text in [wide, deep, long] {
        let start = Instant::now();
        let what = malformed(&text);
        assert!(
            what.contains("4 MiB") || what.contains("not valid"),
            "{what}"
        );
        assert!(start.elapsed() < Duration::from_mins(2));
    }
}

#[test]
fn deep_nesting_is_an_error_and_neither_a_crash_nor_a_wait() {
    for depth in [200, 9_000, 300_000] {
        for open in ["[", "{a: ", "- ", "? "] {
            for start in ["kv/a: {k: ", ""] {
                let text = format!("{start}{}", open.repeat(depth));
                let started = Instant::now();
                malformed(&text[..text.len().min(1_000_000)]);
                let spent = started.elapsed();
                assert!(spent < Duration::from_secs(20), "{open} {depth}: {spent:?}");
            }
        }
    }
}
