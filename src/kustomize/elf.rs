//! Finds the dynamic loader of an ELF program.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where a dynamic loader looks for libraries (ld.so(8)).
pub(super) const LIBRARIES: [&str; 6] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/usr/local/lib",
];
/// How much of a program's file is read to find its headers, in bytes.
const HEAD: u64 = 64 * 1024;
/// `PT_INTERP` (elf(5)): the program header that names the loader.
const INTERPRETER: usize = 3;

/// The path of a program's dynamic loader; `None` if it is static or not an ELF64 program. The path is empty if the
/// header's name is outside of the part that is read.
#[must_use]
pub(super) fn loader(program: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    let read = File::open(program).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    read.ok().and_then(|_| named(&head))
}

/// The loader that an ELF64 header (little endian) names among its program headers.
fn named(head: &[u8]) -> Option<PathBuf> {
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let number = |at: usize, bytes: usize| -> Option<usize> {
        let field = head.get(at..at.checked_add(bytes)?)?;
        let value = field
            .iter()
            .rev()
            .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        usize::try_from(value).ok()
    };
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let header = (0..count)
        .filter_map(|index| table.checked_add(index.checked_mul(size)?))
        .find(|at| number(*at, 4) == Some(INTERPRETER))?;
    let field = |offset: usize| number(header.checked_add(offset)?, 8);
    let name = || {
        let (start, length) = (field(8)?, field(32)?);
        let name = head.get(start..start.checked_add(length)?)?;
        name.split(|byte| *byte == 0).next()
    };
    Some(OsStr::from_bytes(name().unwrap_or_default()).into())
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
        head[64 + 8] = 120;
        head[64 + 32] = 6;
        head.extend(b"/ld.so\0");
        head
    }

    #[test]
    fn only_a_program_with_a_loader_names_one() {
        assert_eq!(named(&program(3)).unwrap(), Path::new("/ld.so"));
        assert_eq!(named(&program(1)), None);
        for cut in 0..120 {
            let _ = named(&program(3)[..cut]);
        }
        // a program with a loader is not static, even if the loader's name is invalid
        assert_eq!(named(&program(3)[..120]).unwrap(), Path::new(""));
        assert_eq!(named(b"#!/bin/sh\n"), None);
        assert_eq!(loader(Path::new("/nowhere")), None);
    }

    #[test]
    fn hostile_headers_are_no_program() {
        let mut head = program(3);
        head[32..40].fill(0xff);
        head[54..58].fill(0xff);
        assert_eq!(named(&head), None);
        let mut head = program(3);
        head[72..80].fill(0xff);
        head[96..104].fill(0xff);
        assert_eq!(named(&head).unwrap(), Path::new(""));
    }
}
