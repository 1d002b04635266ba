//! Our own configuration among the manifests: a Release must not be applied to a cluster.

use super::{Mode, place_name};
use crate::finding::Finding;
use crate::krm::resource::Object;

/// Whether an object is a Release.
pub(super) fn is_release(object: &Object) -> bool {
    let gvk = &object.subject.identity.gvk;
    &*gvk.group == "gitops-fn.dev" && &*gvk.kind == "Release"
}

/// The error for a Release in a list, which cannot be left out on its own.
pub(super) fn in_list(release: &Object) -> Finding {
    Finding::error(
        "a Release is not for the cluster",
        "take it out of the list, and name it with `-f` or under `transformers:`",
    )
    .at(&release.subject, "")
}

/// The finding for a Release among the manifests: an error in `build`, which can say where the Release belongs;
/// otherwise a warning that it was left out.
pub(super) fn finding(release: &Object, mode: Mode) -> Finding {
    let subject = &release.subject;
    let place = place_name(subject.file.as_deref(), subject.index);
    if mode == Mode::Build {
        Finding::error(
            format!("{place} is a Release, which is not for the cluster"),
            "put it under `transformers:` instead of `resources:`, or name it gitops-fn.yaml next to the kustomization",
        )
    } else {
        Finding::warning(
            format!("{place} is a Release, which is not for the cluster: it was left out"),
            "name it with `-f`, which makes it count",
        )
    }
}
