//! One trace on several caches of the same size.

use crate::contenders::{Kind, PEERS, replay};
use crate::{Object, ceiling};

/// The hits of all caches of one size on one trace.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The length of the trace.
    pub requests: usize,
    /// The hits of Larder.
    pub larder: u64,
    /// The hits of each of the [`PEERS`].
    pub peers: Vec<u64>,
    /// The hits that no cache can exceed.
    pub ceiling: u64,
}

impl Comparison {
    /// Replays a trace on caches of this many bytes.
    #[must_use]
    pub fn of(requests: &[Object], capacity: u64) -> Self {
        let hits = |kind: Kind| replay(&mut *kind.with_capacity(capacity), requests);
        Self {
            requests: requests.len(),
            larder: hits(Kind::Larder),
            peers: PEERS.map(hits).to_vec(),
            ceiling: ceiling::max_hits(requests, capacity),
        }
    }

    /// Returns this number of hits in percent of the requests.
    #[must_use]
    pub fn percent(&self, hits: u64) -> f64 {
        100.0 * hits as f64 / self.requests as f64
    }

    /// Returns the hits of the best peer.
    #[must_use]
    pub fn best_peer(&self) -> u64 {
        self.peers.iter().copied().max().unwrap_or(0)
    }

    /// Returns how far Larder is ahead of the best peer, in percentage points.
    #[must_use]
    pub fn lead(&self) -> f64 {
        self.percent(self.larder) - self.percent(self.best_peer())
    }
}
