//! The handle by which a test controls its server.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::builder::RedisBuilder;
use super::process::Process;
use super::resp::{Connection, Door, Reply};
use super::scratch::Scratch;
use crate::lock::lock;

/// The maximum time that a hung server keeps a test waiting for a reply.
const PATIENCE: Duration = Duration::from_secs(10);

/// A `redis-server` that belongs to one test, on a free port of the loopback interface.
///
/// It has its own directory, and persists nothing unless its configuration says so. It ends when
/// this value is dropped, also by a panic, and when the test's process is killed. Waiting is done
/// in real time, even under tokio's paused clock.
#[derive(Debug)]
pub struct RedisServer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    builder: RedisBuilder,
    address: SocketAddr,
    door: Door,
    /// `None` while the server is killed.
    ///
    /// It is declared before the directory, so that the server is dead when its directory is
    /// removed.
    process: Mutex<Option<Process>>,
    directory: Scratch,
}

impl RedisServer {
    /// Starts a server with default settings.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`RedisBuilder::start`].
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Returns a builder with the default settings of a server.
    #[must_use]
    pub fn builder() -> RedisBuilder {
        RedisBuilder::default()
    }

    pub(super) fn new(
        builder: RedisBuilder,
        address: SocketAddr,
        directory: Scratch,
        process: Process,
    ) -> Self {
        let door = builder.door(address, directory.path());
        let shared = Shared { builder, address, door, process: Mutex::new(Some(process)), directory };
        Self { shared: Arc::new(shared) }
    }

    /// Returns the address of the server, which never changes.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Returns the URL of the server, with the password if it has one.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.shared.address)
    }

    /// Returns the URL with another address, such as that of a [`Proxy`](crate::Proxy).
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        self.shared.builder.url("", &address.to_string())
    }

    /// Returns the server's own directory, with configuration, log and persisted data.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.shared.directory.path()
    }

    /// Sends one command on a connection of its own, and waits for the reply.
    ///
    /// # Errors
    ///
    /// Returns Redis's own text if it replies with an error, and otherwise the problem with the
    /// connection. It is also an error if the server does not reply within ten seconds.
    pub async fn command(&self, words: &[impl AsRef<[u8]>]) -> io::Result<Reply> {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_ref().to_vec()).collect();
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.ask(&words)).await
    }

    /// Hangs the server (`SIGSTOP`), and returns when it hangs.
    ///
    /// Connections stay, and the system accepts new ones, but nothing is answered.
    ///
    /// # Errors
    ///
    /// Returns an error if the server does not run.
    pub fn stop(&self) -> io::Result<()> {
        self.running(Process::stop)
    }

    /// Lets the server continue after [`stop`](Self::stop) (`SIGCONT`).
    ///
    /// # Errors
    ///
    /// Returns an error if the server does not run.
    pub fn cont(&self) -> io::Result<()> {
        self.running(Process::cont)
    }

    /// Kills the server (`SIGKILL`), hung or not, and returns when it is dead.
    ///
    /// Its port then refuses connections.
    pub fn kill(&self) {
        lock(&self.shared.process).take();
    }

    /// Restarts the server with the same settings on the same port, and waits until it answers.
    ///
    /// If the server runs, this kills it first.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`RedisBuilder::start`], and an error if something else has taken
    /// the port meanwhile.
    pub async fn restart(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.restart()).await
    }

    pub(super) fn builder_of(&self) -> &RedisBuilder {
        &self.shared.builder
    }

    /// Sends a command as [`command`](Self::command) does, but blocks the thread.
    pub(super) fn ask(&self, words: &[impl AsRef<[u8]>]) -> io::Result<Reply> {
        self.shared.ask(words)
    }

    fn running(&self, act: impl FnOnce(&Process) -> io::Result<()>) -> io::Result<()> {
        match &*lock(&self.shared.process) {
            Some(process) => act(process),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "redis-server was killed")),
        }
    }
}

impl Shared {
    fn ask(&self, words: &[impl AsRef<[u8]>]) -> io::Result<Reply> {
        Connection::open(&self.door, self.builder.secret(), PATIENCE)?.command(words)
    }

    fn restart(&self) -> io::Result<()> {
        let mut process = lock(&self.process);
        process.take();
        *process = Some(self.builder.ready(self.address, self.directory.path())?);
        Ok(())
    }
}

/// Runs blocking work outside the runtime. Tokio's paused clock does not move meanwhile.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
