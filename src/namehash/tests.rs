use super::document::{self, Document};
use super::{content, rename};
use crate::clock::Clock;
use crate::yaml::event::Span;
use crate::yaml::splice::{Splice, spliced};

/// The edits that turn `before` into `after`: in each document from the first to the last difference.
fn edits(before: &str, after: &str) -> Vec<Splice> {
    let documents = document::split(before)
        .into_iter()
        .zip(document::split(after));
    let edits = documents.filter_map(|(old, new)| {
        let (was, is) = (&before[old.clone()], &after[new]);
        let same = |(one, other): &(u8, u8)| one == other;
        let head = was.bytes().zip(is.bytes()).take_while(same).count();
        let (rest, new) = (&was[head..], &is[head..]);
        let tails = rest.bytes().rev().zip(new.bytes().rev());
        let tail = tails.take_while(same).count();
        let span = Span {
            start: old.start + head,
            end: old.end - tail,
        };
        (was != is).then(|| Splice::new(span, new[..new.len() - tail].to_owned()))
    });
    edits.collect()
}

/// `after` with updated names.
#[track_caller]
fn renamed(before: &str, after: &str) -> String {
    renamed_by(before, &edits(before, after))
}

/// `before` with the edits applied and the names updated.
#[track_caller]
fn renamed_by(before: &str, edits: &[Splice]) -> String {
    let all = |text: &str| Span {
        start: 0,
        end: text.len(),
    };
    let after: String = spliced(before, all(before), edits).collect();
    let renamed = rename(before, &after, edits, &Clock::default());
    assert_eq!(renamed.findings, [], "{before}");
    spliced(&after, all(&after), &renamed.splices).collect()
}

#[track_caller]
fn refused(before: &str, after: &str) -> String {
    let renamed = rename(before, after, &edits(before, after), &Clock::default());
    crate::finding::text::stderr(&renamed.findings)
}

/// A ConfigMap whose name has the hash that kustomize gives its content.
const BEFORE: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: app-4h2mbtbbt6, namespace: shop}
data: {a: b}
";

/// The hash that kustomize gives the content of [`resolved`].
const NEW: &str = "bdk9b956b4";

/// The same object with its placeholders filled in, under its old name.
fn resolved() -> String {
    BEFORE.replace(
        "data: {a: b}\n",
        "data: {k: \"<&>\"}\nbinaryData: {b: /w==}\n",
    )
}

/// What `rest` becomes in a stream after the ConfigMap, whose content changes.
#[track_caller]
fn with(rest: &str) -> String {
    let before = format!("{BEFORE}---\n{rest}");
    let after = format!("{}---\n{rest}", resolved());
    let out = renamed(&before, &after);
    let head = format!("{}---\n", resolved()).replace("4h2mbtbbt6", NEW);
    out.strip_prefix(&head)
        .unwrap_or_else(|| panic!("{out}"))
        .to_owned()
}

#[test]
fn the_object_gets_the_hash_of_its_resolved_content() {
    assert_eq!(
        renamed(BEFORE, &resolved()),
        resolved().replace("4h2mbtbbt6", NEW)
    );
    assert_eq!(renamed(BEFORE, BEFORE), BEFORE);
}

#[test]
fn names_without_the_hash_of_their_content_stay() {
    for (old, new) in [
        ("app-4h2mbtbbt6", "app"),
        ("app-4h2mbtbbt6", "app-4h2mbtbbt7"),
        ("app-4h2mbtbbt6", "app4h2mbtbbt6"),
        ("ConfigMap", "Secret"),
        ("ConfigMap", "Widget"),
        ("data: {", "binaryData: {x: eA==}\nother: {"),
    ] {
        let before = BEFORE.replace(old, new);
        let after = resolved().replace(old, new);
        assert_eq!(renamed(&before, &after), after, "{new}");
    }
    // nothing but the stamp has changed
    let stamped = BEFORE.replace("namespace: shop", "namespace: shop, annotations: {u: x}");
    assert_eq!(renamed(BEFORE, &stamped), stamped);
}

#[test]
fn references_are_updated_in_every_scalar_style() {
    for rest in [
        "kind: Pod\nmetadata: {namespace: shop}\nspec:\n  a: app-4h2mbtbbt6 # app-4h2mbtbbt6\n",
        "kind: Pod\nmetadata: {namespace: shop}\nspec: {a: 'x/app-4h2mbtbbt6/y', b: [\"--c=app-4h2mbtbbt6\"]}\n",
        "kind: Pod\nmetadata: {namespace: shop}\nspec:\n  a: | # c\n    one app-4h2mbtbbt6\n    {\"n\": \"app-4h2mbtbbt6\"}\n  b: >-\n    app-4h2mbtbbt6\n    app-4h2mbtbbt6\n",
        "kind: Pod\r\nmetadata: {namespace: shop}\r\nspec:\r\n  a: app-4h2mbtbbt6\r\n  b: |\r\n    app-4h2mbtbbt6\r\n",
        "kind: Pod\nmetadata: {namespace: shop}\nspec: {a: &n app-4h2mbtbbt6, b: *n}\n",
        "{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"shop\"},\"a\":\"app-4h2mbtbbt6\"}\n",
        "kind: ClusterRole\napiVersion: rbac.authorization.k8s.io/v1\nrules: [{resourceNames: [app-4h2mbtbbt6]}]\n",
        "kind: ClusterIssuer\napiVersion: cert-manager.io/v1\nspec: {ref: {name: app-4h2mbtbbt6}}\n",
        "kind: List\nitems:\n- kind: Pod\n  metadata: {namespace: shop}\n  a: app-4h2mbtbbt6\n",
    ] {
        let expected = rest
            .replace("# app-4h2mbtbbt6", "# COMMENT")
            .replace("4h2mbtbbt6", NEW)
            .replace("# COMMENT", "# app-4h2mbtbbt6");
        assert_eq!(with(rest), expected);
    }
}

#[test]
fn escaped_references_are_updated() {
    let pod = |value: &str| format!("kind: Pod\nmetadata: {{namespace: shop}}\na: {value}\n");
    for (old, new) in [
        ("\"app\\x2d4h2mbtbbt6\"", "\"app-bdk9b956b4\""),
        ("\"x\\napp-4h2mbtbbt6\"", "\"x\\napp-bdk9b956b4\""),
        ("\"app-4h2\\\n  mbtbbt6\"", "\"app-bdk9b956b4\""),
    ] {
        assert_eq!(with(&pod(old)), pod(new));
    }
}

#[test]
fn a_name_that_would_become_a_number_is_quoted() {
    let before = BEFORE.replace("app-4h", "1e-4h");
    let after =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 1e-4h2mbtbbt6}\ndata: {a: NUMBER}\n";
    // 4 of 10^6 hashes consist of decimal digits; this content has one
    let value = (0..2_000_000_u32)
        .map(|number| number.to_string())
        .find(|number| {
            let text = after.replace("NUMBER", &format!("\"{number}\""));
            let document = Document::read(&text, &Clock::default()).unwrap().unwrap();
            let hash = content::hash(&document.tree, document.root).unwrap();
            hash.bytes().all(|byte| byte.is_ascii_digit())
        })
        .unwrap();
    let after = after.replace("NUMBER", &format!("\"{value}\""));
    let out = renamed(&before.replace(", namespace: shop", ""), &after);
    let name = out.split("name: ").nth(1).unwrap();
    assert!(name.starts_with("\"1e-"), "{out}");
}

#[test]
fn longer_words_keys_and_other_names_stay() {
    for rest in [
        "kind: Pod\nmetadata: {namespace: shop}\na: [xapp-4h2mbtbbt6, app-4h2mbtbbt6.example, app-4h2mbtbbt6-x, my.app-4h2mbtbbt6]\n",
        "kind: Pod\nmetadata: {namespace: shop}\na: {app-4h2mbtbbt6: x}\n",
        "kind: Secret\nmetadata: {namespace: shop, name: app-4h2mbtbbt6}\n",
        "kind: Pod\nmetadata: {namespace: other}\na: app-4h2mbtbbt6\n",
        "kind: Pod\nmetadata: {}\na: app-4h2mbtbbt6\n",
        "kind: Pod\napiVersion: x.example/v1\nmetadata: {namespace: other}\na: app-4h2mbtbbt6\n",
        "kind: ConfigMap\nmetadata: {namespace: shop, name: x}\ndata: {a: app-4h2mbtbbt}\n",
    ] {
        assert_eq!(with(rest), rest);
    }
}

#[test]
fn a_missing_namespace_means_default() {
    let (old, new) = (", namespace: shop", "");
    for pod in [
        "kind: Pod\na: app-4h2mbtbbt6\n",
        "kind: Pod\nmetadata: {namespace: default}\na: app-4h2mbtbbt6\n",
    ] {
        let before = format!("{}---\n{pod}", BEFORE.replace(old, new));
        let after = format!("{}---\n{pod}", resolved().replace(old, new));
        assert_eq!(renamed(&before, &after), after.replace("4h2mbtbbt6", NEW));
    }
}

/// Objects in two namespaces that had the same name and now have different ones.
fn two(rest: &str) -> (String, String) {
    let other = |text: &str| text.replace("namespace: shop", "namespace: other");
    let third = other(BEFORE).replace("data: {a: b}", "data: {a: \"secret value\"}");
    (
        format!("{BEFORE}---\n{}---\n{rest}", other(BEFORE)),
        format!("{}---\n{third}---\n{rest}", resolved()),
    )
}

#[test]
fn names_refer_to_their_own_namespace() {
    let (before, after) = two(
        "kind: Pod\nmetadata: {namespace: shop}\na: app-4h2mbtbbt6\n---\nkind: Pod\nmetadata: {namespace: other}\na: app-4h2mbtbbt6\n",
    );
    let out = renamed(&before, &after);
    let pods: Vec<_> = out.split("kind: Pod").skip(1).collect();
    assert!(pods[0].contains(NEW), "{out}");
    assert!(
        !pods[1].contains(NEW) && !pods[1].contains("4h2mbtbbt6"),
        "{out}"
    );
    // a cluster-scoped object names the namespace
    let (before, after) = two(
        "kind: Node\napiVersion: v1\nspec: {configSource: {configMap: {name: app-4h2mbtbbt6, namespace: shop}}}\n",
    );
    assert!(renamed(&before, &after).ends_with("{name: app-bdk9b956b4, namespace: shop}}}\n"));
}

#[test]
fn an_ambiguous_name_is_an_error() {
    let role = "kind: ClusterRole\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: r}\nrules:\n- resourceNames: [app-4h2mbtbbt6]\n";
    let (before, after) = two(role);
    let text = refused(&before, &after);
    assert!(
        text.starts_with(
            "error: ClusterRole r rules[0].resourceNames[0]: the name of a generated object"
        ),
        "{text}"
    );
    assert!(!text.contains("secret value"), "{text}");
}

#[test]
fn names_inside_secret_values_stay() {
    let pod = "kind: Pod\nmetadata: {namespace: shop}\na: VALUE\nb: app-4h2mbtbbt6\n";
    let before = format!("{BEFORE}---\n{}", pod.replace("VALUE", "<path:kv/a#b>"));
    let value = "\"the app-4h2mbtbbt6 of a secret\"";
    let after = format!("{}---\n{}", resolved(), pod.replace("VALUE", value));
    let out = renamed(&before, &after);
    assert!(
        out.ends_with(&format!("a: {value}\nb: app-{NEW}\n")),
        "{out}"
    );
}

/// The edit that puts the resolved content into the ConfigMap at the start of a stream.
fn resolving(text: &str) -> Splice {
    let (old, new) = ("{a: b}", "{k: \"<&>\"}\nbinaryData: {b: /w==}");
    let start = text.find(old).unwrap();
    let end = start + old.len();
    Splice::new(Span { start, end }, new.to_owned())
}

/// The renamed value of a scalar with a placeholder. `OLD` is the old name of the ConfigMap, `NEW` the new one; the
/// parts of `value` in brackets are from the manifest, the others from the secret.
#[track_caller]
fn renamed_value(value: &str) -> String {
    let before = format!(
        "{BEFORE}---\nkind: Pod\nmetadata: {{namespace: shop}}\na: <path:kv/a#b>\nb: app-4h2mbtbbt6\n"
    );
    let (mut text, mut kept) = (String::new(), Vec::new());
    for (index, piece) in value
        .replace("OLD", "app-4h2mbtbbt6")
        .split(['[', ']'])
        .enumerate()
    {
        if index % 2 == 1 {
            kept.push(text.len()..text.len() + piece.len());
        }
        text.push_str(piece);
    }
    let placeholder = "<path:kv/a#b>";
    let start = before.find(placeholder).unwrap();
    let span = Span {
        start,
        end: start + placeholder.len(),
    };
    let text = format!("'{text}'");
    let out = renamed_by(
        &before,
        &[
            resolving(&before),
            Splice {
                kept,
                ..Splice::new(span, text)
            },
        ],
    );
    assert!(out.ends_with("\nb: app-bdk9b956b4\n"), "{out}");
    let value = out.split('\'').nth(1).unwrap();
    value
        .replace("app-4h2mbtbbt6", "OLD")
        .replace("app-bdk9b956b4", "NEW")
}

#[test]
fn only_names_from_the_manifest_are_updated() {
    for (value, expected) in [
        ("OLD", "OLD"),
        ("[x ]OLD", "x OLD"),
        ("[OLD ]OLD", "NEW OLD"),
        ("OLD[ OLD]", "OLD NEW"),
        ("OLD[/OLD/]OLD[ OLD]", "OLD/NEW/OLD NEW"),
        ("[app-]4h2mbtbbt6", "OLD"),
        ("app[-4h2mbtbbt6]", "OLD"),
        ("[app-4h2][mbtbbt6]", "OLD"),
        ("[OLD]x", "NEWx"),
        ("x[OLD]", "xNEW"),
        ("[OLD]", "NEW"),
        ("[OLD]OLD[OLD]", "NEWOLDNEW"),
        ("[OLD][ x]", "NEW x"),
        ("[xOLD]", "xOLD"),
        ("[OLD-]x", "OLD-x"),
        ("[x]OLD", "xOLD"),
    ] {
        assert_eq!(renamed_value(value), expected, "{value}");
    }
}

#[test]
fn a_new_name_in_data_does_not_change_the_hash_of_its_object() {
    // kustomize hashes everything before it fixes a reference
    let second = |hash: &str, value: &str, name: &str| {
        format!(
            "kind: ConfigMap\nmetadata: {{namespace: shop, name: x-{hash}}}\ndata: {{a: \"{value}\", b: {name}}}\n"
        )
    };
    let hash = |value| {
        let text = second("x", value, "app-4h2mbtbbt6");
        let document = Document::read(&text, &Clock::default()).unwrap().unwrap();
        content::hash(&document.tree, document.root).unwrap()
    };
    let (old, new) = (hash("<path:kv/a#b>"), hash("value"));
    let before = second(&old, "<path:kv/a#b>", "app-4h2mbtbbt6");
    let after = second(&old, "value", "app-4h2mbtbbt6");
    let out = renamed(
        &format!("{BEFORE}---\n{before}"),
        &format!("{}---\n{after}", resolved()),
    );
    assert!(
        out.ends_with(&second(&new, "value", "app-bdk9b956b4")),
        "{out}"
    );
}

/// The outcome for a stream of the ConfigMap and double-quoted scalars, each with one placeholder and some text after
/// it; the secret value is `v`.
#[track_caller]
fn with_values(before: &str) -> String {
    let out = filled(before, vec![resolving(before)]);
    out.replace(&resolving(before).text, "{a: b}")
}

/// As [`with_values`], with further edits.
#[track_caller]
fn filled(before: &str, mut edits: Vec<Splice>) -> String {
    let placeholder = "<path:kv/a#b>";
    for (at, _) in before.match_indices(placeholder) {
        let start = before[..at].rfind('"').unwrap();
        let end = at + before[at..].find('"').unwrap();
        let (head, tail) = (&before[start + 1..at], &before[at + placeholder.len()..end]);
        let after = head.len() + 1;
        let kept = [0..head.len(), after..after + tail.len()];
        let end = end + 1;
        edits.push(Splice {
            span: Span { start, end },
            text: format!("\"{head}v{tail}\""),
            kept: kept.into_iter().filter(|part| !part.is_empty()).collect(),
            values: vec![0],
        });
    }
    edits.sort_by_key(|edit| edit.span.start);
    renamed_by(before, &edits)
}

#[test]
fn a_name_keeps_the_value_it_contains() {
    for name in ["<path:kv/a#b>", "x<path:kv/a#b>-y"] {
        let before = format!(
            "{BEFORE}---\nkind: Pod\nmetadata: {{namespace: shop}}\na: app-4h2mbtbbt6\nb: '/app-4h2mbtbbt6 z'\n"
        );
        let before = before
            .replace("app-4h2mbtbbt6", &format!("\"{name}-4h2mbtbbt6\""))
            .replace("'/\"", "\"/")
            .replace("\" z'", " z\"");
        let expected = before
            .replace("<path:kv/a#b>", "v")
            .replace("4h2mbtbbt6", NEW);
        assert_eq!(with_values(&before), expected);
    }
}

/// The same text with another part from the secret, or within a longer name, is not a reference.
#[test]
fn the_same_text_with_other_parts_from_a_secret_is_not_a_reference() {
    let check = |name: &str, others: &str| {
        let map = BEFORE.replace("app", "\"NAME").replace("bt6,", "bt6\",");
        let text = |text: &str| text.replace("NAME", name).replace("HASH", "4h2mbtbbt6");
        let pod = format!("---\nkind: Pod\nmetadata: {{namespace: shop}}\n{others}");
        let expected = format!("{}{pod}", map.replace("4h2mbtbbt6", NEW));
        let out = with_values(&text(&format!("{map}{pod}")));
        assert_eq!(out, text(&expected).replace("<path:kv/a#b>", "v"));
    };
    check(
        "x<path:kv/a#b>-y",
        "a: xv-y-HASH
b: \"z xv<path:kv/a#b>-y-HASH\"
c: \"zNAME-HASH\"
d: \"NAME-HASH-z\"
e: \"xv-y-HASH <path:kv/a#b>\"
",
    );
    check(
        "<path:kv/a#b>",
        "a: v-HASH\nb: \"x<path:kv/a#b>-HASH\"\nc: \"v-HASH/<path:kv/a#b>\"\nd: \"NAME-HASH.y\"\n",
    );
}

/// One name can be the end of another; both objects had the same content before, but not now.
#[test]
fn the_longest_matching_name_wins() {
    let map = |name: &str| BEFORE.replace("app-4h2mbtbbt6", &format!("\"{name}-4h2mbtbbt6\""));
    let before = format!(
        "{}---\n{}---\nkind: Pod\nmetadata: {{namespace: shop}}\na: \"<path:kv/a#b>app-4h2mbtbbt6\"\nb: \"<path:kv/a#b>/app-4h2mbtbbt6\"\n",
        map("<path:kv/a#b>app"),
        map("app"),
    );
    let content = |start: usize, text: &str| {
        let end = start + "{a: b}".len();
        Splice::new(Span { start, end }, text.to_owned())
    };
    let (first, last) = (before.find("{a: b}"), before.rfind("{a: b}"));
    let edits = vec![
        content(first.unwrap(), "{a: other}"),
        content(last.unwrap(), &resolving(&before).text),
    ];
    let out = filled(&before, edits);
    let name = out.split('"').nth(1).unwrap();
    assert!(name.starts_with("vapp-") && !name.ends_with("4h2mbtbbt6") && !name.ends_with(NEW));
    let pod = format!("a: \"{name}\"\nb: \"v/app-{NEW}\"\n");
    assert!(out.ends_with(&pod), "{out}");
}

#[test]
fn streams_with_different_numbers_of_documents_are_an_error() {
    let text = refused(BEFORE, &format!("{}---\na: b\n", resolved()));
    assert!(text.contains("do not match"), "{text}");
}

#[test]
fn many_references_take_linear_time() {
    let time = |count: usize| {
        let rest = "kind: Pod\nmetadata: {namespace: shop}\na: [app-4h2mbtbbt6, \"app-4h2mbtbbt6\"]\n---\n".repeat(count);
        let before = format!("{BEFORE}---\n{rest}");
        let after = format!("{}---\n{rest}", resolved());
        let edits = edits(&before, &after);
        let start = std::time::Instant::now();
        let renamed = rename(&before, &after, &edits, &Clock::default());
        assert_eq!(renamed.findings, []);
        assert_eq!(renamed.splices.len(), 2 * count + 1);
        start.elapsed()
    };
    let least = |count| (0..5).map(|_| time(count)).min().unwrap();
    let (few, many) = (least(500), least(5_000));
    assert!(many < few * 40, "{few:?} for 1,000, {many:?} for 10,000");
}
