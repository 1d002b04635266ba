//! What a mount holds, as the server tells it.

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

/// What a mount holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// KV secrets.
    Kv(KvVersion),
    /// Anything else.
    Other,
}

/// What is known of the mount that holds a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Its path without outer slashes, and what it holds.
    Mount(String, Engine),
    /// The server does not tell: it hides mounts in which the token has no right, and those that are not
    /// there.
    Nothing,
}

/// What the server has told of its mounts in this run.
#[derive(Default)]
pub(crate) struct Mounts(Mutex<Known>);

#[derive(Default)]
struct Known {
    engines: BTreeMap<String, Engine>,
    /// Folders of paths of which the server has not told the mount. Each mount that could hold another path
    /// of the same folder could hold those too.
    untold: BTreeSet<String>,
    /// Whoever asks the server keeps those waiting that would be told the same.
    askers: BTreeMap<String, Arc<tokio::sync::Mutex<()>>>,
}

impl Known {
    fn of(&self, path: &str) -> Option<Told> {
        let mut engines = self.engines.iter();
        match engines.find(|(mount, _)| below(path, mount).is_some()) {
            Some((mount, engine)) => Some(Told::Mount(mount.clone(), *engine)),
            None => self.is_untold(folder(path)).then_some(Told::Nothing),
        }
    }

    /// Whether nothing was told of a path in this folder, or in one below it.
    fn is_untold(&self, folder: &str) -> bool {
        let start = format!("{folder}/");
        let mut below = self.untold.range(start.clone()..);
        self.untold.contains(folder) || below.next().is_some_and(|found| found.starts_with(&start))
    }
}

impl Mounts {
    /// Remembers what a read has shown of a mount that the server does not tell. No mount lies within another,
    /// so a secret found there settles all paths below.
    pub(crate) fn shown(&self, asked: &str, mount: &str, version: KvVersion) {
        let mut known = self.known();
        if known.is_untold(folder(asked)) {
            let engine = Engine::Kv(version);
            known.engines.entry(mount.to_owned()).or_insert(engine);
        }
    }

    /// What the server says of the mount that holds `path`, which has no outer slashes.
    ///
    /// Asked once a mount: reads of the same mount wait for the first. Where it does not tell, it is asked
    /// once a folder, and for several folders at the same time.
    ///
    /// # Errors
    /// A [`ReadError`] of the whole store, or of a token of ours that has run out.
    pub(crate) async fn of(
        &self,
        server: &Server,
        session: &Session,
        path: &str,
    ) -> Result<Told, ReadError> {
        if let Some(told) = self.known().of(path) {
            return Ok(told);
        }
        let asker = self.asker(path);
        let _waited = asker.lock().await;
        if let Some(told) = self.known().of(path) {
            return Ok(told);
        }
        let Some(told) = ask(server, session, path).await? else {
            return Ok(Told::Nothing);
        };
        let mut known = self.known();
        match &told {
            Told::Mount(mount, engine) => {
                tracing::debug!(mount, ?engine, "found the mount");
                known.engines.insert(mount.clone(), *engine);
            }
            Told::Nothing => {
                known.untold.insert(folder(path).to_owned());
            }
        }
        Ok(told)
    }

    /// Mounts can have slashes in their names. As long as all is told, whatever begins alike is likely in one.
    fn asker(&self, path: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut known = self.known();
        let start = first(path);
        let name = if known.is_untold(start) {
            folder(path)
        } else {
            start
        };
        Arc::clone(known.askers.entry(name.to_owned()).or_default())
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

/// `None` where the answer says nothing of other paths either: the path itself may be at fault.
async fn ask(server: &Server, session: &Session, path: &str) -> Result<Option<Told>, ReadError> {
    let answer = server
        .call(MountOf(path), &session.caller, Retry::Always)
        .await?;
    if answer.status == 403 && session.has_expired() {
        return Err(ReadError::Denied(refused(
            format!("the token has expired: permission denied for the mount of {path}"),
            "let the role's tokens live longer than a run",
        )));
    }
    if answer.status != 200 {
        tracing::info!(
            path,
            status = answer.status,
            "the server does not say which mount holds this path"
        );
        let hidden = matches!(answer.status, 403..=405);
        return Ok(hidden.then_some(Told::Nothing));
    }
    let Some(info) = open::<MountInfo>(server, &answer)?.data else {
        return Ok(Some(Told::Nothing));
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
    // a namespace in front of the mount is not part of what we were asked for
    Ok(Some(match below(path, &mount) {
        Some(_) => Told::Mount(mount, engine),
        None => Told::Nothing,
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

/// `sys/internal/ui/mounts/PATH`: which mount holds a path, and what it is.
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
    fn what_is_not_told_of_a_path_is_not_told_of_its_folder() {
        let mut known = Known::default();
        known.untold.insert("team/a/kv".to_owned());
        for path in ["team/a/kv/x", "team/a/x", "team/x"] {
            assert_eq!(known.of(path), Some(Told::Nothing), "{path}");
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
        let told = Told::Mount("team/a/kv".to_owned(), Engine::Kv(KvVersion::V2));
        assert_eq!(known.of("team/a/kv/x"), Some(told));
    }
}
