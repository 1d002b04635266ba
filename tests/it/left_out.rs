//! Checks that our own configuration among the documents of a stream is left out, and that the other documents stay
//! unchanged and separate, however they are written.

use crate::support::{documents, gitops_fn, run, temp_dir, write_files};

const RELEASE: &str = "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nmetadata: {name: r}\n";

fn object(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

/// The same in one line.
fn flow(block: &str) -> String {
    format!("{{{}}}\n", block.trim_end().replace('\n', ", "))
}

/// Streams of two objects and one or two Releases, with all that may be written between documents.
fn streams() -> Vec<String> {
    let mut found = Vec::new();
    for order in ["abr", "arb", "rab", "arrb", "rarb", "arbr"] {
        for between in [
            "---\n",
            "--- # c\n",
            "...\n---\n",
            "...\n",
            "... # end\n---\n",
            "---\n# c\n\n",
            "\n---\n---\n",
            "...\n# c\n---\n",
        ] {
            for style in 0..3 {
                let texts = order.chars().map(|kind| {
                    let block = if kind == 'r' {
                        RELEASE.to_owned()
                    } else {
                        object(&kind.to_string())
                    };
                    match style {
                        0 => block,
                        1 => flow(&block),
                        _ => format!("# of it\n{}", flow(&block)),
                    }
                });
                let stream = texts.collect::<Vec<_>>().join(between);
                found.push(format!("---\n{stream}"));
                found.push(stream.replace('\n', "\r\n"));
                found.push(stream.trim_end().to_owned());
                found.push(format!("{stream}...\n"));
                found.push(stream);
            }
        }
        // on the lines of the markers
        let inline = order.chars().map(|kind| {
            let block = if kind == 'r' {
                RELEASE.to_owned()
            } else {
                object(&kind.to_string())
            };
            format!("--- {}", flow(&block))
        });
        found.push(inline.collect());
    }
    found
}

/// The objects of a stream; a document that follows `...` alone is not read by every reader.
fn objects(text: &str) -> Vec<serde_yaml::Value> {
    let lines = text
        .lines()
        .map(|line| if line.starts_with("...") { "---" } else { line });
    let mut found = documents(&lines.collect::<Vec<_>>().join("\n"));
    found.retain(|object| !object.is_null());
    found
}

#[test]
fn what_is_left_stays_apart_and_as_it_is() {
    let streams = streams();
    assert!(streams.len() > 700);
    let mut wrong = Vec::new();
    for stream in &streams {
        let mut wanted = objects(stream);
        wanted.retain(|object| object["kind"] != "Release");
        let output = run(gitops_fn().args(["render", "-"]), stream).success();
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let known = lines(stream);
        let made_up = lines(output.text())
            .into_iter()
            .find(|line| !known.contains(line) && line != "---");
        if objects(output.text()) != wanted || made_up.is_some() {
            wrong.push(format!("{stream:?}\n{:?} {made_up:?}\n", output.text()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        streams.len(),
        wrong[..wrong.len().min(10)].concat()
    );
}

#[test]
fn files_that_hold_nothing_else_leave_nothing_behind() {
    let dir = temp_dir();
    let directive = format!("%YAML 1.1\n---\n{}", object("b"));
    write_files(
        dir.path(),
        &[
            ("a.yaml", RELEASE),
            ("b.yaml", RELEASE),
            ("c.yaml", &directive),
        ],
    );
    for (files, expected) in [
        (&["a.yaml", "c.yaml"][..], directive.as_str()),
        (&["a.yaml", "b.yaml"], ""),
    ] {
        let mut command = gitops_fn();
        let output = run(
            command.current_dir(dir.path()).arg("render").args(files),
            "",
        )
        .success();
        assert_eq!(output.text(), expected);
    }
}

#[test]
fn one_in_a_list_is_an_error() {
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}- {}",
        flow(RELEASE),
        flow(&object("a"))
    );
    let output = run(gitops_fn().args(["render", "-"]), list).code(1);
    assert_eq!(
        output.stderr,
        "error: Release r: a Release is not for the cluster\nhelp: take it out of the list, and name it with `-f` or under `transformers:`\n"
    );
}
