//! The handle of a test's server.

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

/// How long a hung server may delay a reply.
const PATIENCE: Duration = Duration::from_secs(10);

/// A `redis-server` for one test, on a free port of the loopback interface.
///
/// It has its own directory, and persists nothing unless configured. It dies when this is dropped,
/// also by a panic, and when the test's process is killed. Waiting happens in real time, also under
/// tokio's paused clock.
#[derive(Debug)]
pub struct RedisServer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    builder: RedisBuilder,
    address: SocketAddr,
    door: Door,
    /// `None` while it is killed. Declared before the directory, so that the process is dead when
    /// that is removed.
    process: Mutex<Option<Process>>,
    directory: Scratch,
}

impl RedisServer {
    /// Starts a server with the defaults.
    ///
    /// # Errors
    ///
    /// Fails like [`RedisBuilder::start`].
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Returns a builder for the settings of a server.
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

    /// Returns the address that it listens on, which never changes.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Returns its URL, with the password if it has one.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.shared.address)
    }

    /// Returns its URL with another address: that of a [`Proxy`](crate::Proxy) in front of it.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        self.shared.builder.url("", &address.to_string())
    }

    /// Returns its directory, with the configuration, the log, and persisted data.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.shared.directory.path()
    }

    /// Sends one command on a new connection, and waits for the reply.
    ///
    /// # Errors
    ///
    /// Returns Redis's error reply, or the failure of the connection. A server that does not reply
    /// within ten seconds is an error too.
    pub async fn command(&self, words: &[impl AsRef<[u8]>]) -> io::Result<Reply> {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_ref().to_vec()).collect();
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.ask(&words)).await
    }

    /// Hangs it (`SIGSTOP`), and returns once it hangs: connections stay, the system accepts new
    /// ones, and nothing is answered.
    ///
    /// # Errors
    ///
    /// Fails if it does not run.
    pub fn stop(&self) -> io::Result<()> {
        self.running(Process::stop)
    }

    /// Lets it continue after [`stop`](Self::stop) (`SIGCONT`).
    ///
    /// # Errors
    ///
    /// Fails if it does not run.
    pub fn cont(&self) -> io::Result<()> {
        self.running(Process::cont)
    }

    /// Kills it (`SIGKILL`), hung or not, and returns once it is dead. Its port then refuses
    /// connections.
    pub fn kill(&self) {
        lock(&self.shared.process).take();
    }

    /// Kills it if it runs, restarts it with the same settings on the same port, and waits until it
    /// answers.
    ///
    /// # Errors
    ///
    /// Fails like [`RedisBuilder::start`], and if another program has taken the port meanwhile.
    pub async fn restart(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.restart()).await
    }

    pub(super) fn builder_of(&self) -> &RedisBuilder {
        &self.shared.builder
    }

    /// Sends a command like [`command`](Self::command), but blocks.
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

/// Runs a blocking function outside of the runtime. Tokio's paused clock does not move meanwhile.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
