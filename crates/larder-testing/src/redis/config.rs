//! What stands in every server's configuration file, and where.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::builder::Part;

/// Where one server listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) main: SocketAddr,
    /// For a cluster's nodes among themselves. Redis would add 10,000, which may be anybody's.
    bus: SocketAddr,
}

impl Ports {
    /// Two ports that nobody listens on.
    pub(super) fn choose() -> io::Result<Self> {
        // Both are held until both are found, so that they differ.
        let (main, bus) = (free()?, free()?);
        Ok(Self { main: main.local_addr()?, bus: bus.local_addr()? })
    }
}

/// A port below those that systems give to outgoing connections, so that none of these can take it while the server
/// is down for a restart.
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
        // Sentinels take none of what follows.
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

/// The socket by which a server is administered that speaks TLS on its port.
pub(super) fn socket(directory: &Path) -> PathBuf {
    directory.join("admin.sock")
}
