//! Asks the server which mount holds a path, and which engine the mount has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::login::session::Session;
use super::read_error::{ReadError, refused};
use super::response::open;
use super::server::Server;
use crate::http::retry::Retry;
use crate::secret::KvVersion;

/// The engine of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The KV engine, of this version.
    Kv(KvVersion),
    /// Any other engine.
    Other,
}

/// The server's answer about the mount of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mount {
    /// The mount's path without outer slashes, and its engine.
    Known(String, Engine),
    /// The server does not reveal the mount. It hides mounts for which the token has no permission, as if they did not
    /// exist.
    Hidden,
}

/// The server's answers about its mounts during this run.
#[derive(Default)]
pub(crate) struct Mounts(Mutex<Known>);

#[derive(Default)]
struct Known {
    engines: BTreeMap<String, Engine>,
    /// The folders of paths whose mount the server has not revealed. Whatever hidden mount holds another path of the
    /// same folder may also hold these.
    hidden: BTreeSet<String>,
    /// One lock per question to the server, so that reads with the same question wait for one answer.
    questions: BTreeMap<String, Arc<tokio::sync::Mutex<()>>>,
}

impl Known {
    fn of(&self, path: &str) -> Option<Mount> {
        let mut engines = self.engines.iter();
        match engines.find(|(mount, _)| below(path, mount).is_some()) {
            Some((mount, engine)) => Some(Mount::Known(mount.clone(), *engine)),
            None => self.is_hidden(folder(path)).then_some(Mount::Hidden),
        }
    }

    /// Whether the server has hidden the mount of a path in this folder or below it.
    fn is_hidden(&self, folder: &str) -> bool {
        let start = format!("{folder}/");
        let mut below = self.hidden.range(start.clone()..);
        self.hidden.contains(folder) || below.next().is_some_and(|found| found.starts_with(&start))
    }
}

impl Mounts {
    /// Remembers the engine of a hidden mount after a successful read. Mounts do not nest, so this holds for all paths
    /// below it.
    pub(crate) fn remember(&self, asked: &str, mount: &str, version: KvVersion) {
        let mut known = self.known();
        if known.is_hidden(folder(asked)) {
            let engine = Engine::Kv(version);
            known.engines.entry(mount.to_owned()).or_insert(engine);
        }
    }

    /// The mount that holds `path`, which has no outer slashes.
    ///
    /// The server is asked once per mount: other reads in the same mount wait for the first answer. If the server hides
    /// the mount, it is asked once per folder, for several folders at the same time.
    ///
    /// # Errors
    /// A [`ReadError`] that concerns the whole store, or a token that has expired.
    pub(crate) async fn of(
        &self,
        server: &Server,
        session: &Session,
        path: &str,
    ) -> Result<Mount, ReadError> {
        if let Some(mount) = self.known().of(path) {
            return Ok(mount);
        }
        let question = self.question(path);
        let _waited = question.lock().await;
        if let Some(mount) = self.known().of(path) {
            return Ok(mount);
        }
        let Some(mount) = ask(server, session, path).await? else {
            return Ok(Mount::Hidden);
        };
        let mut known = self.known();
        match &mount {
            Mount::Known(mount, engine) => {
                tracing::debug!(mount, ?engine, "found the mount");
                known.engines.insert(mount.clone(), *engine);
            }
            Mount::Hidden => {
                known.hidden.insert(folder(path).to_owned());
            }
        }
        Ok(mount)
    }

    /// The lock for the question about a path. Paths with the same first segment are probably in one mount, so they
    /// share a lock. A mount's name can contain slashes, however, so each folder has its own lock once such a path is
    /// hidden.
    fn question(&self, path: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut known = self.known();
        let start = first(path);
        let name = if known.is_hidden(start) {
            folder(path)
        } else {
            start
        };
        Arc::clone(known.questions.entry(name.to_owned()).or_default())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a path below a mount; `None` if the path is not in the mount.
pub(super) fn below<'p>(path: &'p str, mount: &str) -> Option<&'p str> {
    path.strip_prefix(mount)?.strip_prefix('/')
}

/// The first segment of a path.
pub(super) fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// A path without its last segment.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Asks the server; `None` for an answer that says nothing about other paths, since this path itself may be invalid.
async fn ask(server: &Server, session: &Session, path: &str) -> Result<Option<Mount>, ReadError> {
    let answer = server
        .call(MountOf(path), &session.caller, Retry::Always)
        .await?;
    if answer.status == 403 && session.has_expired() {
        return Err(ReadError::Denied(refused(
            format!("the token has expired: permission denied for the mount of {path}"),
            "let the tokens of the role stay valid for longer than a run",
        )));
    }
    if answer.status != 200 {
        tracing::info!(
            path,
            status = answer.status,
            "the server does not say which mount holds this path"
        );
        let hidden = matches!(answer.status, 403..=405);
        return Ok(hidden.then_some(Mount::Hidden));
    }
    let Some(info) = open::<MountInfo>(server, &answer)?.data else {
        return Ok(Some(Mount::Hidden));
    };
    let version = info
        .options
        .as_ref()
        .and_then(|options| options.version.as_deref());
    let engine = match (&*info.kind, version) {
        ("kv", Some("2")) => Engine::Kv(KvVersion::V2),
        ("kv" | "generic", _) => Engine::Kv(KvVersion::V1),
        _ => Engine::Other,
    };
    let mount = info.path.trim_matches('/').to_owned();
    // the server may put a namespace in front of the mount; the path is then not below it
    Ok(Some(match below(path, &mount) {
        Some(_) => Mount::Known(mount, engine),
        None => Mount::Hidden,
    }))
}

#[derive(Deserialize)]
struct MountInfo {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    options: Option<MountOptions>,
}

#[derive(Deserialize)]
struct MountOptions {
    version: Option<String>,
}

/// `sys/internal/ui/mounts/PATH`, which returns the mount that holds a path, and its engine.
struct MountOf<'p>(&'p str);

#[async_trait]
impl Endpoint for MountOf<'_> {
    type Response = IgnoredAny;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("sys/internal/ui/mounts/{}", self.0)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_hidden_mount_hides_its_folder() {
        let mut known = Known::default();
        known.hidden.insert("team/a/kv".to_owned());
        for path in ["team/a/kv/x", "team/a/x", "team/x"] {
            assert_eq!(known.of(path), Some(Mount::Hidden), "{path}");
        }
        for path in [
            "team/b/x",
            "team/a/kv/x/y",
            "team/a/kv-2/x",
            "team/a-b/x",
            "other/x",
        ] {
            assert_eq!(known.of(path), None, "{path}");
        }
        known
            .engines
            .insert("team/a/kv".to_owned(), Engine::Kv(KvVersion::V2));
        let mount = Mount::Known("team/a/kv".to_owned(), Engine::Kv(KvVersion::V2));
        assert_eq!(known.of("team/a/kv/x"), Some(mount));
    }
}
