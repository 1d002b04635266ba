//! The page's list of failures under a policy, and its example.

use super::{SECRETS, SHOP, TENANTS, policy, secret};
use crate::docs::failures::{assert_listed, holds};
use crate::docs::page;
use crate::governed::Governed;
use crate::support::{gitops_fn, run, temp_dir, write_files};

/// A row of the list, and the run that brings it about.
struct Failure {
    message: &'static str,
    exit: i32,
    /// More of the policy's `spec`, or all of it.
    spec: Spec,
    manifest: String,
    env: &'static [(&'static str, &'static str)],
}

enum Spec {
    More(&'static str),
    Whole(&'static str),
}

fn failure(message: &'static str, manifest: String) -> Failure {
    Failure {
        message,
        exit: 1,
        spec: Spec::More(""),
        manifest,
        env: &[],
    }
}

const SERVER: &str = "
  vault: {address: 'http://127.0.0.1:9', auth: {method: kubernetes, role: 'r-${ARGOCD_APP_PROJECT_NAME}'}}
  mounts: [{path: kv, version: 2}]
  allow: [{name: all, paths: ['kv/**']}]
";

/// Aliases of aliases.
fn bomb() -> String {
    let levels = (1..12).map(|level| {
        let below = format!("*x{}, ", level - 1).repeat(10);
        format!("x{level}: &x{level} [{below}]\n")
    });
    let text = "a".repeat(1_000);
    format!("x0: &x0 [{text}]\n{}", levels.collect::<String>())
}

/// A list in a list in a list, deeper than the second reader goes.
fn deep() -> String {
    let list = format!("{}1{}", "[".repeat(130), "]".repeat(130));
    format!(
        "apiVersion: example.com/v1\nkind: Zone\nmetadata: {{name: a}}\nspec:\n  a: '<path:kv/shop/web/db#none | default ''{list}'' | jsonParse>'\n"
    )
}

fn failures() -> Vec<Failure> {
    let own = || secret("<path:kv/shop/web/db#password>");
    let in_metadata =
        |entry: &str| own().replace("  name: db\n", &format!("  name: db\n  {entry}\n"));
    let more = |message, more: &'static str| Failure {
        spec: Spec::More(more),
        ..failure(message, own())
    };
    let whole = |message, exit, spec: &'static str| Failure {
        spec: Spec::Whole(spec),
        exit,
        ..failure(message, own())
    };
    vec![
        failure("no rule of the policy allows this path", secret("<path:kv/billing/web/db#password>")),
        failure("the path has an encoded or control character", secret("<path:kv/%2e%2e/x#k>")),
        failure("the policy allows no secret in this field", own().replace("Secret", "ConfigMap")),
        failure("the policy lets no value become keys", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: <path:kv/shop/web/db#password>\n".to_owned()),
        failure("the policy never allows a secret in metadata", in_metadata("labels: {a: <path:kv/shop/web/db#password>}")),
        failure("the policy allows secrets only in the destination namespace", in_metadata("namespace: billing")),
        failure("this key is written twice in its mapping", format!("{}kind: Secret\n", own())),
        failure("this key is also merged by a << that follows it", own().replace("  password", "  b: c\n  <<: {b: d}\n  password")),
        failure("readers disagree on what this tag means", own().replace("name: db", "name: !db db")),
        Failure {
            manifest: format!("{}a: [{}]\n", own(), "1,".repeat(2_000_000)),
            // so many take a while without optimisation on a busy machine
            ..more("a document has more than 2000000 values", "  limits: {deadline: 10m}\n")
        },
        failure("the text becomes too large once its aliases are written out", bomb()),
        Failure {
            manifest: deep(),
            ..more(
                "with its values the output would not be read alike by every YAML reader",
                "  sinks: [{apiVersion: example.com/v1, kind: Zone, fields: [spec/a]}]",
            )
        },
        failure("the policy reads no secrets in function mode", format!(
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {}\n",
            own().trim_end().replace('\n', "\n  ")
        )),
        Failure {
            env: &[("GITOPS_FN_SECRETS", "keep")],
            ..failure("the policy does not allow secrets mode keep", own())
        },
        Failure {
            env: &[("ARGOCD_APP_PROJECT_NAME", ""), ("VAULT_ADDR", "")],
            ..whole("the role of the login depends on the project, which is not known", 1, SERVER)
        },
        Failure {
            env: &[("VAULT_ADDR", "")],
            manifest: in_metadata("annotations: {avp.kubernetes.io/kv-version: '1'}"),
            ..whole("the policy says that the mount … is KV v…", 1, SERVER)
        },
        Failure {
            manifest: secret("<path:kv/shop/web/db#password> <path:kv/shop/web/db#password>"),
            ..more("more placeholders than the policy allows", "  limits: {placeholders: 1}")
        },
        more("the input is larger than the policy allows", "  limits: {inputBytes: 10}"),
        more("the secret is larger than the policy allows", "  limits: {secretBytes: 10}"),
        more("all secrets together take more memory than the policy allows", "  limits: {secretsBytes: 10}"),
        Failure {
            manifest: secret("<path:kv/shop/web/db#password | sha256sum>"),
            ..more("the output grows by more than the policy allows", "  limits: {outputBytes: 10}")
        },
        failure("the policy allows no jsonPath filter that compares values", secret("<path:kv/shop/web/db#* | jsonPath {.a[?(@.b==1)]}>")),
        failure("the policy lets no text be parsed that modifiers have put together", secret("<path:kv/shop/web/db#* | jsonPath [{.password}] | jsonParse>")),
        failure("a value is not what its place or its modifiers need; the policy withholds details", secret("<path:kv/shop/web/db#password | jsonParse>")),
        whole("the policy does not allow the file store", 2, SERVER),
        more("the policy can be written by its group or by others", "  sandbox: required"),
        more(
            "spec.allow[0].paths[0]: depends on the Application and not on its project",
            "",
        ),
    ]
    .into_iter()
    .map(|failure| match failure.message {
        "the policy can be written by its group or by others" => Failure { exit: 2, ..failure },
        message if message.starts_with("spec.allow") => Failure {
            exit: 2,
            spec: Spec::Whole("\n  store: file\n  mounts: [{path: kv, version: 2}]\n  allow: [{name: a, paths: ['kv/${ARGOCD_APP_NAME}']}]\n"),
            ..failure
        },
        _ => failure,
    })
    .collect()
}

#[test]
fn every_failure_under_a_policy_is_real() {
    assert_listed(
        "| Under a policy | Exit | What to do |",
        failures()
            .iter()
            .map(|failure| (failure.message, failure.exit)),
    );
    let mut wrong = Vec::new();
    for failure in failures() {
        let spec = match failure.spec {
            Spec::More(more) => format!("{TENANTS}{more}"),
            Spec::Whole(spec) => spec.to_owned(),
        };
        let mode = if failure.message.contains("can be written") {
            666
        } else {
            644
        };
        let setup = format!("cp $folder/policy.yaml . && chmod {mode} policy.yaml");
        let Some(machine) = Governed::with_setup(&policy(&spec), &setup) else {
            return;
        };
        write_files(machine.folder(), &[("secrets.yaml", SECRETS)]);
        let mut command = machine.gitops_fn();
        command.current_dir(machine.folder()).envs(SHOP);
        command.env("VAULT_ADDR", "file:secrets.yaml");
        command.envs(failure.env.iter().copied());
        if !failure.manifest.contains("ResourceList") {
            command.args(["render", "-"]);
        }
        let output = run(&mut command, &failure.manifest);
        if !holds(&output.stderr, failure.message) || output.code != failure.exit {
            wrong.push(format!(
                "{}: {} {}",
                failure.message, output.code, output.stderr
            ));
        }
        assert!(output.stderr.contains("help: "), "{}", output.stderr);
        assert!(!output.stderr.contains("value-"), "{}", output.stderr);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_policy_of_the_text_holds_and_its_command_works() {
    let page = page("docs/policy.md");
    let from = page.find("kind: Policy").unwrap();
    let start = page[..from].rfind("```yaml\n").unwrap() + "```yaml\n".len();
    let end = start + page[start..].find("```").unwrap();
    let line = page
        .lines()
        .find(|line| line.starts_with("gitops-fn policy test"))
        .unwrap();
    let dir = temp_dir();
    write_files(dir.path(), &[("policy.yaml", &page[start..end])]);
    let words = line.split(" #").next().unwrap().split_whitespace().skip(1);
    let mut command = gitops_fn();
    command.current_dir(dir.path()).args(words);
    let output = run(&mut command, "").success();
    assert!(output.text().contains("ALLOWED"), "{}", output.text());
}
