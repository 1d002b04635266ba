//! Whether a program needs a loader and libraries, and where they are.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where loaders look (ld.so(8)), beside the loader's own folder.
const LIBRARIES: [&str; 6] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/usr/local/lib",
];
/// As much of a program as holds its headers.
const HEAD: u64 = 64 * 1024;
/// `PT_INTERP` (elf(5)): the program header that names the loader.
const INTERPRETER: u32 = 3;

/// The files and folders that a program has to execute from, beside itself: none if it is static, or
/// not a program.
#[must_use]
pub(super) fn libraries(program: &Path) -> Vec<PathBuf> {
    let mut head = Vec::new();
    let read = File::open(program).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() || !is_dynamic(&head) {
        return Vec::new();
    }
    LIBRARIES.iter().map(PathBuf::from).collect()
}

/// Whether an ELF64 header (little endian) has a loader among its program headers.
fn is_dynamic(head: &[u8]) -> bool {
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return false;
    }
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let field = head.get(at..at.checked_add(bytes)?)?;
        let value = field
            .iter()
            .rev()
            .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        usize::try_from(value).ok()
    };
    let (Some(table), Some(size), Some(count)) = (number(32, 8), number(54, 2), number(56, 2))
    else {
        return false;
    };
    (0..count).any(|index| {
        let at = index
            .checked_mul(size)
            .and_then(|offset| table.checked_add(offset));
        at.and_then(|at| number(at, 4)) == Some(INTERPRETER as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(kind: u8) -> Vec<u8> {
        let mut head = vec![0; 64 + 56];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        head[32] = 64;
        head[54] = 56;
        head[56] = 1;
        head[64] = kind;
        head
    }

    #[test]
    fn only_a_program_with_a_loader_needs_libraries() {
        assert!(is_dynamic(&program(3)));
        assert!(!is_dynamic(&program(1)));
        for cut in 0..120 {
            let _ = is_dynamic(&program(3)[..cut]);
        }
        assert!(!is_dynamic(b"#!/bin/sh\n"));
        assert!(libraries(Path::new("/nowhere")).is_empty());
    }

    #[test]
    fn hostile_headers_are_no_program() {
        let mut head = program(3);
        head[32..40].fill(0xff);
        head[54..58].fill(0xff);
        assert!(!is_dynamic(&head));
    }
}
