//! What a server is started with.

use std::fmt::Write;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::process::Process;
use super::scratch::Scratch;
use super::server::{self, RedisServer};

/// How often a port that looked free may turn out to be taken.
const ATTEMPTS: u32 = 10;

/// Settings of a [`RedisServer`] that is yet to be started.
#[derive(Debug, Clone, Default)]
pub struct RedisBuilder {
    lines: Vec<String>,
    password: Option<String>,
    follows: bool,
}

impl RedisBuilder {
    /// Adds a line of `redis.conf`, such as `maxmemory 10mb`. Later lines override earlier ones and the defaults.
    #[must_use]
    pub fn config(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Demands this password of everybody but ACL users; [`RedisServer::url`] carries it. Letters and digits only.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        let password = password.into();
        self.lines.push(format!("requirepass {password}"));
        self.password = Some(password);
        self
    }

    /// Adds an ACL user, in Redis's own words: `app on >secret ~larder:* +@all`.
    #[must_use]
    pub fn user(self, rule: &str) -> Self {
        self.config(format!("user {rule}"))
    }

    /// Makes it a replica of `primary`. Starting then waits until it is in sync.
    #[must_use]
    pub fn replica_of(mut self, primary: &RedisServer) -> Self {
        let address = primary.address();
        self.lines.push(format!("replicaof {} {}", address.ip(), address.port()));
        if let Some(password) = primary.password() {
            self.lines.push(format!("masterauth {password}"));
        }
        self.follows = true;
        self
    }

    /// Starts the server on a free port, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if there is no `redis-server` on the `PATH`; what the server logged if it does not
    /// start with these settings, or is not ready within thirty seconds.
    pub async fn start(self) -> io::Result<RedisServer> {
        server::blocking(move || self.start_blocking()).await
    }

    fn start_blocking(&self) -> io::Result<RedisServer> {
        let directory = Scratch::new()?;
        let mut attempt = 1;
        loop {
            let address = free_address()?;
            fs::write(config_file(directory.path()), self.config_for(address, directory.path()))?;
            match self.ready(address, directory.path()) {
                Ok(process) => return Ok(RedisServer::new(self.clone(), address, directory, process)),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs a server in a directory that has its configuration, and waits until it can be used.
    pub(super) fn ready(&self, address: SocketAddr, directory: &Path) -> io::Result<Process> {
        let mut process = Process::spawn(directory, &config_file(directory))?;
        process.wait_until_ready(address, self.password.as_deref(), self.follows)?;
        Ok(process)
    }

    pub(super) fn secret(&self) -> Option<&str> {
        self.password.as_deref()
    }

    fn config_for(&self, address: SocketAddr, directory: &Path) -> String {
        let mut text = format!(
            "bind {}\nport {}\ndir \"{}\"\nsave \"\"\nappendonly no\nrepl-diskless-sync-delay 0\n",
            address.ip(),
            address.port(),
            directory.display(),
        );
        for line in &self.lines {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

fn config_file(directory: &Path) -> PathBuf {
    directory.join("redis.conf")
}

/// A port that nobody listens on.
///
/// It lies below those that systems give to outgoing connections, so that none of these can take it while the server
/// is down for a restart.
fn free_address() -> io::Result<SocketAddr> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..100 {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, fastrand::u16(20_000..32_000))) {
            Ok(listener) => return listener.local_addr(),
            Err(error) => last = error,
        }
    }
    Err(last)
}
