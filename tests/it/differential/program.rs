//! The real program under a real policy file, many times on one machine.

use std::fs;
use std::path::{Path, PathBuf};

use super::tenant::{APPLICATION, SECRETS, policy};
use crate::governed::Governed;
use crate::support::{exe, path_with, run, tool, write_files};

/// Runs each `*.sh` of the folder it is given, which leaves `*.out` and `*.code` beside it.
const LOOP: &str = r#"
cd "$1"
for script in *.sh; do
  name=${script%.sh}
  . "./$script" >"$name.out" 2>"$name.err"
  echo $? >"$name.code"
done
"#;

/// What one run of the program is to do.
pub(super) enum Job<'j> {
    /// `render -` of a text.
    Render(&'j str),
    /// The function over a text.
    Function(&'j str),
    /// `build` of a repository with these files.
    Build(&'j [(&'static str, String)]),
    /// `build` of a folder in a repository that is there.
    BuildIn(&'j Path, &'j str),
}

/// What each job printed, `None` where it failed; `None` after a skip.
#[track_caller]
pub(super) fn run_all(jobs: &[Job<'_>]) -> Option<Vec<Option<String>>> {
    let kustomize = tool("kustomize")?;
    // the policy has to name a file of the machine, whose folder is not known before
    let placeholder = "SECRETS_FILE";
    let setup = format!(
        "sed \"s#{placeholder}#$folder/secrets.yaml#\" \"$folder/policy.yaml\" >policy.yaml\nchmod 644 policy.yaml\n"
    );
    let machine = Governed::with_setup(
        &policy(&format!("/{placeholder}")).replace(&format!("/{placeholder}"), placeholder),
        &setup,
    )?;
    write_files(machine.folder(), &[("secrets.yaml", SECRETS)]);
    let jobs_folder = machine.folder().join("jobs");
    fs::create_dir(&jobs_folder).unwrap();
    for (index, job) in jobs.iter().enumerate() {
        prepare(&jobs_folder, index, job);
    }
    let mut command = machine.program("sh");
    command
        .args(["-c", LOOP, "sh"])
        .arg(&jobs_folder)
        .env(
            "PATH",
            path_with(&[exe().parent().unwrap(), kustomize.parent().unwrap()]),
        )
        .envs(APPLICATION);
    run(&mut command, "").success();
    let results = (0..jobs.len()).map(|index| {
        let read =
            |end: &str| fs::read_to_string(jobs_folder.join(format!("{index:06}.{end}"))).unwrap();
        let stderr = read("err");
        assert!(
            !super::tenant::is_of_a_value(&stderr),
            "a value in {stderr}"
        );
        assert!(
            !stderr.contains("fault of gitops-fn") && !stderr.contains("panicked"),
            "{stderr}"
        );
        (read("code").trim() == "0").then(|| read("out"))
    });
    Some(results.collect())
}

fn prepare(folder: &Path, index: usize, job: &Job<'_>) {
    let name = format!("{index:06}");
    let (command, files): (String, Vec<(PathBuf, &str)>) = match job {
        Job::Render(text) => (
            format!("gitops-fn render - <{name}.yaml"),
            vec![(folder.join(format!("{name}.yaml")), text)],
        ),
        Job::Function(text) => (
            format!("gitops-fn <{name}.yaml"),
            vec![(folder.join(format!("{name}.yaml")), text)],
        ),
        Job::BuildIn(root, folder) => (
            format!(
                "gitops-fn build --root '{0}' '{0}/{folder}'",
                root.display()
            ),
            Vec::new(),
        ),
        Job::Build(files) => {
            let root = folder.join(&name);
            fs::create_dir_all(root.join(".git")).unwrap();
            let files = files
                .iter()
                .map(|(path, text)| (root.join(path), text.as_str()));
            (format!("gitops-fn build {name}"), files.collect())
        }
    };
    for (path, text) in files {
        fs::write(path, text).unwrap();
    }
    fs::write(folder.join(format!("{name}.sh")), command).unwrap();
}
