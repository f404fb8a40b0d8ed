//! A TCP proxy that injects faults on demand.

mod faults;
mod relay;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

use self::faults::{Bandwidth, Faults};
use crate::Gate;

/// The direction in which bytes go through a [`Proxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // A connection has two ends.
pub enum Direction {
    /// From the client to the server behind the proxy.
    ToServer,
    /// From the server back to the client.
    ToClient,
}

/// A TCP proxy on a free port of the loopback interface, in front of one server.
///
/// It passes everything on until a fault is set. A fault applies at once, and to open connections
/// too. Faults add up: a delayed direction can also be corrupted. The proxy works in *chunks*. A
/// chunk is what one read from a socket returns: at most 64 KiB, and often several pipelined
/// commands.
///
/// The proxy has its own thread, so its delays are real time even under tokio's paused clock.
/// Dropping the proxy ends the thread and closes every connection.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    faults: Arc<Faults>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy in front of `server`, which does not have to run yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the system has no port, no thread or no event queue left.
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

    /// Returns the address on which the proxy listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads new connections to another server, as after a failover.
    ///
    /// Open connections stay. [`cut`](Self::cut) ends them.
    pub fn lead_to(&self, server: SocketAddr) {
        self.faults.edit(|plan| plan.server = Some(server));
    }

    /// Ends every fault: data that was held is delivered, and everything is passed on again.
    pub fn pass(&self) {
        self.faults.clear();
    }

    /// Delays each chunk in this direction by `by`. Zero ends the delay.
    ///
    /// Chunks wait one after the other, so data that is sent meanwhile waits up to twice as long.
    pub fn delay(&self, direction: Direction, by: Duration) {
        self.faults.edit(|plan| plan.lane(direction).delay = by);
    }

    /// Limits the bandwidth in this direction, which all connections share.
    ///
    /// Connections take turns, as on a network link. [`pass`](Self::pass) ends the limit.
    pub fn limit_bandwidth(&self, direction: Direction, bytes_per_second: u64) {
        let link = Bandwidth { bytes_per_second, free_at: tokio::time::Instant::now() };
        self.faults.edit(|plan| plan.lane(direction).bandwidth = Some(link));
    }

    /// Delivers nothing in either direction, like a network that drops packets.
    ///
    /// Connections stay open, and new ones are accepted. Data that was sent, and the end of a
    /// connection, arrive after [`pass`](Self::pass).
    pub fn blackhole(&self) {
        self.faults.blackhole();
    }

    /// Closes every new connection as soon as it is accepted. Open connections stay.
    pub fn refuse(&self) {
        self.faults.edit(|plan| plan.refuse = true);
    }

    /// Closes every open connection, and returns when all are closed. Data held on them is lost.
    pub async fn cut(&self) {
        self.faults.cut().closed().await;
    }

    /// Closes every connection once exactly `bytes` more bytes have gone in this direction.
    ///
    /// The bytes of all connections count. This happens once.
    pub fn cut_after(&self, direction: Direction, bytes: usize) {
        self.faults.edit(|plan| plan.lane(direction).cut_after = Some(bytes));
    }

    /// Inverts the lowest bit of every byte in this direction.
    pub fn corrupt(&self, direction: Direction) {
        self.rewrite(direction, |chunk| chunk.iter_mut().for_each(|byte| *byte ^= 1));
    }

    /// Lets `rewrite` change every chunk in this direction.
    ///
    /// It replaces an earlier `rewrite` or [`corrupt`](Self::corrupt).
    pub fn rewrite(&self, direction: Direction, rewrite: impl FnMut(&mut Vec<u8>) + Send + 'static) {
        self.faults.edit(|plan| plan.lane(direction).rewrite = Some(Box::new(rewrite)));
    }

    /// Holds chunks that contain `pattern` until the returned gate is opened.
    ///
    /// All later chunks in this direction on the same connection are held, too.
    ///
    /// A held chunk is delivered even if its sender has hung up meanwhile. This is how a `SET` that
    /// timed out arrives an hour late. The pattern is also found across chunks. An empty pattern
    /// holds everything.
    pub fn hold(&self, direction: Direction, pattern: impl Into<Vec<u8>>) -> Gate {
        let gate = Gate::new();
        let hold = (pattern.into(), gate.clone());
        self.faults.edit(|plan| plan.lane(direction).holds.push(hold));
        gate
    }

    /// Returns how many connections were accepted so far, including refused ones.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.faults.edit(|plan| plan.accepted)
    }

    /// Returns how many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.faults.open()
    }

    /// Returns how many bytes were delivered in this direction so far.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> usize {
        self.faults.edit(|plan| plan.lane(direction).bytes)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // The thread catches the panics of its tasks, and returns nothing.
            let _ = thread.join();
        }
    }
}
