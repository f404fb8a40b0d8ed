//! The faults that a proxy injects, shared with its connections.

use std::fmt;
use std::mem;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Direction;
use crate::Gate;
use crate::lock::lock;

#[derive(Debug, Default)]
pub(super) struct Faults {
    plan: Mutex<Plan>,
    /// Every open connection has a receiver. The value `true` makes the connection close.
    ///
    /// A cut puts a new sender here.
    connections: Mutex<watch::Sender<bool>>,
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The server for new connections, if it is not the one that the proxy was started for.
    pub(super) server: Option<SocketAddr>,
    pub(super) refuse: bool,
    pub(super) accepted: usize,
    blackhole: Option<Gate>,
    to_server: Lane,
    to_client: Lane,
}

/// The state of one direction.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) delay: Duration,
    pub(super) bandwidth: Option<Bandwidth>,
    pub(super) holds: Vec<(Vec<u8>, Gate)>,
    pub(super) rewrite: Option<Box<Rewrite>>,
    pub(super) cut_after: Option<usize>,
    pub(super) bytes: usize,
}

/// The bandwidth that all connections share in one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bandwidth {
    pub(super) bytes_per_second: u64,
    /// When everything that was admitted so far has been transmitted.
    pub(super) free_at: Instant,
}

/// How much unused time counts later. Timers wake up a little too late.
const MAX_CREDIT: Duration = Duration::from_millis(5);

impl Bandwidth {
    /// Admits this many bytes, and returns when they have been transmitted.
    fn admit(&mut self, bytes: usize) -> Instant {
        let seconds = bytes as f64 / self.bytes_per_second.max(1) as f64;
        let now = Instant::now();
        let earliest = now.checked_sub(MAX_CREDIT).unwrap_or(now);
        self.free_at = self.free_at.max(earliest) + Duration::from_secs_f64(seconds);
        self.free_at
    }
}

type Rewrite = dyn FnMut(&mut Vec<u8>) + Send;

impl Faults {
    pub(super) fn edit<T>(&self, edit: impl FnOnce(&mut Plan) -> T) -> T {
        edit(&mut lock(&self.plan))
    }

    pub(super) fn clear(&self) {
        self.edit(|plan| {
            plan.refuse = false;
            plan.blackhole.take().iter().for_each(Gate::open);
            plan.to_server.clear();
            plan.to_client.clear();
        });
    }

    pub(super) fn blackhole(&self) {
        self.edit(|plan| plan.blackhole.get_or_insert_default().clone());
    }

    /// Counts a new connection, and returns the receiver that makes it close.
    ///
    /// Returns `None` if the connection is to be refused.
    pub(super) fn admit(&self) -> Option<watch::Receiver<bool>> {
        let refuse = self.edit(|plan| {
            plan.accepted += 1;
            plan.refuse
        });
        (!refuse).then(|| lock(&self.connections).subscribe())
    }

    pub(super) fn open(&self) -> usize {
        lock(&self.connections).receiver_count()
    }

    /// Makes all open connections close. The returned sender shows when they have closed.
    pub(super) fn cut(&self) -> watch::Sender<bool> {
        let open = mem::take(&mut *lock(&self.connections));
        open.send_replace(true);
        open
    }

    /// Waits as long as nothing at all is delivered.
    pub(super) async fn reachable(&self) {
        while let Some(gate) = self.edit(|plan| plan.blackhole.clone()) {
            gate.pass().await;
        }
    }

    /// Waits until the last `fresh` bytes of `stream` may be delivered.
    pub(super) async fn deliverable(&self, direction: Direction, stream: &[u8], fresh: usize) {
        let delay = self.edit(|plan| plan.lane(direction).delay);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        while let Some(gate) = self.edit(|plan| plan.obstacle(direction, stream, fresh)) {
            gate.pass().await;
        }
    }

    /// Waits until the link has transmitted this many bytes, if its bandwidth is limited.
    pub(super) async fn transmitted(&self, direction: Direction, bytes: usize) {
        let at = self.edit(|plan| plan.lane(direction).bandwidth.as_mut().map(|link| link.admit(bytes)));
        if let Some(at) = at {
            tokio::time::sleep_until(at).await;
        }
    }

    /// Applies the plan to a chunk. Returns whether its end is where connections are to be cut.
    pub(super) fn apply(&self, direction: Direction, chunk: &mut Vec<u8>) -> bool {
        self.edit(|plan| plan.lane(direction).apply(chunk))
    }
}

impl Plan {
    pub(super) fn lane(&mut self, direction: Direction) -> &mut Lane {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    fn obstacle(&mut self, direction: Direction, stream: &[u8], fresh: usize) -> Option<Gate> {
        if self.blackhole.is_some() {
            return self.blackhole.clone();
        }
        let holds = &mut self.lane(direction).holds;
        holds.retain(|(_, gate)| !gate.is_open());
        let held = holds.iter().find(|(pattern, _)| ends_in(stream, fresh, pattern));
        held.map(|(_, gate)| gate.clone())
    }
}

/// Whether the pattern occurs in the stream with at least one byte among the last `fresh`.
fn ends_in(stream: &[u8], fresh: usize, pattern: &[u8]) -> bool {
    if pattern.is_empty() {
        return true;
    }
    let start = stream.len().saturating_sub(fresh + pattern.len() - 1);
    stream[start..].windows(pattern.len()).any(|window| window == pattern)
}

impl Lane {
    fn clear(&mut self) {
        self.holds.iter().for_each(|(_, gate)| gate.open());
        *self = Self { bytes: self.bytes, ..Self::default() };
    }

    fn apply(&mut self, chunk: &mut Vec<u8>) -> bool {
        if let Some(rewrite) = &mut self.rewrite {
            rewrite(chunk);
        }
        let cut = self.spend(chunk);
        self.bytes += chunk.len();
        cut
    }

    fn spend(&mut self, chunk: &mut Vec<u8>) -> bool {
        let Some(left) = self.cut_after else {
            return false;
        };
        let cut = chunk.len() >= left;
        chunk.truncate(left);
        self.cut_after = (!cut).then(|| left - chunk.len());
        cut
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane")
            .field("delay", &self.delay)
            .field("bandwidth", &self.bandwidth)
            .field("holds", &self.holds.len())
            .field("rewrites", &self.rewrite.is_some())
            .field("cut_after", &self.cut_after)
            .field("bytes", &self.bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_counts_when_its_end_is_new() {
        let table = [
            ("xxSETxx", 7, "SET", true),
            ("SETxx", 2, "SET", false),
            ("xxS", 1, "SET", false),
            ("xxSET", 2, "SET", true),
            ("xxSET", 1, "SET", true),
            ("SE", 2, "SET", false),
            ("", 0, "SET", false),
            ("", 0, "", true),
        ];
        for (stream, fresh, pattern, expected) in table {
            let found = ends_in(stream.as_bytes(), fresh, pattern.as_bytes());
            assert_eq!(found, expected, "{pattern:?} in the last {fresh} of {stream:?}");
        }
    }
}
