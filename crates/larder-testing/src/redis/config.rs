//! The content and the path of a server's configuration file.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// The role of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Part {
    #[default]
    Server,
    ClusterNode,
    Sentinel,
}

/// The addresses on which one server listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) main: SocketAddr,
    /// The address for the traffic between the nodes of a cluster.
    ///
    /// Redis's default is the main port plus 10,000, but another process may use that port.
    bus: SocketAddr,
}

impl Ports {
    /// Chooses two ports that are free.
    pub(super) fn choose() -> io::Result<Self> {
        // The first port stays bound while the second one is chosen, so that they differ.
        let (main, bus) = (free()?, free()?);
        Ok(Self { main: main.local_addr()?, bus: bus.local_addr()? })
    }
}

/// Binds a free port below the range that systems use for outgoing connections.
///
/// So no outgoing connection can take the port while the server restarts.
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
        // Sentinels accept none of the lines below.
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

/// Returns the path of the socket for administering a server that speaks TLS on its port.
pub(super) fn socket(directory: &Path) -> PathBuf {
    directory.join("admin.sock")
}
