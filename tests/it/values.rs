//! Tests values that the golden cases cannot cover: a whole secret as the data of a Secret with each command, also
//! under a policy, maps in every style, and values that stay without quotes.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_yaml::Value;

use crate::governed::Governed;
use crate::support::{
    EXEC, Output, documents, gitops_fn, kustomize_build, path_with, root, run, temp_dir, tool,
    write_files,
};

const SECRETS: &str =
    "kv/shop/web: {PASSWORD: 'value-\"p\"', PORT: 5432, ca.crt: \"value\\nof two\"}\n";

/// A Secret that takes all keys.
const ALL: &str =
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: all\nstringData: <path:kv/shop/web#*>\n";

/// What it becomes, between quotes or without.
fn all_keys(text: &str) {
    let [object] = &documents(text)[..] else {
        panic!("{text}");
    };
    let expected = "{PASSWORD: 'value-\"p\"', PORT: '5432', ca.crt: \"value\\nof two\"}";
    let expected: Value = serde_yaml::from_str(expected).unwrap();
    assert_eq!(object["stringData"], expected, "{text}");
}

fn in_folder(folder: &Path, args: &[&str], stdin: &str) -> Output {
    let mut command = gitops_fn();
    command.args(args).current_dir(folder);
    command.env("VAULT_ADDR", "file:secrets.yaml");
    if let Some(kustomize) = tool("kustomize") {
        command.env("PATH", path_with(&[kustomize.parent().unwrap()]));
    }
    run(&mut command, stdin)
}

#[test]
fn all_keys_of_a_secret_come_through_a_pipe_and_through_builds() {
    let folder = temp_dir();
    let files = [
        ("secrets.yaml", SECRETS),
        ("plain/all.yaml", ALL),
        ("kustomized/all.yaml", ALL),
        ("kustomized/kustomization.yaml", "resources: [all.yaml]\n"),
    ];
    write_files(folder.path(), &files);
    all_keys(
        in_folder(folder.path(), &["render", "-"], ALL)
            .success()
            .text(),
    );
    all_keys(
        in_folder(folder.path(), &["build", "plain"], "")
            .success()
            .text(),
    );
    if tool("kustomize").is_some() {
        all_keys(
            in_folder(folder.path(), &["build", "kustomized"], "")
                .success()
                .text(),
        );
    }
}

/// kustomize fails at a map where a text has been, and prints it: so it never gets one.
#[test]
fn kustomize_never_sees_the_map() {
    let folder = temp_dir();
    let release = "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nmetadata:\n  name: r\n  annotations:\n    config.kubernetes.io/function: \"exec: {path: gitops-fn}\"\n";
    for field in [
        "stringData: <path:kv/shop/web#*>",
        "data: <path:kv/shop/web#*>",
    ] {
        let secret = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: all}}\n{field}\n");
        let files = [
            ("secrets.yaml", SECRETS),
            ("all.yaml", &secret),
            ("release.yaml", release),
            (
                "kustomization.yaml",
                "resources: [all.yaml]\ntransformers: [release.yaml]\n",
            ),
        ];
        write_files(folder.path(), &files);
        let env = [("VAULT_ADDR", "file:secrets.yaml")];
        let Some(output) = kustomize_build(folder.path(), EXEC, &env) else {
            return;
        };
        let output = output.code(1);
        assert!(!output.stderr.contains("value"), "{}", output.stderr);
        assert!(output.stderr.contains("Secret all "), "{}", output.stderr);
    }
}

/// A policy with the secret, on a machine of its own.
fn governed(sinks: &str, manifest: &str) -> Option<Output> {
    let policy = format!(
        "apiVersion: gitops-fn.dev/v1alpha1\nkind: Policy\nmetadata: {{name: test}}\nspec:\n  store: file\n  mounts: [{{path: kv, version: 2}}]\n  allow:\n  - {{name: all, paths: ['kv/shop/**']}}\n{sinks}"
    );
    let machine = Governed::new(&policy)?;
    write_files(machine.folder(), &[("secrets.yaml", SECRETS)]);
    let mut command = machine.gitops_fn();
    command.args(["render", "-"]).current_dir(machine.folder());
    command.env("VAULT_ADDR", "file:secrets.yaml");
    Some(run(&mut command, manifest))
}

#[test]
fn under_a_policy_each_value_is_judged_where_it_will_be() {
    let Some(output) = governed("", ALL) else {
        return;
    };
    all_keys(output.success().text());
    let beside = format!(
        "{ALL}data: {{a: <path:kv/shop/web#PORT | base64encode>}}\ntype: Opaque\n---\n{ALL}"
    );
    let output = governed("", &beside).unwrap().success();
    assert_eq!(documents(output.text()).len(), 2);
    let config = ALL
        .replace("Secret", "ConfigMap")
        .replace("stringData", "data");
    let sinks =
        |field| format!("  sinks:\n  - {{apiVersion: v1, kind: ConfigMap, fields: [{field}]}}\n");
    for (sinks, allowed) in [
        (String::new(), false),
        (sinks("data/*"), true),
        // one key of many is not enough, and the field itself is none of them
        (sinks("data/PORT"), false),
        (sinks("data"), false),
    ] {
        let output = governed(&sinks, &config).unwrap();
        assert!(!output.stderr.contains("value"), "{}", output.stderr);
        assert_eq!(output.code == 0, allowed, "{sinks}{}", output.stderr);
        if !allowed {
            let said = "ConfigMap all data <path:kv/shop/web#*>: the policy allows no secret in this field";
            assert!(output.stderr.contains(said), "{}", output.stderr);
        }
    }
}

#[test]
fn under_a_policy_nothing_is_told_of_a_value_that_is_no_map() {
    for manifest in [
        ALL.replace("stringData", "data"),
        ALL.replace('<', "x <"),
        ALL.replace("#*", "#* | default 'x'").replace("web", "none"),
    ] {
        let Some(output) = governed("", &manifest) else {
            return;
        };
        let output = output.code(1);
        let said = "a value is not what its place or its modifiers need";
        assert!(output.stderr.contains(said), "{}", output.stderr);
        assert!(!output.stderr.contains("map"), "{}", output.stderr);
    }
    // whether it is one would be told by its keys
    for key in [
        "#PORT",
        "#* | jsonParse",
        "#PORT | default '{}' | jsonParse",
    ] {
        let output = governed("", &ALL.replace("#*", key)).unwrap().code(1);
        let said = "the policy lets no value become keys";
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
    for metadata in ["labels", "annotations"] {
        let manifest = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  {metadata}: <path:kv/shop/web#*>\n"
        );
        let output = governed("", &manifest).unwrap().code(1);
        let said = "the policy never allows a secret in metadata";
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
}

/// The example of the pages, both ways.
#[test]
fn build_and_kustomize_agree_byte_for_byte() {
    let overlay = root().join("examples/kustomize/overlay");
    let Some(kustomize) = tool("kustomize") else {
        return;
    };
    let store = format!(
        "file:{}",
        root().join("examples/kustomize/secrets.yaml").display()
    );
    let both = |mode| {
        let env = [("VAULT_ADDR", store.as_str()), ("GITOPS_FN_SECRETS", mode)];
        let kustomized = kustomize_build(&overlay, EXEC, &env).unwrap().success();
        let mut ours = gitops_fn();
        ours.arg("build").arg(&overlay).envs(env);
        ours.env("PATH", path_with(&[kustomize.parent().unwrap()]));
        let built = run(&mut ours, "").success();
        (kustomized.text().to_owned(), built.text().to_owned())
    };
    let (kustomized, built) = both("keep");
    assert_eq!(built, kustomized);
    let (resolved, built_resolved) = both("resolve");
    // secrets alone are between quotes
    let mut secrets = 0;
    for ((theirs, ours), kept) in resolved
        .lines()
        .zip(built_resolved.lines())
        .zip(built.lines())
    {
        if ours != theirs {
            assert_ne!(ours, kept);
            assert_eq!(ours.replacen('"', "", 2), theirs);
            secrets += 1;
        }
    }
    assert_eq!(resolved.lines().count(), built_resolved.lines().count());
    assert!(secrets > 0);
}

#[test]
fn a_document_that_becomes_too_deep_is_no_fault_of_ours() {
    let folder = temp_dir();
    let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let secrets = format!("kv/a: {{map: '{}'}}\n", nested(400));
    write_files(folder.path(), &[("secrets.yaml", &secrets)]);
    for (levels, code) in [(600, 0), (624, 0), (625, 1), (1_000, 1)] {
        let spec = nested(levels).replace('1', "<path:kv/a#map | jsonParse>");
        let widget = format!(
            "apiVersion: example.com/v1\nkind: Widget\nmetadata: {{name: w}}\nspec: {spec}\n"
        );
        let output = in_folder(folder.path(), &["render", "-"], &widget).code(code);
        assert!(
            !output.stderr.contains("fault"),
            "{levels} {}",
            output.stderr
        );
        if code == 1 {
            let said = "nests lists and maps more than 1,024 deep";
            assert!(output.stderr.contains(said), "{levels} {}", output.stderr);
            assert!(
                output.stderr.contains("Widget w spec."),
                "{levels} {}",
                output.stderr
            );
        }
    }
    // what is written around an annotation counts too
    let mut list = "apiVersion: v1\nkind: ConfigMap".to_owned();
    for _ in 0..511 {
        list = format!(
            "apiVersion: v1\nkind: List\nitems: [{{{}}}]",
            list.replace('\n', ", ")
        );
    }
    let mut command = gitops_fn();
    command.args(["render", "-"]).env("APP_REPO", "acme/shop");
    let output = run(&mut command, format!("{list}\n"));
    assert!(!output.stderr.contains("fault"), "{}", output.stderr);
}

/// How a field is written; `@` is the placeholder.
const STYLES: [&str; 14] = [
    "stringData: @",
    "stringData: @ # c",
    "stringData:   '@'   ",
    "\"stringData\": \"@\"",
    "stringData:\n  @",
    "stringData: # c\n      @ # d",
    "stringData: # c\n\n  # d\n  \"@\"\n\n",
    "stringData: &a @",
    "stringData:\n  &a @",
    "stringData: &a\n    @",
    "? stringData\n: @",
    "? stringData # c\n: # d\n  @",
    "stringData:\t@\t# c",
    "stringData: >-\n  @",
];

/// The text around a field.
const FRAMES: [&str; 6] = [
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n@\n",
    "@\napiVersion: v1\nkind: Secret\nmetadata:\n    name: s\n",
    "# c\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n@\ntype: Opaque\n...\n",
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n  @\n",
    "apiVersion: v1\nkind: List\nitems:\n  -   @\n      apiVersion: v1\n      kind: Secret\n      metadata: {name: s}\n",
    "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: \"<path:kv/a#map>\"}]\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever the map and wherever it is put, two other readers find just its entries, and nothing else changes.
    #[test]
    fn a_map_is_read_as_it_is_stored(
        entries in prop::collection::btree_map("[-._a-zA-Z0-9]{0,4}[a-zA-Z0-9]|null|true|1e3|0x1|-|~?1", "\\PC{0,8}|[ -~\n\t\r]{0,12}", 0..5),
        style in prop::sample::select(&STYLES[..]),
        frame in prop::sample::select(&FRAMES[..]),
        crlf in any::<bool>(),
    ) {
        let entries: BTreeMap<_, _> = entries.into_iter().filter(|(key, _)| !key.contains('~') && !key.starts_with("..")).collect();
        let folder = temp_dir();
        let store = BTreeMap::from([("kv/a", BTreeMap::from([("map", &entries)]))]);
        let secrets = serde_yaml::to_string(&store).unwrap();
        write_files(folder.path(), &[("secrets.yaml", &secrets)]);
        let indent = frame.lines().find_map(|line| line.find('@')).unwrap_or(0);
        let field = style.replace('@', "<path:kv/a#map>").replace('\n', &format!("\n{}", " ".repeat(indent)));
        let mut input = frame.replace('@', &field);
        if crlf {
            input = input.replace('\n', "\r\n");
        }
        let output = in_folder(folder.path(), &["render", "-"], &input);
        prop_assert_eq!(output.code, 0, "{}\n{}", input, output.stderr);
        let mut object = documents(output.text()).remove(0);
        if let Some(items) = object.get("items") {
            object = items[0].clone();
        }
        let expected = serde_yaml::to_value(&entries).unwrap();
        prop_assert_eq!(&object["stringData"], &expected, "{}", output.text());
        prop_assert_eq!(&object["metadata"]["name"], "s");
        for comment in ["# c", "# d"] {
            prop_assert_eq!(input.matches(comment).count(), output.text().matches(comment).count(), "{}", output.text());
        }
        if crlf {
            let alone = output.text().replace("\r\n", "");
            prop_assert!(!alone.contains('\n'), "{}", output.text());
        }
    }
}
