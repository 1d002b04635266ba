use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use super::*;
use crate::explain::Explain;

fn read(paths: &[PathBuf], stdin: impl Read) -> Result<Sources, SourceError> {
    super::read(paths, stdin, DEFAULT_LIMIT)
}

struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            tree.write(name, text.as_bytes());
        }
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() {
            self.0.path().to_path_buf()
        } else {
            self.0.path().join(name)
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn read(&self, names: &[&str]) -> Result<Sources, SourceError> {
        let paths: Vec<_> = names.iter().map(|name| self.path(name)).collect();
        read(&paths, io::empty())
    }

    /// Names relative to the tree.
    fn names(&self, named: &[&str]) -> Vec<String> {
        let sources = self.read(named).unwrap();
        sources
            .list
            .iter()
            .map(|one| self.short(&one.name))
            .collect()
    }

    fn short(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }

    fn error(&self, named: &[&str]) -> SourceError {
        self.read(named).unwrap_err()
    }
}

fn paths(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

#[test]
fn a_dash_or_no_path_is_standard_input() {
    for named in [paths(&[]), paths(&["-"])] {
        let sources = read(&named, "a: 1".as_bytes()).unwrap();
        assert_eq!(sources.list.len(), 1);
        assert_eq!(sources.list[0].name, "stdin");
        assert_eq!(sources.list[0].text, "a: 1");
    }
}

#[test]
fn standard_input_keeps_its_place_among_files() {
    let tree = Tree::new(&[("a.yaml", "A"), ("b.yaml", "B")]);
    let named = [tree.path("b.yaml"), PathBuf::from("-"), tree.path("a.yaml")];
    let sources = read(&named, "S".as_bytes()).unwrap();
    let texts: Vec<_> = sources.list.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(texts, ["B", "S", "A"]);
}

#[test]
fn a_second_dash_is_a_usage_error() {
    let error = read(&paths(&["-", "-"]), io::empty()).unwrap_err();
    assert_eq!(error, SourceError::StdinTwice);
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn standard_input_is_not_read_unless_named() {
    struct Untouchable;
    impl Read for Untouchable {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("stdin was read")
        }
    }
    let tree = Tree::new(&[("a.yaml", "A")]);
    read(&[tree.path("a.yaml")], Untouchable).unwrap();
}

#[test]
fn a_named_file_is_read_under_any_name() {
    let tree = Tree::new(&[("notes.txt", "x"), ("kustomization.yaml", "y"), (".h", "z")]);
    assert_eq!(
        tree.names(&["notes.txt", "kustomization.yaml", ".h"]),
        ["notes.txt", "kustomization.yaml", ".h"]
    );
}

#[test]
fn manifests_of_a_directory_are_sorted_by_path_bytes() {
    let tree = Tree::new(&[
        ("b.yml", ""),
        ("a/x.json", ""),
        ("a-b.yaml", ""),
        ("a/deep/er/y.yaml", ""),
        ("Z.yaml", ""),
        ("é.yaml", ""),
        (".dotfile.yaml", ""),
        ("folder.yaml/in.yaml", ""),
    ]);
    let expected = [
        "Z.yaml",
        "a-b.yaml",
        "a/deep/er/y.yaml",
        "a/x.json",
        "b.yml",
        "folder.yaml/in.yaml",
        "é.yaml",
    ];
    assert_eq!(tree.names(&[""]), expected);
}

#[test]
fn other_files_in_a_directory_are_skipped() {
    let tree = Tree::new(&[
        ("a.yaml", ""),
        ("A.YAML", ""),
        ("b.Yml", ""),
        ("README.md", ""),
        ("yaml", ""),
        ("kustomization.yaml", ""),
        ("sub/kustomization.yml", ""),
        ("sub/Kustomization", ""),
        (".git/config.yaml", ""),
        ("sub/.hidden/x.yaml", ""),
    ]);
    assert_eq!(tree.names(&[""]), ["a.yaml"]);
}

#[test]
fn a_named_dot_folder_is_read() {
    let tree = Tree::new(&[(".ci/x.yaml", "")]);
    assert_eq!(tree.names(&[".ci"]), [".ci/x.yaml"]);
}

#[test]
fn links_in_a_directory_are_skipped_with_a_note() {
    let tree = Tree::new(&[("outer/x.yaml", "x"), ("d/a.yaml", "a")]);
    symlink("../outer/x.yaml", tree.path("d/l.yaml")).unwrap();
    symlink("../outer", tree.path("d/folder")).unwrap();
    symlink("nowhere", tree.path("d/dangling.json")).unwrap();
    symlink("../outer/x.yaml", tree.path("d/plain")).unwrap();
    let sources = tree.read(&["d"]).unwrap();
    assert_eq!(sources.list.len(), 1);
    let notes: Vec<_> = sources.notes.iter().map(|note| tree.short(note)).collect();
    assert_eq!(
        notes,
        [
            "d/dangling.json is a symbolic link and was left out",
            "d/folder is a symbolic link and was left out",
            "d/l.yaml is a symbolic link and was left out",
        ]
    );
}

#[test]
fn a_directory_of_only_links_is_an_error_that_explains_links() {
    let tree = Tree::new(&[("outer/x.yaml", "x")]);
    fs::create_dir(tree.path("d")).unwrap();
    symlink("../outer/x.yaml", tree.path("d/l.yaml")).unwrap();
    let error = tree.error(&["d"]);
    assert_eq!(
        tree.short(&error.to_string()),
        "no YAML or JSON files were found in d"
    );
    assert!(error.help().contains("symbolic links"), "{}", error.help());
}

#[test]
fn a_named_link_is_followed() {
    let tree = Tree::new(&[("d/x.yaml", "X")]);
    symlink("d/x.yaml", tree.path("file-link")).unwrap();
    symlink("d", tree.path("folder-link")).unwrap();
    assert_eq!(
        tree.names(&["file-link", "folder-link"]),
        ["file-link", "folder-link/x.yaml"]
    );
}

#[test]
fn a_directory_without_manifests_is_an_error_worded_as_in_avp() {
    let tree = Tree::new(&[("d/README.md", ""), ("d/kustomization.yaml", "")]);
    let error = tree.error(&["d"]);
    assert_eq!(
        tree.short(&error.to_string()),
        "no YAML or JSON files were found in d"
    );
    assert_eq!(error.exit_code(), 1);
    assert!(error.help().contains(".yaml"), "{}", error.help());
}

#[test]
fn all_missing_files_are_named_in_order_as_usage_errors() {
    let tree = Tree::new(&[("a.yaml", ""), ("bad.yaml", "")]);
    tree.write("bad.yaml", b"ok\xff");
    let error = tree.error(&["z.yaml", "bad.yaml", "a.yaml", "m.yaml", "a.yaml/x"]);
    assert_eq!(
        tree.short(&error.to_string()),
        "cannot read a.yaml/x: no such file or directory\n\
         bad.yaml is not UTF-8 text: wrong byte at offset 2\n\
         cannot read m.yaml: no such file or directory\n\
         cannot read z.yaml: no such file or directory"
    );
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn invalid_utf8_is_located_but_not_quoted() {
    let error = read(&[], &b"token: s3cret\xc3\x28"[..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "stdin is not UTF-8 text: wrong byte at offset 13"
    );
    assert_eq!(error.help(), "manifests must be UTF-8 text");
    assert_eq!(error.exit_code(), 1);
    assert!(!format!("{error:?}").contains("s3cret"));
}

#[test]
fn utf16_has_its_own_help() {
    for text in [&b"\xff\xfea\0"[..], &b"\xfe\xff\0a"[..]] {
        let error = read(&[], text).unwrap_err();
        assert_eq!(
            error.to_string(),
            "stdin is UTF-16 text, and UTF-8 is required"
        );
        assert!(error.help().contains("PowerShell"), "{}", error.help());
    }
}

#[test]
fn a_socket_with_the_name_of_a_manifest_is_an_error() {
    let tree = Tree::new(&[("a.yaml", "")]);
    let _other = UnixListener::bind(tree.path("agent.sock")).unwrap();
    assert_eq!(tree.names(&[""]), ["a.yaml"]);
    let _listener = UnixListener::bind(tree.path("s.yaml")).unwrap();
    let error = tree.error(&[""]);
    assert_eq!(
        tree.short(&error.to_string()),
        "cannot read s.yaml: it is a pipe, a socket or a device"
    );
}

#[test]
fn an_inherited_pipe_is_read() {
    let (mut writer, reader) = os_pipe();
    io::Write::write_all(&mut writer, b"a: 1").unwrap();
    drop(writer);
    let path = PathBuf::from(format!(
        "/dev/fd/{}",
        std::os::fd::AsRawFd::as_raw_fd(&reader)
    ));
    assert_eq!(read(&[path], io::empty()).unwrap().list[0].text, "a: 1");
}

fn os_pipe() -> (io::PipeWriter, io::PipeReader) {
    let (reader, writer) = io::pipe().unwrap();
    (writer, reader)
}

#[test]
fn an_unreadable_folder_is_an_error() {
    let tree = Tree::new(&[("a.yaml", ""), ("locked/b.yaml", "")]);
    let locked = tree.path("locked");
    if fs::metadata(&locked).unwrap().uid() == 0 {
        println!("SKIPPED: root may read every folder");
        return;
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let error = tree.error(&[""]);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(
        tree.short(&error.to_string()),
        "cannot read locked: permission denied"
    );
    assert_eq!(error.exit_code(), 1);
}

#[test]
fn a_missing_folder_is_an_error() {
    let found = walk::walk(Path::new("/nonexistent/folder"), &[]);
    assert_eq!(found.unreadable.len(), 1);
    assert_eq!(found.unreadable[0].reason, UnreadableReason::NotFound);
}

#[test]
fn line_breaks_in_file_names_are_escaped() {
    let name = std::ffi::OsStr::from_bytes(b"/no/a\nhelp: \x1b[2Jb.yaml");
    let error = read(&[PathBuf::from(name)], io::empty()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read /no/a\\nhelp: \\u{1b}[2Jb.yaml: no such file or directory"
    );
}

#[test]
fn very_deep_folders_are_searched() {
    let deep = vec!["d"; 1000].join("/") + "/x.yaml";
    let tree = Tree::new(&[(&deep, "x")]);
    assert_eq!(tree.names(&[""]), [deep]);
}

#[test]
fn white_space_and_a_byte_order_mark_are_blank() {
    for text in ["", " ", "\r\n\t\n", "\u{feff}", "\u{feff}\n"] {
        assert!(is_blank(text), "{text:?}");
    }
    for text in ["a", "# comment", "---", "\n \n{}"] {
        assert!(!is_blank(text), "{text:?}");
    }
}

#[test]
fn debug_does_not_show_the_text() {
    let sources = read(&[], "token: s3cret".as_bytes()).unwrap();
    assert_eq!(
        format!("{sources:?}"),
        "Sources { list: [Source(stdin, 13 bytes)], notes: [] }"
    );
}

#[test]
fn reading_stops_at_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.yaml", "b.yaml"] {
        fs::write(dir.path().join(name), "12345").unwrap();
    }
    let within = |paths: &[PathBuf], max| super::read(paths, &b"123"[..], Limit::BuiltIn(max));
    let folder = dir.path().to_owned();
    assert_eq!(
        within(std::slice::from_ref(&folder), 10)
            .unwrap()
            .list
            .len(),
        2
    );
    assert_eq!(
        within(std::slice::from_ref(&folder), 9).unwrap_err(),
        SourceError::TooLarge(Limit::BuiltIn(9))
    );
    assert!(within(&[], 3).is_ok());
    // even if truncated within a character, or endless, it is too large
    let policy = Limit::Policy(2);
    for text in [&mut "ää".as_bytes() as &mut dyn Read, &mut io::repeat(0)] {
        let error = super::read(&[], text, policy).unwrap_err();
        assert_eq!(
            (error.exit_code(), error),
            (1, SourceError::TooLarge(policy))
        );
    }
}

#[test]
fn every_error_has_a_message_and_help() {
    use UnreadableReason::{
        Configuration, Denied, Folder, NoManifests, NotFound, NotUtf8, Other, Special, TooLarge,
        Utf16,
    };
    let reasons = [
        NotFound,
        Denied,
        Special { named: true },
        Special { named: false },
        Folder,
        Configuration,
        TooLarge(1),
        NoManifests { links: true },
        NoManifests { links: false },
        NotUtf8 { offset: 1 },
        Utf16,
        Other("is broken".to_owned()),
    ];
    let unreadable = reasons.map(|reason| {
        // fails to compile if a reason is missing above
        match reason {
            NotFound
            | Denied
            | Special { .. }
            | Folder
            | Configuration
            | TooLarge(_)
            | NoManifests { .. }
            | NotUtf8 { .. }
            | Utf16
            | Other(_) => {}
        }
        let name = "a.yaml".to_owned();
        SourceError::Unreadable(vec![Unreadable { name, reason }])
    });
    let others = [
        SourceError::StdinTwice,
        SourceError::TooLarge(Limit::Policy(5)),
        SourceError::TooLarge(Limit::BuiltIn(5)),
    ];
    for error in unreadable.into_iter().chain(others) {
        assert!(!error.help().is_empty(), "{error:?}");
        assert!(!error.to_string().is_empty(), "{error:?}");
    }
}
