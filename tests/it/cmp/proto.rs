//! The few messages of argo-cd's `plugin.proto` that a caller of a plugin server needs, by hand.

/// What a manifest is asked for with: the first message of the stream.
pub(super) struct Metadata<'a> {
    /// The last part of the Application's path.
    pub(super) app_name: &'a str,
    /// The Application's path below the repository.
    pub(super) app_path: &'a str,
    /// SHA-256 of the archive, in hex.
    pub(super) checksum: &'a str,
    /// The archive's length.
    pub(super) size: u64,
    /// The environment that Argo CD adds.
    pub(super) env: &'a [(&'a str, &'a str)],
}

impl Metadata<'_> {
    /// An `AppStreamRequest` that holds it.
    pub(super) fn request(&self) -> Vec<u8> {
        let mut message = Vec::new();
        bytes(&mut message, 1, self.app_name.as_bytes());
        bytes(&mut message, 2, self.app_path.as_bytes());
        bytes(&mut message, 3, self.checksum.as_bytes());
        varint(&mut message, 4 << 3);
        varint(&mut message, self.size);
        for (name, value) in self.env {
            let mut entry = Vec::new();
            bytes(&mut entry, 1, name.as_bytes());
            bytes(&mut entry, 2, value.as_bytes());
            bytes(&mut message, 5, &entry);
        }
        let mut request = Vec::new();
        bytes(&mut request, 1, &message);
        request
    }
}

/// An `AppStreamRequest` with a piece of the archive.
pub(super) fn chunk(archive: &[u8]) -> Vec<u8> {
    let (mut file, mut request) = (Vec::new(), Vec::new());
    bytes(&mut file, 1, archive);
    bytes(&mut request, 2, &file);
    request
}

/// The `manifests` of a `ManifestResponse`.
pub(super) fn manifests(mut message: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = read_varint(&mut message);
        assert_eq!(key & 7, 2, "a field of another type");
        let length = usize::try_from(read_varint(&mut message)).unwrap();
        let (value, rest) = message.split_at(length);
        message = rest;
        if key >> 3 == 1 {
            found.push(String::from_utf8(value.to_vec()).unwrap());
        }
    }
    found
}

fn bytes(message: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(message, field << 3 | 2);
    varint(message, value.len() as u64);
    message.extend(value);
}

fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        message.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    message.push(value.to_le_bytes()[0]);
}

fn read_varint(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().unwrap();
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

#[test]
fn a_request_is_what_protoc_would_make() {
    let metadata = Metadata {
        app_name: "web",
        app_path: "apps/web",
        checksum: "00",
        size: 300,
        env: &[("A", "b")],
    };
    assert_eq!(
        metadata.request(),
        b"\x0a\x1e\x0a\x03web\x12\x08apps/web\x1a\x0200\x20\xac\x02\x2a\x06\x0a\x01A\x12\x01b"
    );
    assert_eq!(chunk(b"xy"), b"\x12\x04\x0a\x02xy");
    assert_eq!(manifests(b"\x0a\x02ab\x12\x01s\x0a\x01c"), ["ab", "c"]);
}
