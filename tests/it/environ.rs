//! Checks who can read the environment of our process, which may hold a credential.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::{clean, exe, run, skip, temp_dir};

/// Starts the program again and again, and reads its environment as fast as a shell can, up to a number of hits: prints
/// how many there have been. `env` has the variable among its arguments alone, so what is read is ours.
const RACE: &str = r#"
program=$1 most=$2 hits=0 starts=0
while [ $starts -lt 100 ] && [ $hits -lt $most ]; do
  starts=$((starts + 1))
  env VAULT_TOKEN=seen "$program" render - </dev/null >/dev/null 2>&1 &
  tries=0
  while [ $tries -lt 200 ]; do
    tries=$((tries + 1))
    environ=
    { IFS= read -r environ </proc/$!/environ; } 2>/dev/null
    case $environ in *VAULT_TOKEN=seen*) hits=$((hits + 1)); break ;; esac
  done
  wait
done
echo $hits
"#;

/// Another process of the same user against a copy of our program with this mode, which belongs to root.
fn hits(mode: u32, most: u32) -> u32 {
    let folder = temp_dir();
    let copy = folder.path().join("gitops-fn");
    fs::copy(exe(), &copy).unwrap();
    for (path, mode) in [(folder.path(), 0o755), (&*copy, mode)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = as_nobody();
    command.args(["sh", "-c", RACE, "sh"]);
    command.arg(&copy).arg(most.to_string());
    let output = run(&mut command, "").success();
    output.text().trim().parse().unwrap()
}

fn as_nobody() -> Command {
    let mut command = clean("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command
}

/// That is why the sidecar's image has it so: the program alone is too late, as the copy shows that can be read.
#[test]
fn a_program_that_its_user_cannot_read_hides_its_environment_from_the_start() {
    if !run(
        as_nobody().args(["sh", "-c", "read x </proc/self/environ; :"]),
        "",
    )
    .stderr
    .is_empty()
    {
        skip("no process of another user can be started");
        return;
    }
    assert!(
        hits(0o755, 1) > 0,
        "nothing is seen of a program that can be read"
    );
    assert_eq!(hits(0o711, 100), 0);
}
