//! Tests `gitops-fn build` with the real kustomize, and with a hostile program instead of it.

mod attacks;
mod bounds;
mod confined;
mod ends;
mod failures;
mod helm;
mod release;
mod unconfined;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_yaml::Value;
use tempfile::TempDir;

use crate::support::{
    EXEC, Output, documents, gitops_fn, kustomize_build, path_with, root, run, skip, temp_dir,
    tool, write_files,
};

/// A checkout, and a file store with secrets next to it.
struct Checkout {
    folder: TempDir,
    path: OsString,
}

/// The content of the file store. Its value is in an output only if the secret was read.
const SECRETS: &str = "kv/shop/web: {password: value-of-the-secret}\n";

/// A Secret with a placeholder.
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: <path:kv/shop/web#password>\n";

impl Checkout {
    /// A checkout built with the real kustomize; `None` after a skip.
    #[track_caller]
    fn new(files: &[(&str, &str)]) -> Option<Self> {
        let kustomize = tool("kustomize")?;
        Some(Self::with(kustomize.parent().unwrap(), files))
    }

    /// A checkout built with our own test program instead of kustomize, which does what `fake.txt` says.
    #[track_caller]
    fn fake(actions: &str) -> Option<Self> {
        let files = [
            ("kustomization.yaml", "resources: []\n"),
            ("fake.txt", actions),
        ];
        Some(Self::with(fake()?, &files))
    }

    fn with(tools: &Path, files: &[(&str, &str)]) -> Self {
        let folder = temp_dir();
        let this = Self {
            folder,
            path: path_with(&[tools]),
        };
        fs::create_dir_all(this.root().join(".git")).unwrap();
        fs::create_dir(this.tmp()).unwrap();
        fs::write(this.folder.path().join("secrets.yaml"), SECRETS).unwrap();
        write_files(&this.root(), files);
        this
    }

    /// The canonical path of the checkout's root.
    fn root(&self) -> PathBuf {
        self.folder
            .path()
            .canonicalize()
            .unwrap()
            .join("repository")
    }

    /// The folder for temporary files.
    fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    fn store(&self) -> String {
        format!("file:{}", self.folder.path().join("secrets.yaml").display())
    }

    /// The command `gitops-fn build`, run in the root.
    fn build(&self) -> Command {
        self.build_by(gitops_fn())
    }

    /// The same, started through a command that executes our program.
    fn build_by(&self, mut command: Command) -> Command {
        command
            .arg("build")
            .current_dir(self.root())
            .env("PATH", &self.path)
            .env("TMPDIR", self.tmp())
            .env("VAULT_ADDR", self.store());
        command
    }

    /// Builds a folder of the checkout.
    #[track_caller]
    fn run(&self, folder: &str) -> Output {
        run(self.build().arg(folder), "")
    }

    /// Lists every file of the checkout.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = fs::read(&path).unwrap();
                    files.insert(path, content);
                }
            }
        }
        files
    }
}

/// The folder of the test program named `kustomize`, which follows instructions; `None` after a skip.
#[track_caller]
fn fake() -> Option<&'static Path> {
    static FAKE: OnceLock<Option<TempDir>> = OnceLock::new();
    let folder = FAKE.get_or_init(|| {
        let folder = temp_dir();
        Command::new("rustc")
            .args(["--edition", "2024", "-A", "warnings", "-o"])
            .arg(folder.path().join("kustomize"))
            .arg(root().join("tests/it/build/fake.rs"))
            .status()
            .is_ok_and(|status| status.success())
            .then_some(folder)
    });
    if folder.is_none() {
        skip("rustc is not on PATH");
    }
    folder.as_ref().map(TempDir::path)
}

/// Our entry under `transformers:`, written in place.
fn entry(release: &str) -> String {
    format!("- |-\n  {}\n", release.trim_end().replace('\n', "\n  "))
}

/// A Release with this `spec`, as an entry that kustomize can run.
fn release(spec: &str) -> String {
    format!(
        "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nmetadata:\n  name: release\n  annotations:\n    \
         config.kubernetes.io/function: |\n      exec: {{path: gitops-fn}}\nspec:\n{spec}"
    )
}

/// The value, on the first object, of the annotation that a Release sets.
fn url(output: &Output) -> String {
    let objects = documents(output.text());
    let url = &objects[0]["metadata"]["annotations"]["github.com/url"];
    url.as_str().unwrap_or_default().to_owned()
}

/// The objects by kind and name.
fn by_name(text: &str) -> BTreeMap<(String, String), Value> {
    let text_of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    documents(text)
        .into_iter()
        .map(|object| {
            let key = (
                text_of(&object["kind"]),
                text_of(&object["metadata"]["name"]),
            );
            (key, object)
        })
        .collect()
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - {name: web, image: 'registry.example/acme/shop:old', envFrom: [{configMapRef: {name: settings}}]}\n";

#[test]
fn one_repository_gives_the_same_objects_both_ways() {
    let spec = "  repository: {url: 'https://git.example/acme/shop'}\n  images:\n  - {name: registry.example/acme/shop, newTag: '1.10'}\n";
    let release = release(spec);
    let base = "resources: [deployment.yaml, secret.yaml]\nconfigMapGenerator: [{name: settings, literals: [a=b]}]\n";
    let overlay = |transformer: &str| {
        format!(
            "resources: [../base]\nnamePrefix: live-\nnamespace: shop\ntransformers:\n{transformer}"
        )
    };
    let Some(checkout) = Checkout::new(&[
        ("base/kustomization.yaml", base),
        ("base/deployment.yaml", DEPLOYMENT),
        ("base/secret.yaml", SECRET),
        ("place/kustomization.yaml", &overlay(&entry(&release))),
        ("file/kustomization.yaml", &overlay("- release.yaml\n")),
        ("file/release.yaml", &release),
    ]) else {
        return;
    };
    for folder in ["place", "file"] {
        let store = checkout.store();
        let env = [("VAULT_ADDR", store.as_str())];
        let theirs = kustomize_build(&checkout.root().join(folder), EXEC, &env).unwrap();
        let ours = checkout.run(folder).success();
        let objects = by_name(ours.text());
        assert_eq!(objects, by_name(theirs.success().text()));
        assert_eq!(objects.len(), 3);
        assert!(ours.text().contains("value-of-the-secret"));
        assert!(ours.text().contains("registry.example/acme/shop:1.10"));
    }
}

#[test]
fn the_checkout_is_left_as_it_is() {
    let kustomization = format!(
        "resources: [secret.yaml]\ntransformers:\n{}",
        entry(&release("  secrets: {}\n"))
    );
    let Some(checkout) = Checkout::new(&[
        ("kustomization.yaml", &kustomization),
        ("secret.yaml", SECRET),
    ]) else {
        return;
    };
    let before = checkout.files();
    checkout.run(".").success();
    assert_eq!(checkout.files(), before);
    assert_eq!(fs::read_dir(checkout.tmp()).unwrap().count(), 0);
}

#[test]
fn a_folder_of_plain_manifests_needs_no_kustomize() {
    let files = [
        ("app/b.yaml", SECRET),
        (
            "app/a/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        ),
        (
            "app/gitops-fn.yaml",
            &release("  repository: {url: acme/shop}\n"),
        ),
    ];
    let checkout = Checkout::with(Path::new("/nowhere"), &files);
    let output = run(checkout.build().arg("app").env("PATH", "/nowhere"), "").success();
    assert_eq!(url(&output), "acme/shop");
    let kinds: Vec<_> = by_name(output.text())
        .into_keys()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds, ["ConfigMap", "Secret"]);
    assert!(output.text().contains("value-of-the-secret"));
    run(checkout.build().env("PATH", "/nowhere").arg("nowhere"), "").code(2);
}

#[test]
fn our_own_file_is_no_manifest_whatever_its_folder_is_called() {
    let ours = release("  repository: {url: acme/shop}\n");
    for folder in ["a\tpp", "ä p"] {
        let (ours_at, secret) = (
            format!("{folder}/gitops-fn.yaml"),
            format!("{folder}/b.yaml"),
        );
        let files = [(&*ours_at, &*ours), (&*secret, SECRET)];
        let checkout = Checkout::with(Path::new("/nowhere"), &files);
        let output = run(checkout.build().arg(folder).env("PATH", "/nowhere"), "").success();
        assert_eq!(documents(output.text()).len(), 1, "{}", output.text());
    }
}

#[test]
fn where_there_is_a_kustomization_it_is_what_counts() {
    let Some(checkout) = Checkout::new(&[
        ("Kustomization", "resources: [secret.yaml]\n"),
        ("secret.yaml", SECRET),
        (
            "other.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        ),
    ]) else {
        return;
    };
    let output = checkout.run(".").success();
    assert_eq!(documents(output.text()).len(), 1);
}

#[test]
fn what_kustomize_says_is_passed_on() {
    let Some(checkout) = Checkout::new(&[
        ("bad/kustomization.yaml", "resources: [missing.yaml]\n"),
        (
            "old/kustomization.yaml",
            "resources: [../secret.yaml]\ncommonLabels: {a: b}\n",
        ),
        ("empty/kustomization.yaml", "resources: [nothing.yaml]\n"),
        (
            "empty/nothing.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: {config.kubernetes.io/local-config: 'true'}\n",
        ),
        ("left/kustomization.yaml", "resources: [left.yaml]\n"),
        (
            "left/left.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  '<path:kv/shop/web#password>': x\n",
        ),
    ]) else {
        return;
    };
    let bad = checkout.run("bad").code(1);
    assert!(bad.stderr.contains("missing.yaml"), "{}", bad.stderr);
    assert!(
        bad.stderr.ends_with(
            "error: kustomize failed with exit code 1\nhelp: see its own message above\n"
        ),
        "{}",
        bad.stderr
    );
    assert_eq!(bad.text(), "");
    let empty = checkout.run("empty").code(1);
    assert!(
        empty
            .stderr
            .contains("error: kustomize printed no resource\n"),
        "{}",
        empty.stderr
    );
    let left = checkout.run("left").code(1);
    assert_eq!(left.text(), "");
    let missing = run(checkout.build().arg("bad").env("PATH", "/nowhere"), "").code(2);
    assert_eq!(
        missing.stderr,
        "error: kustomize is not on PATH\nhelp: install it, in a folder that PATH names\n"
    );
}
