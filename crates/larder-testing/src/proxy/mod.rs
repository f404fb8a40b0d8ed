//! A TCP proxy that misbehaves on demand.

mod faults;
mod relay;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

use self::faults::Faults;
use crate::Gate;

/// Which way bytes go through a [`Proxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // A connection has two ends.
pub enum Direction {
    /// From who connected to the server behind the proxy.
    ToServer,
    /// From the server back.
    ToClient,
}

/// A TCP proxy on a free port of the loopback interface, in front of one server.
///
/// It passes everything on until told otherwise, and what it is told holds at once, for open connections too. Faults
/// add up: a delayed direction can be corrupted as well. It works in *chunks*, what one read from a socket gives: at
/// most 64 KiB, and often several pipelined commands.
///
/// It has a thread of its own, so its delays are real time also under tokio's paused clock. Dropping it ends the
/// thread and closes every connection.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    faults: Arc<Faults>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy in front of `server`, which need not be there yet.
    ///
    /// # Errors
    ///
    /// If the system has no port, no thread or no event queue left.
    pub fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let faults = Arc::new(Faults::default());
        let (stop, stopped) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let relay = relay::serve(listener, server, Arc::clone(&faults), stopped);
        let thread =
            thread::Builder::new().name("larder-proxy".to_owned()).spawn(move || runtime.block_on(relay))?;
        Ok(Self { address, faults, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads new connections to another server, as after a failover. Open ones stay: [`cut`](Self::cut) ends them.
    pub fn lead_to(&self, server: SocketAddr) {
        self.faults.edit(|plan| plan.server = Some(server));
    }

    /// Ends every fault: what was held back is delivered, and everything is passed on again.
    pub fn pass(&self) {
        self.faults.clear();
    }

    /// Delivers each chunk that goes this way later by `by`; zero ends it.
    ///
    /// Chunks wait one after the other, so what is sent meanwhile waits up to twice as long.
    pub fn delay(&self, direction: Direction, by: Duration) {
        self.faults.edit(|plan| plan.lane(direction).delay = by);
    }

    /// Delivers nothing either way, like a network that drops packets: connections stay open and new ones are
    /// accepted. What was sent, and the end of a connection, arrives after [`pass`](Self::pass).
    pub fn blackhole(&self) {
        self.faults.blackhole();
    }

    /// Closes every new connection as soon as it is accepted. Open ones stay.
    pub fn refuse(&self) {
        self.faults.edit(|plan| plan.refuse = true);
    }

    /// Closes every connection that is open now, and returns when all are closed. What was held back on them is lost.
    pub async fn cut(&self) {
        self.faults.cut().closed().await;
    }

    /// Once exactly `bytes` more have gone this way, over all connections, closes every connection. Happens once.
    pub fn cut_after(&self, direction: Direction, bytes: usize) {
        self.faults.edit(|plan| plan.lane(direction).cut_after = Some(bytes));
    }

    /// Inverts the lowest bit of every byte that goes this way.
    pub fn corrupt(&self, direction: Direction) {
        self.rewrite(direction, |chunk| chunk.iter_mut().for_each(|byte| *byte ^= 1));
    }

    /// Lets `rewrite` change every chunk that goes this way, instead of what did so before.
    pub fn rewrite(&self, direction: Direction, rewrite: impl FnMut(&mut Vec<u8>) + Send + 'static) {
        self.faults.edit(|plan| plan.lane(direction).rewrite = Some(Box::new(rewrite)));
    }

    /// Holds chunks that contain `pattern`, and on their connections all that follows them this way, until the
    /// returned gate is opened.
    ///
    /// A held chunk is delivered even if its sender has hung up meanwhile: this is how a `SET` that had timed out
    /// arrives an hour late. The pattern is found across chunks too. An empty pattern holds everything.
    pub fn hold(&self, direction: Direction, pattern: impl Into<Vec<u8>>) -> Gate {
        let gate = Gate::new();
        let hold = (pattern.into(), gate.clone());
        self.faults.edit(|plan| plan.lane(direction).holds.push(hold));
        gate
    }

    /// How many connections were accepted so far, refused ones included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.faults.edit(|plan| plan.accepted)
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.faults.open()
    }

    /// How many bytes were delivered this way so far.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> usize {
        self.faults.edit(|plan| plan.lane(direction).bytes)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // It catches the panics of its tasks, and has nothing to return.
            let _ = thread.join();
        }
    }
}
