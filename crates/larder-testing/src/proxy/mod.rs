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

/// A direction of bytes through a [`Proxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // A connection has two ends.
pub enum Direction {
    /// From the client to the server behind the proxy.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// A TCP proxy on a free port of the loopback interface, in front of one server.
///
/// It forwards everything by default. A fault takes effect immediately, also for open connections.
/// Faults can be combined: a delayed direction may be corrupted as well. The proxy works in
/// *chunks*, the result of one read from a socket: at most 64 KiB, and often several pipelined
/// commands.
///
/// It runs in its own thread, so its delays are real time, also under tokio's paused clock.
/// Dropping it ends the thread and closes every connection.
/// thread and closes every connection.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    faults: Arc<Faults>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy in front of `server`, which does not need to be running yet.
    ///
    /// # Errors
    ///
    /// Fails if the system has no free port, thread or event queue.
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

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Directs new connections to another server, as after a failover. Open connections stay until
    /// [`cut`](Self::cut).
    pub fn lead_to(&self, server: SocketAddr) {
        self.faults.edit(|plan| plan.server = Some(server));
    }

    /// Ends every fault: delayed data is delivered, and everything is forwarded again.
    pub fn pass(&self) {
        self.faults.clear();
    }

    /// Delays each chunk in this direction by `by`. Zero ends the delay.
    ///
    /// Chunks wait one after the other, so a chunk that arrives meanwhile waits up to twice as
    /// long.
    pub fn delay(&self, direction: Direction, by: Duration) {
        self.faults.edit(|plan| plan.lane(direction).delay = by);
    }

    /// Delivers nothing in either direction, like a network that drops packets. Connections stay
    /// open, and new ones are accepted. Sent data, and the end of a connection, arrives after
    /// [`pass`](Self::pass).
    pub fn blackhole(&self) {
        self.faults.blackhole();
    }

    /// Closes every new connection as soon as it is accepted. Open connections stay.
    pub fn refuse(&self) {
        self.faults.edit(|plan| plan.refuse = true);
    }

    /// Closes every open connection, and waits until all are closed. Their delayed data is lost.
    pub async fn cut(&self) {
        self.faults.cut().closed().await;
    }

    /// Closes every connection after exactly `bytes` more bytes in this direction, over all
    /// connections. Happens once.
    pub fn cut_after(&self, direction: Direction, bytes: usize) {
        self.faults.edit(|plan| plan.lane(direction).cut_after = Some(bytes));
    }

    /// Inverts the lowest bit of every byte in this direction.
    pub fn corrupt(&self, direction: Direction) {
        self.rewrite(direction, |chunk| chunk.iter_mut().for_each(|byte| *byte ^= 1));
    }

    /// Lets `rewrite` change every chunk in this direction. Replaces an earlier function.
    pub fn rewrite(&self, direction: Direction, rewrite: impl FnMut(&mut Vec<u8>) + Send + 'static) {
        self.faults.edit(|plan| plan.lane(direction).rewrite = Some(Box::new(rewrite)));
    }

    /// Stops chunks that contain `pattern`, and all later chunks of their connections in this
    /// direction, until the returned gate is opened.
    ///
    /// A stopped chunk is delivered even if its sender has disconnected meanwhile. This makes a
    /// timed-out `SET` arrive an hour late. The pattern is found across chunks too. An empty
    /// pattern stops everything.
    pub fn hold(&self, direction: Direction, pattern: impl Into<Vec<u8>>) -> Gate {
        let gate = Gate::new();
        let hold = (pattern.into(), gate.clone());
        self.faults.edit(|plan| plan.lane(direction).holds.push(hold));
        gate
    }

    /// Returns the number of accepted connections so far, including refused ones.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.faults.edit(|plan| plan.accepted)
    }

    /// Returns the number of open connections.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.faults.open()
    }

    /// Returns the number of bytes delivered in this direction so far.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> usize {
        self.faults.edit(|plan| plan.lane(direction).bytes)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // The thread catches panics of its tasks, and returns nothing.
            let _ = thread.join();
        }
    }
}
