//! Starts the real plugin server of Argo CD with our plugin file, and talks to it as the repo-server does.

use std::fs;
use std::future::poll_fn;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use http::{HeaderMap, Request};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::proto::{Metadata, chunk, manifests};
use crate::container::for_podman;
use crate::support::{clean, exe, root, run, temp_dir, tool};

/// How long the server may take to start, and a call to end.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running plugin server.
pub(super) struct PluginServer {
    folder: TempDir,
    socket: PathBuf,
    child: Child,
}

/// What the server says when a plugin fails: the status of gRPC, and the message that Argo CD shows.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u32,
    pub(super) message: String,
}

impl Failure {
    #[track_caller]
    pub(super) fn says(&self, text: &str) {
        let message = &self.message;
        assert!(
            message.contains(text),
            "it does not say {text:?}: {message}"
        );
    }
}

/// A call for manifests.
pub(super) struct Call<'a> {
    /// The repository, all of which is sent.
    pub(super) repository: &'a Path,
    /// The Application's path in it.
    pub(super) path: &'a str,
    /// The environment that Argo CD adds.
    pub(super) env: &'a [(&'a str, &'a str)],
    /// How long the caller waits; the server then kills the plugin.
    pub(super) deadline: Duration,
}

impl<'a> Call<'a> {
    /// A call with nothing special.
    pub(super) fn new(repository: &'a Path, path: &'a str, env: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            repository,
            path,
            env,
            deadline: PATIENCE,
        }
    }
}

impl PluginServer {
    /// A server with the plugin file at `plugin`, named `name` in it, and `env` in its own environment;
    /// `None` after a skip.
    ///
    /// The file is used as it is: the programs that it names are found in a folder that is all of `PATH`.
    #[track_caller]
    pub(super) fn start(plugin: &Path, name: &str, env: &[(&str, &str)]) -> Option<Self> {
        let server = tool("argocd-cmp-server")?;
        let programs = [
            ("gitops-fn", exe().to_owned()),
            ("kustomize", tool("kustomize")?),
            ("helm", tool("helm")?),
        ];
        let folder = temp_dir();
        let path = |name: &str| folder.path().join(name);
        for name in ["config", "sockets", "work", "bin", "home"] {
            fs::create_dir(path(name)).unwrap();
        }
        for (name, program) in programs {
            symlink(program, path("bin").join(name)).unwrap();
        }
        fs::copy(plugin, path("config/plugin.yaml")).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        // the shell ends the server when our end of the pipe is closed, by a drop or by our own end
        let child = clean("/bin/sh")
            .args([
                "-c",
                "\"$@\" </dev/null & exec 1>&- 2>&-; read -r line; kill -9 $!",
                "sh",
            ])
            .arg(server)
            .args(["--logformat", "text", "--config-dir-path"])
            .arg(path("config"))
            .env("PATH", path("bin"))
            .env("HOME", path("home"))
            .env("ARGOCD_PLUGINSOCKFILEPATH", path("sockets"))
            .env("ARGOCD_CMP_WORKDIR", path("work"))
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let socket = path("sockets").join(format!("{name}.sock"));
        Some(Self::started(folder, socket, child))
    }

    /// A server in a container of the plugin's image: read-only, as its own user, with the real plugin server where
    /// Argo CD's init container would put it, and with `options` of `podman run`; `None` after a skip.
    #[track_caller]
    pub(super) fn start_image(image: &str, options: &[&str]) -> Option<Self> {
        let server = tool("argocd-cmp-server")?;
        let folder = temp_dir();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("sockets")).unwrap();
        // a socket is made there by the container's user
        fs::set_permissions(path("sockets"), fs::Permissions::from_mode(0o777)).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let volume = |from: &Path, to: &str| format!("--volume={}:{to}", from.display());
        let log = fs::File::create(path("log")).unwrap();
        // the shell removes the container when our end of the pipe is closed, by a drop or by our own end
        let child = for_podman("/bin/sh")
            .args([
                "-c",
                "\"$@\" </dev/null & exec 1>&- 2>&-; read -r line; podman rm --force --time 0 --cidfile \"$CID\"",
                "sh",
            ])
            .arg(root().join("tests/tools/docker"))
            .args(["run", "--rm", "--read-only", "--tmpfs", "/tmp", "--security-opt=no-new-privileges"])
            .args(["--cap-drop=all", "--env", "ARGOCD_CMP_SERVER_LOGFORMAT=text"])
            .arg("--cidfile")
            .arg(path("cid"))
            .arg(volume(&server, "/var/run/argocd/argocd-cmp-server:ro"))
            .arg(volume(&path("sockets"), "/home/argocd/cmp-server/plugins"))
            .args(options)
            .arg(image)
            .env("CID", path("cid"))
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let socket = path("sockets/avp-kustomize.sock");
        Some(Self::started(folder, socket, child))
    }

    fn started(folder: TempDir, socket: PathBuf, child: Child) -> Self {
        let server = Self {
            folder,
            socket,
            child,
        };
        server.wait();
        server
    }

    fn wait(&self) {
        let begin = Instant::now();
        while UnixStream::connect(&self.socket).is_err() {
            assert!(
                begin.elapsed() < PATIENCE,
                "the plugin server did not start:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the server has logged.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// What is left in its work folder.
    pub(super) fn left_over(&self) -> usize {
        fs::read_dir(self.folder.path().join("work"))
            .unwrap()
            .count()
    }

    /// Asks for the manifests of an Application, as a repo-server does.
    pub(super) fn generate(&self, call: &Call) -> Result<Vec<String>, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let answer = async { tokio::time::timeout(PATIENCE * 2, self.ask(call)).await };
        let (headers, body) = runtime.block_on(answer).expect("an answer").unwrap();
        let code = status(&headers);
        if code != 0 {
            let message = headers.get("grpc-message");
            let message = message.map_or("", |text| text.to_str().unwrap());
            return Err(Failure {
                code,
                message: percent_decoded(message),
            });
        }
        // one message: a flag, its length, itself
        let length = u32::from_be_bytes(body[1..5].try_into().unwrap());
        assert_eq!((body[0], length as usize), (0, body.len() - 5));
        Ok(manifests(&body[5..]))
    }

    /// The status and the body of the answer.
    async fn ask(&self, call: &Call<'_>) -> Result<(HeaderMap, Vec<u8>), h2::Error> {
        let archive = archive(call.repository);
        let stream = tokio::net::UnixStream::connect(&self.socket).await.unwrap();
        let (sender, connection) = h2::client::handshake(stream).await?;
        tokio::spawn(connection);
        let mut sender = sender.ready().await?;
        let request =
            Request::post("http://localhost/plugin.ConfigManagementPluginService/GenerateManifest")
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .header("grpc-timeout", format!("{}m", call.deadline.as_millis()))
                .body(())
                .unwrap();
        let (response, mut stream) = sender.send_request(request, false)?;
        let metadata = Metadata {
            app_name: call.path.rsplit('/').next().unwrap(),
            app_path: call.path,
            checksum: &format!("{:x}", Sha256::digest(&archive)),
            size: archive.len() as u64,
            env: call.env,
        };
        stream.send_data(framed(&metadata.request()).into(), false)?;
        for part in archive.chunks(16_384) {
            stream.send_data(framed(&chunk(part)).into(), false)?;
        }
        stream.send_data(Vec::new().into(), true)?;

        let (head, mut stream) = response.await?.into_parts();
        let mut body = Vec::new();
        while let Some(data) = stream.data().await {
            let data = data?;
            stream.flow_control().release_capacity(data.len())?;
            body.extend_from_slice(&data);
        }
        // what fails at once has its status in the head
        let trailers = poll_fn(|context| stream.poll_trailers(context)).await?;
        Ok((trailers.unwrap_or(head.headers), body))
    }
}

impl Drop for PluginServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn status(headers: &HeaderMap) -> u32 {
    let status = headers.get("grpc-status").expect("a status");
    status.to_str().unwrap().parse().unwrap()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// The repository as Argo CD packs it.
fn archive(repository: &Path) -> Vec<u8> {
    let mut tar: Command = clean("tar");
    tar.args(["--create", "--gzip", "--directory"])
        .arg(repository)
        .arg(".");
    run(&mut tar, "").success().stdout
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        let escaped = (*byte == b'%').then(|| tail.get(..2)).flatten();
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(value) = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(value);
            rest = &tail[2..];
        } else {
            bytes.push(*byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}
