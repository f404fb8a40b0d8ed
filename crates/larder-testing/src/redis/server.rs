//! The handle with which a test controls its server.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::config::{self, Ports};
use super::process::Process;
use super::resp::{Connection, Door, Reply};
use super::scratch::Scratch;
use super::settings::Settings;
use crate::lock::lock;

/// The maximum number of attempts to start, because a port that looked free may be taken.
const ATTEMPTS: u32 = 10;

/// The maximum time that a test waits for the reply of a server that hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// A `redis-server` that belongs to one test, on a free port of the loopback interface.
///
/// The server has its own directory, and persists nothing unless its configuration says so. It ends
/// when this value is dropped, including during a panic, and when the test's process is killed. All
/// waits are in real time, even if tokio's clock is paused.
#[derive(Debug)]
pub struct RedisServer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    address: SocketAddr,
    door: Door,
    /// `None` while the server is killed.
    ///
    /// This field is declared before the directory, so that the server is dead before its directory
    /// is removed.
    process: Mutex<Option<Process>>,
    directory: Scratch,
}

impl RedisServer {
    /// Starts a server with default settings.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`RedisBuilder::start`](super::RedisBuilder::start).
    pub async fn start() -> io::Result<Self> {
        blocking(|| Self::start_blocking(&Settings::default())).await
    }

    /// Starts a server with these settings. Blocks the thread.
    pub(super) fn start_blocking(settings: &Settings) -> io::Result<Self> {
        let directory = Scratch::new()?;
        let mut attempt = 1;
        loop {
            let ports = Ports::choose()?;
            fs::write(config::file(directory.path()), settings.config_for(&ports, directory.path())?)?;
            match run(settings, ports.main, directory.path()) {
                Ok(process) => return Ok(Self::new(settings.clone(), ports.main, directory, process)),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn new(settings: Settings, address: SocketAddr, directory: Scratch, process: Process) -> Self {
        let door = settings.door(address, directory.path());
        let shared = Shared { settings, address, door, process: Mutex::new(Some(process)), directory };
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
        self.shared.settings.url("", &address.to_string())
    }

    /// Returns the server's own directory, with its configuration, log and persisted data.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.shared.directory.path()
    }

    /// Sends one command on a new connection, and waits for the reply.
    ///
    /// # Errors
    ///
    /// If Redis replies with an error, the returned error contains Redis's own text. Returns an
    /// error as well if the connection fails, or if the server does not reply within ten seconds.
    pub async fn command(&self, words: &[impl AsRef<[u8]>]) -> io::Result<Reply> {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_ref().to_vec()).collect();
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.ask(&words)).await
    }

    /// Hangs the server (`SIGSTOP`), and returns once it hangs.
    ///
    /// Connections stay open, and the system accepts new ones, but the server does not reply.
    ///
    /// # Errors
    ///
    /// Returns an error if the server is not running.
    pub fn pause(&self) -> io::Result<()> {
        self.running(Process::stop)
    }

    /// Lets the server continue after [`pause`](Self::pause) (`SIGCONT`).
    ///
    /// # Errors
    ///
    /// Returns an error if the server is not running.
    pub fn resume(&self) -> io::Result<()> {
        self.running(Process::cont)
    }

    /// Kills the server (`SIGKILL`), even if it hangs, and returns once it is dead.
    ///
    /// Its port then refuses connections.
    pub fn kill(&self) {
        lock(&self.shared.process).take();
    }

    /// Restarts the server with the same settings on the same port, and waits until it answers.
    ///
    /// If the server is still running, this method kills it first.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`RedisBuilder::start`](super::RedisBuilder::start), and an
    /// error if another process has taken the port in the meantime.
    pub async fn restart(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.restart()).await
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Sends a command like [`command`](Self::command), but blocks the thread.
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
        Connection::open(&self.door, self.settings.secret(), PATIENCE)?.command(words)
    }

    fn restart(&self) -> io::Result<()> {
        let mut process = lock(&self.process);
        process.take();
        *process = Some(run(&self.settings, self.address, self.directory.path())?);
        Ok(())
    }
}

/// Runs a server in a directory that contains its configuration, and waits until it is ready.
fn run(settings: &Settings, address: SocketAddr, directory: &Path) -> io::Result<Process> {
    let arguments: &[&str] = if settings.is_sentinel() { &["--sentinel"] } else { &[] };
    let mut process = Process::spawn(directory, &config::file(directory), arguments)?;
    process.wait_until_ready(&settings.door(address, directory), settings.secret())?;
    Ok(process)
}

/// Runs blocking work outside the runtime.
///
/// If tokio's clock is paused, it does not advance during this work.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
