//! The page's list of failures: each message comes out of the real program, with the exit code that the
//! list gives, from an input that is kept here.

use super::{TROUBLESHOOTING, code, page, table};
use crate::support::{gitops_fn, run, temp_dir, write_files};

/// One row: its message, where `…` stands for anything, and what brings it about.
struct Failure {
    message: &'static str,
    exit: i32,
    stdin: Vec<u8>,
    /// `render -f release.yaml -` with this configuration; `None`: without one.
    release: Option<String>,
    /// Arguments instead of `render -`.
    args: Option<&'static [&'static str]>,
    env: &'static [(&'static str, &'static str)],
}

const STORE: &str =
    "kv/shop/web: {password: s3cr3t, map: {a: 1}, json: '{\"a b\": 1}', odd: \"x\\x7f\"}\n";
const FILE: &[(&str, &str)] = &[("VAULT_ADDR", "file:secrets.yaml")];

fn failure(message: &'static str, exit: i32, stdin: impl Into<Vec<u8>>) -> Failure {
    Failure {
        message,
        exit,
        stdin: stdin.into(),
        release: None,
        args: None,
        env: FILE,
    }
}

impl Failure {
    fn env(self, env: &'static [(&'static str, &'static str)]) -> Self {
        Self { env, ..self }
    }

    fn args(self, args: &'static [&'static str]) -> Self {
        Self {
            args: Some(args),
            ..self
        }
    }

    fn release(self, spec: &str) -> Self {
        Self {
            release: Some(spec.to_owned()),
            ..self
        }
    }
}

/// A Secret with this text in `stringData`.
fn secret(text: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: web}}\nstringData:\n  v: {text}\n")
}

/// A Secret with this text as its `stringData`.
fn whole(text: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: web}}\nstringData: {text}\n")
}

/// An object that takes a list of 400 levels 700 levels down.
fn too_deep() -> String {
    let list = |levels: usize, inside: &str| {
        format!("{}{inside}{}", "[".repeat(levels), "]".repeat(levels))
    };
    let text = format!(
        "<path:kv/shop/web#none | default '{}' | jsonParse>",
        list(400, "")
    );
    let spec = list(700, &format!("\"{text}\""));
    format!("apiVersion: example.com/v1\nkind: Widget\nmetadata: {{name: a}}\nspec: {spec}\n")
}

/// An object with this annotation.
fn annotated(kind: &str, annotation: &str) -> String {
    format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: a, annotations: {{{annotation}}}}}\n")
}

/// A ResourceList of one ConfigMap.
fn list(annotations: &str, text: &str) -> String {
    format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: a, annotations: {{{annotations}}}}}\n  data: {{v: \"{text}\"}}\n"
    )
}

/// In the order of the page.
fn failures() -> Vec<Failure> {
    let mut all = inputs();
    all.extend(stores());
    all.extend(placeholders());
    all.extend(leftovers());
    all.extend(misused());
    all.extend(objects());
    all.extend(configurations());
    all
}

fn inputs() -> Vec<Failure> {
    vec![
        failure("the input is empty", 1, "---\n# nothing\n"),
        failure("no Kubernetes objects were found", 1, "").args(&["render", "values"]),
        failure(
            "is not a Kubernetes object: it has neither apiVersion nor kind",
            1,
            "",
        )
        .args(&["render", "--strict", "values"]),
        failure("stdin is not UTF-8 text", 1, b"kind: \xe9\n"),
        failure("not valid YAML at line …", 1, "kind: Secret\n  x: [\n"),
        failure(
            "line … is not valid YAML, though Kubernetes can read it",
            0,
            secret("\"it\\'s\""),
        ),
        failure("has no kind", 1, "a: <path:kv/shop/web#password>\n"),
        failure("standard input is not a ResourceList", 1, secret("x")).args(&[]),
        failure(
            "the manifests were not done before the deadline (transient)",
            3,
            // even to read so much takes longer
            format!("{}#{}\n", secret("x"), "x".repeat(16 << 20)),
        )
        .env(&[("GITOPS_FN_TIMEOUT", "1ms")]),
    ]
}

fn stores() -> Vec<Failure> {
    let wanted = || secret("<path:kv/shop/web#password>");
    vec![
        failure("no secret store is configured", 2, wanted()).env(&[]),
        failure("the connection to … was refused (transient)", 3, wanted()).env(&[
            ("VAULT_ADDR", "http://127.0.0.1:1"),
            ("VAULT_TOKEN", "x"),
            ("GITOPS_FN_TIMEOUT", "1s"),
        ]),
        failure(
            "cannot use the secret store file …: no such file",
            2,
            wanted(),
        )
        .env(&[("VAULT_ADDR", "file:nosuch.yaml")]),
        failure("the secret store file … is malformed: line …", 2, wanted())
            .env(&[("VAULT_ADDR", "file:malformed.yaml")]),
        failure(
            "there is no secret …",
            1,
            secret("<path:kv/shop/nosuch#password>"),
        ),
        failure(
            "the secret has no such key (missing Vault value)",
            1,
            secret("<path:kv/shop/web#nosuch>"),
        ),
        failure(
            "there is no version … of secret …",
            1,
            secret("<path:kv/shop/web#password#7>"),
        ),
    ]
}

fn placeholders() -> Vec<Failure> {
    vec![
        failure(
            "the placeholder at character … names no #key",
            1,
            secret("<path:kv/shop/web>"),
        ),
        failure(
            "the placeholder at character … is not closed with >",
            1,
            secret("<path:kv/shop/web#password"),
        ),
    ]
}

fn leftovers() -> Vec<Failure> {
    vec![
        failure(
            "the escape <!path: counts in values alone",
            0,
            secret("!local <!path:filename>"),
        ),
        failure(
            "looks like a misspelt placeholder",
            0,
            secret("<PATH:kv/shop/web#password>"),
        ),
        failure(
            "looks like a percent-encoded placeholder",
            0,
            secret("a%3Cpath%3Akv/shop/web%23password%3E"),
        ),
        failure(
            "looks like base64 of a placeholder",
            0,
            secret("Basic PHBhdGg6a3Yvc2hvcC93ZWIjcGFzc3dvcmQ+"),
        ),
        failure(
            "with its value the text is no longer valid YAML",
            0,
            secret("'user: <path:kv/shop/web#json>x'"),
        ),
        failure(
            "with its value the text is no longer valid JSON",
            0,
            secret(r#"'{"password": "<path:kv/shop/web#json>"}'"#),
        ),
        failure(
            "looks like a placeholder with an odd key",
            0,
            secret("<user name>").replace(
                "name: web",
                "name: web, annotations: {avp.kubernetes.io/path: kv/shop/web}",
            ),
        ),
        failure(
            "a placeholder in an annotation of kustomize and kpt",
            0,
            annotated("Widget", "config.k8s.io/id: <path:kv/shop/web#password>"),
        ),
    ]
}

fn misused() -> Vec<Failure> {
    vec![
        failure(
            "has a version that is not a whole number",
            1,
            secret("<path:kv/shop/web#password#latest>"),
        ),
        failure(
            "invalid modifier: …",
            1,
            secret("<path:kv/shop/web#password | Base64Encode>"),
        ),
        failure(
            "invalid datatype map, expected string",
            1,
            secret("<path:kv/shop/web#map | base64encode>"),
        ),
        failure(
            "the result is not base64, as a Secret's data has to be",
            1,
            secret("<path:kv/shop/web#password>").replace("stringData", "data"),
        ),
        failure(
            "the result is not a map, which this field has to be",
            1,
            whole("<path:kv/shop/web#password>"),
        ),
        failure(
            "the map has a key that cannot be one of data",
            1,
            whole("<path:kv/shop/web#json | jsonParse>"),
        ),
        failure(
            "indent: needs a number inside a JSON text",
            1,
            secret(r#"'{"a": "\u003cpath:kv/shop/web#password | indent\u003e"}'"#),
        ),
        failure(
            "the document nests lists and maps more than 1,024 deep",
            1,
            too_deep(),
        ),
        failure(
            "the path is disallowed by AVP_PATH_VALIDATION restriction",
            1,
            secret("<path:kv/shop/web#password>"),
        )
        .env(&[
            ("VAULT_ADDR", "file:secrets.yaml"),
            ("AVP_PATH_VALIDATION", "^kv/other/"),
        ]),
        failure(
            "only KV secrets are read",
            1,
            secret("<path:auth/token/lookup-self#id>"),
        ),
        failure(
            "a placeholder in a map key, or under a merge key, is not replaced",
            1,
            secret("x\n  <path:kv/shop/web#password>: x"),
        ),
    ]
}

fn objects() -> Vec<Failure> {
    vec![
        failure(
            "Unsupported kvVersion specified",
            1,
            annotated("Secret", "avp.kubernetes.io/kv-version: '3'"),
        ),
        failure(
            "is neither true nor false",
            1,
            annotated("Secret", "avp.kubernetes.io/ignore: 'yes'"),
        ),
        failure(
            "annotation can only be used on Secret or ConfigMap resources",
            1,
            annotated("Pod", "avp.kubernetes.io/remove-missing: 'true'"),
        ),
        failure(
            "resolving it here would write the secret into a file of your working tree",
            1,
            list(
                "internal.config.kubernetes.io/path: a.yaml",
                "<path:kv/shop/web#password>",
            ),
        )
        .args(&[]),
        failure(
            "a character (DEL, …) at which kustomize fails and prints the whole object",
            1,
            list("", "<path:kv/shop/web#odd>"),
        )
        .args(&[]),
        failure(
            "the value is shared through an anchor",
            1,
            "kind: Secret\nmetadata: {name: a}\nstringData: &d {v: '<path:kv/shop/web#password>'}\ndata: *d\n",
        ),
        failure(
            "the key stands twice in its mapping",
            1,
            "kind: Secret\nmetadata: {name: a}\nstringData: {v: x}\nstringData: {v: '<path:kv/shop/web#password>'}\n",
        ),
    ]
}

fn configurations() -> Vec<Failure> {
    vec![
        failure("no image matched spec.images[…]", 1, secret("x"))
            .release("{images: [{name: nginx, newTag: '2', required: true}]}"),
        failure("unknown field", 2, secret("x")).release("{images: [{name: nginx, newtag: '2'}]}"),
        failure(
            "more than 1,000 images, field specs and selectors",
            2,
            secret("x"),
        )
        .release(&format!(
            "{{images: [{}]}}",
            "{name: nginx, newTag: '2'}, ".repeat(1_001)
        )),
        failure("a number where a string is expected", 2, secret("x"))
            .release("{images: [{name: nginx, newTag: 1.10}]}"),
        failure("the variable … is not set", 2, secret("x"))
            .release("{images: [{name: nginx, newTag: \"${IMAGE_TAG}\"}]}"),
        failure("the variable … may not be used here", 2, secret("x"))
            .release("{images: [{name: nginx, newTag: \"${VAULT_TOKEN}\"}]}"),
        failure("holds a user, password or token", 2, secret("x"))
            .release("{repository: {url: 'https://me:s3cr3t@git.example/acme/shop'}}"),
        failure("IMAGE_NAME: is not set, but IMAGE_TAG is", 2, secret("x"))
            .env(&[("IMAGE_TAG", "1")]),
        failure("cannot read …: no such file or directory", 2, "").args(&["render", "nosuch.yaml"]),
        failure("GITOPS_FN_SECRETS is neither …", 2, secret("x"))
            .env(&[("GITOPS_FN_SECRETS", "maybe")]),
        failure("GITOPS_FN_LOG is no level of the log", 2, secret("x"))
            .env(&[("GITOPS_FN_LOG", "loud")]),
        failure(
            "AVP_PATH_VALIDATION is not a regular expression",
            2,
            secret("<path:kv/shop/web#password>"),
        )
        .env(&[("AVP_PATH_VALIDATION", "(")]),
    ]
}

/// Whether `text` holds the parts of `message` around each `…`, in their order.
pub(crate) fn holds(text: &str, message: &str) -> bool {
    let mut rest = text;
    message.split('…').all(|part| {
        let found = rest.find(part);
        rest = found.map_or("", |at| &rest[at + part.len()..]);
        found.is_some()
    })
}

/// Checks that the page's table with this header has these messages and exit codes, in this order.
#[track_caller]
pub(crate) fn assert_listed(header: &str, known: impl Iterator<Item = (&'static str, i32)>) {
    // backticks within a message cannot stand in the table's own
    let plain = |text: &str| text.replace("`-`", "'-'");
    let listed: Vec<(String, i32)> = table(&page(TROUBLESHOOTING), header)
        .iter()
        .map(|row| (code(&plain(&row[0])), row[1].parse().unwrap()))
        .collect();
    let known: Vec<_> = known
        .map(|(message, exit)| (plain(message), exit))
        .collect();
    assert_eq!(listed, known);
}

#[test]
fn every_failure_of_the_list_is_real() {
    let mut wrong = Vec::new();
    for failure in failures() {
        let dir = temp_dir();
        let release = failure.release.as_deref().unwrap_or("{}");
        let release = format!(
            "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nmetadata: {{name: r}}\nspec: {release}\n"
        );
        write_files(
            dir.path(),
            &[
                ("secrets.yaml", STORE),
                ("malformed.yaml", "kv/shop/web: {password: \"s3cr3t\n"),
                ("release.yaml", &release),
                ("values/values.yaml", "replicas: 2\n"),
            ],
        );
        let mut command = gitops_fn();
        command.current_dir(dir.path());
        command.envs(failure.env.iter().copied());
        match (failure.args, failure.release) {
            (Some(args), _) => command.args(args),
            (None, Some(_)) => command.args(["render", "-f", "release.yaml", "-"]),
            (None, None) => command.args(["render", "-"]),
        };
        let output = run(&mut command, &failure.stdin);
        let message = failure.message;
        if !holds(&output.stderr, message) || output.code != failure.exit {
            wrong.push(format!("{message}: {} {}", output.code, output.stderr));
        }
        assert!(!output.stderr.contains("s3cr3t"), "{}", output.stderr);
        assert!(output.stderr.contains("help: "), "{}", output.stderr);
        let severity = if failure.exit == 0 {
            "warning: "
        } else {
            "error: "
        };
        assert!(output.stderr.starts_with(severity), "{}", output.stderr);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_list_has_these_failures_and_no_others() {
    assert_listed(
        "| Message | Exit | What to do |",
        failures()
            .iter()
            .map(|failure| (failure.message, failure.exit)),
    );
}
