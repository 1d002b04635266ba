use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::finding::Severity;

const OURS: &str = "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nmetadata:\n  name: NAME\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: gitops-fn}\n";

struct Checkout(tempfile::TempDir);

impl Checkout {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn scan(&self, folder: &str, helm: bool, remote_charts: bool) -> Scan {
        let repository = Repository::open(self.0.path()).unwrap();
        let allowed = Allowed {
            helm,
            remote_charts,
        };
        scan(&repository, Path::new(folder), allowed)
    }

    /// The messages of a scan, sorted, with the folder's own name as ROOT.
    fn says(&self, folder: &str) -> Vec<String> {
        let root = self.0.path().display().to_string();
        let mut said: Vec<_> = self
            .scan(folder, false, false)
            .findings
            .iter()
            .map(|finding| finding.to_string().replace(&root, "ROOT"))
            .collect();
        said.sort();
        said
    }
}

fn ours(name: &str) -> String {
    OURS.replace("NAME", name)
}

/// A text as an entry of a list.
fn inline(text: &str) -> String {
    format!("- |-\n  {}\n", text.trim_end().replace('\n', "\n  "))
}

#[test]
fn our_entry_counts_in_place_and_as_a_file() {
    let in_place = format!("transformers:\n{}", inline(&ours("a")));
    let checkout = Checkout::new(&[
        ("one/kustomization.yaml", &in_place),
        ("two/kustomization.yml", "transformers: [./release.yaml]\n"),
        ("two/release.yaml", &ours("b")),
        ("three/Kustomization", "resources: []\n"),
    ]);
    for (folder, name) in [("one", "name: a"), ("two", "name: b")] {
        let scan = checkout.scan(folder, false, false);
        assert!(scan.findings.is_empty(), "{:?}", scan.findings);
        assert!(scan.entry.unwrap().contains(name));
    }
    assert_eq!(checkout.scan("three", false, false).entry, None);
}

#[test]
fn entries_of_ours_elsewhere_are_refused_all_at_once() {
    let entry = inline(&ours("x"));
    let container = ours("c").replace("exec: {path: gitops-fn}", "container: {image: a/gitops-fn}");
    let checkout = Checkout::new(&[
        (
            "app/kustomization.yaml",
            &format!(
                "resources: [../base]\ncomponents: [../component]\ngenerators:\n{entry}validators:\n{entry}transformers:\n- ../folder\n{}",
                inline(&container)
            ),
        ),
        (
            "base/kustomization.yaml",
            &format!("transformers:\n{entry}"),
        ),
        (
            "component/kustomization.yaml",
            &format!("transformers:\n{entry}"),
        ),
        ("folder/kustomization.yaml", "resources: [release.yaml]\n"),
        ("folder/release.yaml", &ours("d")),
    ]);
    let wrong = "is an entry of gitops-fn in the wrong place";
    assert_eq!(
        checkout.says("app"),
        [
            format!("app/kustomization.yaml generators: Release x {wrong}"),
            "app/kustomization.yaml transformers: Release c runs gitops-fn as a container, and there are none here".to_owned(),
            format!("app/kustomization.yaml transformers: Release d {wrong}"),
            format!("app/kustomization.yaml validators: Release x {wrong}"),
            format!("base/kustomization.yaml transformers: Release x {wrong}"),
            format!("component/kustomization.yaml transformers: Release x {wrong}"),
        ]
    );
}

#[test]
fn ours_must_be_the_last_in_the_order_of_kustomize() {
    let prefix = "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: p}\nprefix: p-\n";
    let (ours, in_place) = (inline(&ours("a")), inline(prefix));
    let checkout = Checkout::new(&[
        (
            "first/kustomization.yaml",
            &format!("transformers:\n{ours}{in_place}"),
        ),
        // in place runs before files, whatever the order
        (
            "file/kustomization.yaml",
            &format!("transformers:\n- p.yaml\n{ours}"),
        ),
        ("file/p.yaml", prefix),
        (
            "last/kustomization.yaml",
            &format!("transformers:\n{in_place}{ours}"),
        ),
    ]);
    for (folder, warnings) in [("first", 1), ("file", 1), ("last", 0)] {
        let scan = checkout.scan(folder, false, false);
        let severities: Vec<_> = scan.findings.iter().map(|one| one.severity).collect();
        assert_eq!(severities, vec![Severity::Warning; warnings], "{folder}");
        assert!(scan.entry.is_some());
    }
}

#[test]
fn what_kustomize_would_run_or_fetch_is_named() {
    let function = ours("f").replace("gitops-fn}", "sh}");
    let legacy = "apiVersion: example.org/v1\nkind: Own\nmetadata: {name: l}\n";
    let checkout = Checkout::new(&[
        (
            "kustomization.yaml",
            &format!(
                "resources: ['https://u:p@example.org/x.yaml', 'github.com/org/repo//path?ref=v1', ../up, missing.yaml]\n\
             transformers:\n{}{}\
             configMapGenerator: [{{name: a, files: [x=/proc/self/environ, ok.yaml]}}]\n\
             helmCharts: [{{name: web}}]\n",
                inline(&function),
                inline(legacy),
            ),
        ),
        ("ok.yaml", ""),
    ]);
    assert_eq!(
        checkout.says(""),
        [
            "kustomization.yaml transformers: Own l is a plugin that kustomize would have to execute",
            "kustomization.yaml transformers: Release f is a third-party function, which kustomize would leave out without a word",
            "kustomization.yaml: ../up leads out of the repository (ROOT)",
            "kustomization.yaml: /proc/self/environ leads out of the repository (ROOT)",
            "kustomization.yaml: github.com/org/repo//path?… is remote",
            "kustomization.yaml: https://…@example.org/x.yaml is remote",
            "kustomization.yaml: the helm chart web needs helm",
        ]
    );
}

#[test]
fn links_out_of_the_repository_are_named() {
    let checkout = Checkout::new(&[
        (
            "app/kustomization.yaml",
            "resources: [inside.yaml, outside.yaml]\nconfigMapGenerator: [{name: a, files: [token]}]\n",
        ),
        ("x.yaml", ""),
    ]);
    symlink("../x.yaml", checkout.0.path().join("app/inside.yaml")).unwrap();
    symlink("/etc/passwd", checkout.0.path().join("app/outside.yaml")).unwrap();
    symlink("../../token", checkout.0.path().join("app/token")).unwrap();
    assert_eq!(
        checkout.says("app"),
        [
            "app/kustomization.yaml: outside.yaml leads out of the repository (ROOT)",
            "app/kustomization.yaml: token leads out of the repository (ROOT)",
        ]
    );
}

#[test]
fn charts_are_judged_by_what_is_allowed() {
    let generator = "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: h}\nname: web\nreleaseName: --post-renderer=x\n";
    let checkout = Checkout::new(&[
        (
            "app/kustomization.yaml",
            "helmCharts: [{name: web, repo: 'https://charts.example'}]\n",
        ),
        (
            "home/kustomization.yaml",
            "helmGlobals: {chartHome: .}\nhelmCharts: [{name: web, repo: 'https://charts.example'}]\n",
        ),
        (
            "git/kustomization.yaml",
            "helmGlobals: {chartHome: ../.git/x}\nhelmCharts: [{name: web, repo: 'https://charts.example'}]\n",
        ),
        ("folder/kustomization.yaml", "generators: [../generator]\n"),
        ("generator/kustomization.yaml", "resources: [h.yaml]\n"),
        ("generator/h.yaml", generator),
    ]);
    let messages = |scan: Scan| -> Vec<String> {
        scan.findings
            .into_iter()
            .map(|one| one.to_string())
            .collect()
    };
    assert_eq!(
        messages(checkout.scan("app", true, false)),
        ["app/kustomization.yaml: the helm chart web has to be fetched"]
    );
    let scan = checkout.scan("app", true, true);
    assert!(scan.findings.is_empty());
    assert_eq!(
        scan.charts.into_iter().collect::<Vec<_>>(),
        [Path::new("app/charts")]
    );
    assert_eq!(
        messages(checkout.scan("home", true, true)),
        ["home/kustomization.yaml: the chart home . is no folder of its own below the repository"]
    );
    assert_eq!(
        messages(checkout.scan("git", true, true)),
        [
            "git/kustomization.yaml: the chart home ../.git/x is no folder of its own below the repository"
        ]
    );
    assert_eq!(
        messages(checkout.scan("folder", true, true)),
        ["folder/kustomization.yaml: releaseName of the helm chart web begins with `-`"]
    );
}

#[test]
fn a_hostile_repository_does_not_keep_us_busy() {
    let circle = "resources: [../a, ../b]\ncomponents: [../a]\n";
    let big = "x".repeat(900_000);
    let big = format!("{}# {big}\n", ours("x"));
    let many = format!("transformers:\n{}", "- ../big.yaml\n".repeat(20_000));
    let checkout = Checkout::new(&[
        ("a/kustomization.yaml", circle),
        ("b/kustomization.yaml", circle),
        ("many/kustomization.yaml", &many),
        ("big.yaml", &big),
    ]);
    assert!(checkout.says("a").is_empty());
    assert!(
        checkout
            .says("many")
            .contains(&"many/kustomization.yaml: too much to look through".to_owned())
    );
}

#[test]
fn plugins_are_found_however_deep_their_kustomizations_are() {
    let helm = "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: web\nconfigHome: helm\n";
    let checkout = Checkout::new(&[
        ("kustomization.yaml", "generators: [a]\nresources: [b]\n"),
        ("a/kustomization.yaml", "resources: [../b]\n"),
        (
            "b/kustomization.yaml",
            "resources: [../c]\ncomponents: [../d]\n",
        ),
        ("c/kustomization.yaml", "resources: [helm.yaml, ../b]\n"),
        ("c/helm.yaml", helm),
        (
            "d/kustomization.yaml",
            "kind: Component\nresources: [legacy.yaml]\n",
        ),
        (
            "d/legacy.yaml",
            "apiVersion: a/v1\nkind: Legacy\nmetadata: {name: x}\n",
        ),
    ]);
    let says = checkout.says("");
    for message in [
        "configHome of the helm chart web moves helm's own folders",
        "the helm chart web needs helm",
        "Legacy x is a plugin that kustomize would have to execute",
    ] {
        let told = says.iter().filter(|said| said.contains(message)).count();
        assert_eq!(told, 1, "{message}: {says:?}");
    }
    // as resources they are only objects
    let objects = Checkout::new(&[
        ("kustomization.yaml", "resources: [c]\n"),
        ("c/kustomization.yaml", "resources: [helm.yaml]\n"),
        ("c/helm.yaml", helm),
    ]);
    assert_eq!(objects.says(""), Vec::<String>::new());
}
