//! Checks kustomize's version. Before 5.8.3, helm could take a chart's release name for an option (kustomize #6241).

use crate::finding::Finding;

/// The oldest supported version.
const OLDEST: [u64; 3] = [5, 8, 3];

/// Checks the output of `kustomize version`: `v5.8.3`, or `{Version:kustomize/v5.8.3 …}`.
///
/// # Errors
/// A [`Finding`] if the version is older than [`OLDEST`], or unknown.
pub(super) fn check(printed: &[u8]) -> Result<(), Finding> {
    let known = std::str::from_utf8(printed).ok().and_then(read);
    let refuse = |fact: String| {
        Err(Finding::error(
            fact,
            "install kustomize 5.8.3 or later; older ones let a chart's name be an option of helm",
        )
        .exiting(2))
    };
    match known {
        None => refuse("this kustomize does not tell its version".to_owned()),
        Some(version) if version < OLDEST => {
            let [major, minor, patch] = version;
            refuse(format!("this is kustomize {major}.{minor}.{patch}"))
        }
        Some(_) => Ok(()),
    }
}

/// Finds the first `X.Y.Z` in a text.
fn read(text: &str) -> Option<[u64; 3]> {
    text.split(|ch: char| !(ch.is_ascii_digit() || ch == '.'))
        .find_map(|word| {
            let mut numbers = word.split('.').map(str::parse);
            let three = [
                numbers.next()?.ok()?,
                numbers.next()?.ok()?,
                numbers.next()?.ok()?,
            ];
            Some(three)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_and_unknown_ones_are_refused() {
        for good in [
            "v5.8.3\n",
            "5.10.0",
            "{Version:kustomize/v6.0.0 GitCommit:1}",
            "v5.8.3-rc.1",
        ] {
            assert!(check(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in ["v5.8.2", "v5.7.9", "4.99.99", "(devel)", "", "unknown 1.2"] {
            assert!(check(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(check(&[0xff]).is_err());
    }
}
