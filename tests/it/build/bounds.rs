//! How much a repository can make kustomize and helm take: memory, processes, and time after us.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::confined::report;
use super::ends::{children, is_gone, lies_below, start, until};
use super::helm::checkout;
use super::{Checkout, fake};
use crate::governed::Governed;
use crate::support::{clean, exe, run, temp_dir, write_files};

const POLICY: &str = "apiVersion: gitops-fn.dev/v1alpha1
kind: Policy
metadata: {name: test}
spec:
  sandbox: required
  enable: {helm: true}
";

const SAYS: &str =
    "error: kustomize or helm wanted more memory than it may have: 536870912 bytes\nhelp: ";

/// Said in the place of helm.
pub(super) const FETCH: &str = "a helm chart has to be fetched, which is not allowed";

/// A chart with this template.
fn chart(template: &str) -> [(&str, &str); 4] {
    [
        (
            "kustomization.yaml",
            "helmCharts: [{name: web, releaseName: web}]\n",
        ),
        (
            "charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        ("charts/web/values.yaml", ""),
        ("charts/web/templates/all.yaml", template),
    ]
}

#[test]
fn a_chart_that_makes_gigabytes_is_refused() {
    let Some(checkout) = checkout(&chart("{{ $x := repeat 2000000000 \"x\" }}")) else {
        return;
    };
    let Some(machine) = Governed::new(POLICY) else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "").code(1);
    assert!(output.stderr.contains(SAYS), "{}", output.stderr);
    assert_eq!(output.text(), "");
    // at one stroke, or in many
    for template in [
        "{{ $x := repeat 600000000 \"x\" }}",
        "{{ $x := repeat 1000000000 \"x\" }}",
        "{{ $x := repeat 1900000000 \"x\" }}",
        "{{ $all := list }}{{ range until 100 }}{{ $all = append $all (repeat 10000000 (toString .)) }}{{ end }}{{ len $all }}",
    ] {
        write_files(&checkout.root(), &chart(template));
        // where memory lies is left to chance
        for _ in 0..4 {
            let output = run(&mut checkout.build_by(machine.gitops_fn()), "");
            assert!(
                output.stderr.contains(SAYS),
                "{template}: {}",
                output.stderr
            );
        }
    }
    // a larger limit, which that chart does not reach
    let more = format!("{POLICY}  limits: {{childMemoryBytes: 1000}}\n");
    let Some(machine) = Governed::new(&more) else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "");
    assert_ne!(output.code, 0, "the limit is the policy's");
}

#[test]
fn generators_that_make_gigabytes_are_refused() {
    let large = "x y z\n".repeat(150_000);
    let mut kustomization = "configMapGenerator:\n".to_owned();
    for number in 0..400 {
        writeln!(kustomization, "- {{name: c{number}, files: [large]}}").unwrap();
    }
    let files = [("kustomization.yaml", &*kustomization), ("large", &*large)];
    let (Some(checkout), Some(machine)) = (checkout(&files), Governed::new(POLICY)) else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "").code(1);
    assert!(output.stderr.contains(SAYS), "{}", output.stderr);
    assert_eq!(output.text(), "");
}

#[test]
fn a_harmless_chart_has_enough() {
    let template = "{{ $x := repeat 300000000 \"x\" }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: {{ repeat 1000000 \"x\" }}}\n";
    let (Some(checkout), Some(machine)) = (checkout(&chart(template)), Governed::new(POLICY))
    else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "").success();
    assert!(output.text().contains("name: \"a\""), "{}", output.stderr);
}

#[test]
fn no_socket_of_any_kind_is_made() {
    let actions = "datagram 127.0.0.1:0\nlocal x\nlisten 127.0.0.1:0\nconnect 127.0.0.1:1\n";
    let Some(checkout) = Checkout::fake(actions) else {
        return;
    };
    let output = run(&mut checkout.build(), "").success();
    for action in [
        "datagram 127.0.0.1:0",
        "local x",
        "listen 127.0.0.1:0",
        "connect 127.0.0.1:1",
    ] {
        let denied = format!("\"{action}\": PermissionDenied");
        assert!(output.text().contains(&denied), "{}", output.text());
    }
}

#[test]
fn what_it_has_started_ends_with_us_however_we_end() {
    let Some(checkout) = Checkout::fake("spawn\nhang\n") else {
        return;
    };
    let mut ours = start(&checkout);
    // ours, the supervisor, the program, and what that has started
    let mut grandchild = None;
    until("the program starts another", || {
        let mut found = children(ours.id());
        for _ in 0..2 {
            found = found
                .into_iter()
                .flat_map(|pid| children(pid.unsigned_abs()))
                .collect();
        }
        grandchild = found.first().copied();
        grandchild.is_some()
    });
    let us = Pid::from_raw(ours.id().cast_signed()).unwrap();
    kill_process(us, Signal::KILL).unwrap();
    ours.wait().unwrap();
    until("what it has started ends", || is_gone(grandchild.unwrap()));
}

/// A downloader of helm's that is helm itself starts helm after helm. The scan sees neither where it lies nor
/// what asks for it: both come of a patch.
#[test]
fn helm_has_no_plugins_wherever_the_repository_puts_its_home() {
    let files = [
        ("kustomization.yaml", "generators: [made]\n"),
        (
            "made/kustomization.yaml",
            "resources: [chart.yaml]\npatches: [{path: patch.yaml, target: {name: x}}]\n",
        ),
        (
            "made/chart.yaml",
            "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: web\n",
        ),
        (
            "made/patch.yaml",
            "- {op: add, path: /configHome, value: helm}\n- {op: add, path: /repo, value: 'chain://a'}\n- {op: add, path: /version, value: 1.0.0}\n",
        ),
        (
            "helm/.data/plugins/chain/plugin.yaml",
            "name: chain\nversion: 1.0.0\ndownloaders: [{command: helm, protocols: [chain]}]\n",
        ),
    ];
    let (Some(checkout), Some(machine)) = (checkout(&files), Governed::new(POLICY)) else {
        return;
    };
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "").code(1);
    assert!(
        output
            .stderr
            .contains(&format!("error: {FETCH}\nhelp: vendor the chart")),
        "{}",
        output.stderr
    );
    // where charts are fetched, as for another one that the scan sees
    let remote = POLICY.replace("helm: true", "helm: true, remoteCharts: true");
    let Some(machine) = Governed::new(&remote) else {
        return;
    };
    let seen = "helmCharts: [{name: other, repo: 'http://127.0.0.1:1'}]\n";
    write_files(
        &checkout.root(),
        &[
            (
                "kustomization.yaml",
                "generators: [made]\nresources: [seen]\n",
            ),
            ("seen/kustomization.yaml", seen),
            // resources come first, and are to be there
            (
                "seen/charts/other/Chart.yaml",
                "apiVersion: v2\nname: other\nversion: 1.0.0\n",
            ),
            ("seen/charts/other/values.yaml", ""),
            (
                "seen/charts/other/templates/all.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
            ),
        ],
    );
    let output = run(&mut checkout.build_by(machine.gitops_fn()), "").code(1);
    assert!(
        output.stderr.contains("protocol handler") && output.stderr.contains("chain"),
        "{}",
        output.stderr
    );
}

/// With a program in the place of each that does what a hostile one would: whatever helm can be made to do, it
/// starts nothing, and gets nothing of what kustomize would give it.
#[test]
fn helm_starts_nothing_and_does_nothing_but_render() {
    let Some(tools) = fake() else { return };
    let kustomize = tools.join("kustomize").canonicalize().unwrap();
    let programs = temp_dir();
    for name in ["kustomize", "helm"] {
        fs::copy(&kustomize, programs.path().join(name)).unwrap();
    }
    let at = |name: &str| programs.path().join(name).canonicalize().unwrap();
    let (kustomize, helm) = (at("kustomize"), at("helm"));
    let refused = [
        format!("run {}", kustomize.display()),
        format!("run {}", helm.display()),
        format!("run {}", exe().canonicalize().unwrap().display()),
        "run helm".to_owned(),
        "run /bin/sh".to_owned(),
        "read /etc/passwd".to_owned(),
        "datagram 127.0.0.1:0".to_owned(),
    ];
    let kustomization = ("kustomization.yaml", "resources: []\n");
    let actions = "helm template x\nhelm pull x\nhelm plugin list\nhelm --post-renderer=x\n";
    let all = format!("env\nthread\n{}\n", refused.join("\n"));
    let files = [
        kustomization,
        ("fake.txt", actions),
        ("fake-helm.txt", &all),
    ];
    let checkout = Checkout::with(programs.path(), &files);
    let build = |arguments: &[&str]| {
        let mut command = checkout.build();
        command.args(arguments).env("PATH", programs.path());
        command.env("HELM_PLUGINS", checkout.root());
        run(&mut command, "")
    };
    let output = build(&["--enable-helm"]).success();
    let report = report(&output);
    for action in &refused {
        assert_eq!(report[action], "PermissionDenied", "{action}");
    }
    assert_eq!(report["thread "], "done");
    for (arguments, code) in [
        ("template x", "Some(0)"),
        ("pull x", "Some(125)"),
        ("plugin list", "Some(125)"),
        ("--post-renderer=x", "Some(125)"),
    ] {
        assert_eq!(report[&format!("helm {arguments}")], code, "{arguments}");
    }
    for (said, times) in [
        (
            "error: a helm chart has to be fetched, which is not allowed\n",
            1,
        ),
        ("error: helm is run to render charts alone, not for `", 2),
    ] {
        assert_eq!(
            output.stderr.matches(said).count(),
            times,
            "{}",
            output.stderr
        );
    }
    let tmp = checkout.tmp().canonicalize().unwrap();
    for (name, value) in &report {
        if name.starts_with("HELM_") || name == "HOME" || name == "TMPDIR" {
            assert!(value.starts_with(tmp.to_str().unwrap()), "{name}: {value}");
        }
    }
    assert!(report.contains_key("HELM_PLUGINS") && !report.contains_key("PATH"));
    assert!(!report.contains_key("GITOPS_FN_HELM"));
}

/// What no filter on files, and no limit on memory, would notice.
#[test]
fn calls_that_lead_around_the_limits_are_refused() {
    const X32: i64 = 0x4000_0000;
    const PTRACE: i64 = 521;
    let shared = i64::from(libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    let calls = [
        [libc::SYS_memfd_create, 0, 0, 0, 0, 0, 0],
        [libc::SYS_mmap, 0, 4096, 3, shared, -1, 0],
        [libc::SYS_shmget, 0, 4096, 0o1600, 0, 0, 0],
        [libc::SYS_setsid, 0, 0, 0, 0, 0, 0],
        [libc::SYS_setpgid, 0, 0, 0, 0, 0, 0],
        [
            libc::SYS_unshare,
            i64::from(libc::CLONE_NEWUSER),
            0,
            0,
            0,
            0,
            0,
        ],
        [
            libc::SYS_clone,
            i64::from(libc::CLONE_NEWUSER | libc::SIGCHLD),
            0,
            0,
            0,
            0,
            0,
        ],
        [libc::SYS_ptrace, 0, 0, 0, 0, 0, 0],
        [libc::SYS_mount, 0, 0, 0, 0, 0, 0],
        [libc::SYS_bpf, 0, 0, 0, 0, 0, 0],
        [libc::SYS_userfaultfd, 0, 0, 0, 0, 0, 0],
        [libc::SYS_io_uring_setup, 1, 0, 0, 0, 0, 0],
        [libc::SYS_keyctl, 0, 0, 0, 0, 0, 0],
    ];
    // the same by the other numbers that a processor of this kind knows them by
    let twins = [
        X32 | libc::SYS_memfd_create,
        X32 | PTRACE,
        X32 | libc::SYS_socket,
    ];
    let twins = twins.map(|number| [number, 0, 0, 0, 0, 0, 0]);
    let mut calls = calls.to_vec();
    if cfg!(target_arch = "x86_64") {
        calls.extend(twins);
    }
    let calls = calls.iter().map(|numbers| {
        let numbers = numbers.map(|number| number.to_string());
        format!("call {}", numbers.join(" "))
    });
    let calls: Vec<_> = calls.collect();
    let Some(checkout) = Checkout::fake(&calls.join("\n")) else {
        return;
    };
    let report = report(&checkout.run(".").success());
    for call in &calls {
        assert_eq!(report[call], "PermissionDenied", "{call}");
    }
}

/// Of a process that hides itself not even its own user may write what lies below `/proc`; the administrator may.
#[test]
fn it_is_the_first_to_go_for_every_user() {
    const USER: u32 = 65534;
    let Some(checkout) = Checkout::fake("hang\n") else {
        return;
    };
    let is_root = rustix::process::geteuid().is_root();
    let folder = temp_dir();
    let program = folder.path().join("gitops-fn");
    fs::copy(exe(), &program).unwrap();
    let mut build = checkout.build_by(clean(&program));
    if is_root {
        for path in [folder.path(), checkout.folder.path()] {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(path, mode).unwrap();
        }
        std::os::unix::fs::chown(checkout.tmp(), Some(USER), Some(USER)).unwrap();
        build.uid(USER).gid(USER);
    }
    let tools = temp_dir();
    fs::set_permissions(tools.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(
        fake().unwrap().join("kustomize"),
        tools.path().join("kustomize"),
    )
    .unwrap();
    let mut ours = build
        .env("PATH", tools.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("it hangs", || lies_below(&checkout.tmp(), "hangs"));
    // the one that tells the version may still be about to begin
    let score = |pid: i32| fs::read_to_string(format!("/proc/{pid}/oom_score_adj"));
    until("they offer themselves", || {
        let supervisors = children(ours.id());
        let programs = supervisors
            .iter()
            .flat_map(|pid| children(pid.unsigned_abs()));
        let programs: Vec<_> = programs.collect();
        let mut all = supervisors.iter().chain(&programs);
        !programs.is_empty() && all.all(|pid| score(*pid).is_ok_and(|text| text.trim() == "1000"))
    });
    let own = fs::read_to_string(format!("/proc/{}/oom_score_adj", ours.id())).unwrap();
    assert_ne!(own.trim(), "1000");
    let us = Pid::from_raw(ours.id().cast_signed()).unwrap();
    kill_process(us, Signal::TERM).unwrap();
    ours.wait().unwrap();
}
