//! The common configuration of every server, and its locations.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::builder::Part;

/// The ports of one server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) main: SocketAddr,
    /// The port between the nodes of a cluster. Redis would add 10,000, which may be in use.
    bus: SocketAddr,
}

impl Ports {
    /// Finds two free ports.
    pub(super) fn choose() -> io::Result<Self> {
        // Both are held until both are found, so that they differ.
        let (main, bus) = (free()?, free()?);
        Ok(Self { main: main.local_addr()?, bus: bus.local_addr()? })
    }
}

/// Finds a port below the range for outgoing connections, so that none of these can take it while
/// the server restarts.
fn free() -> io::Result<TcpListener> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..100 {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, fastrand::u16(20_000..32_000))) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

pub(super) fn basics(part: Part, ports: &Ports, directory: &Path) -> Vec<String> {
    let mut lines = vec![
        format!("bind {}", ports.main.ip()),
        format!("port {}", ports.main.port()),
        format!("dir \"{}\"", directory.display()),
    ];
    let more = match part {
        // The following settings are not for sentinels.
        Part::Sentinel => return lines,
        Part::Server => None,
        Part::ClusterNode => {
            Some(["cluster-enabled yes".to_owned(), format!("cluster-port {}", ports.bus.port())])
        }
    };
    lines.extend(["save \"\"", "appendonly no", "repl-diskless-sync-delay 0"].map(str::to_owned));
    lines.extend(more.into_iter().flatten());
    lines
}

pub(super) fn file(directory: &Path) -> PathBuf {
    directory.join("redis.conf")
}

/// Returns the socket for administering a server that requires TLS on its port.
pub(super) fn socket(directory: &Path) -> PathBuf {
    directory.join("admin.sock")
}
