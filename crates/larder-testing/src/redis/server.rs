//! The handle by which a test has its server.

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

/// How long a hung server may keep a test waiting for a reply.
const PATIENCE: Duration = Duration::from_secs(10);

/// A `redis-server` of the test's own, on a free port of the loopback interface.
///
/// It has a directory of its own and persists nothing unless told to. It dies when this is dropped, by a panic too,
/// and when the test's process is killed. Waiting is done in real time, also under tokio's paused clock.
#[derive(Debug)]
pub struct RedisServer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    builder: RedisBuilder,
    address: SocketAddr,
    door: Door,
    /// `None` while it is killed. Declared before the directory, so that it is dead when that is removed.
    process: Mutex<Option<Process>>,
    directory: Scratch,
}

impl RedisServer {
    /// Starts a server with the defaults.
    ///
    /// # Errors
    ///
    /// As [`RedisBuilder::start`].
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// The settings of a server that is yet to be started.
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

    /// Where it listens, for its whole life.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Its URL, with the password if it has one.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.shared.address)
    }

    /// Its URL with another address: that of a [`Proxy`](crate::Proxy) in front of it.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        self.shared.builder.url("", &address.to_string())
    }

    /// Its own directory: configuration, log, and what it persists.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.shared.directory.path()
    }

    /// Sends one command on a connection of its own, and waits for the reply.
    ///
    /// # Errors
    ///
    /// Redis's own words if it replies with an error; otherwise what is wrong with the connection. A server that does
    /// not reply within ten seconds is an error too.
    pub async fn command(&self, words: &[impl AsRef<[u8]>]) -> io::Result<Reply> {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_ref().to_vec()).collect();
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.ask(&words)).await
    }

    /// Hangs it (`SIGSTOP`), and returns when it hangs: connections stay, the system accepts new ones, nothing is
    /// answered.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn stop(&self) -> io::Result<()> {
        self.running(Process::stop)
    }

    /// Lets it go on after [`stop`](Self::stop) (`SIGCONT`).
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn cont(&self) -> io::Result<()> {
        self.running(Process::cont)
    }

    /// Kills it (`SIGKILL`), hung or not, and returns when it is dead. Its port refuses connections then.
    pub fn kill(&self) {
        lock(&self.shared.process).take();
    }

    /// Kills it if it runs, starts it again with the same settings on the same port, and waits until it answers.
    ///
    /// # Errors
    ///
    /// As [`RedisBuilder::start`], and if something else has taken the port meanwhile.
    pub async fn restart(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.restart()).await
    }

    pub(super) fn builder_of(&self) -> &RedisBuilder {
        &self.shared.builder
    }

    /// As [`command`](Self::command), where blocking is right.
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

/// Runs what blocks outside the runtime. Tokio's paused clock does not move meanwhile.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
