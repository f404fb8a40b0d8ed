//! moka.

use moka::sync::Cache;

use crate::Object;
use crate::contenders::Contender;

/// The maximum number of requests between two runs of its maintenance: its own limit.
///
/// moka notes uses and evicts in batches. Maintenance after each request was tried: it takes up to
/// 8 points from the hit ratio.
const BATCH: u64 = 64;
/// The part of the capacity that may be inserted between two runs: 1 %. Until then, moka exceeds
/// its capacity.
const EXCESS: u64 = 100;

pub(super) fn contender(bytes: u64) -> Box<dyn Contender> {
    let weigher = |_: &u64, bytes: &u64| u32::try_from(*bytes).unwrap_or(u32::MAX);
    let cache = Cache::builder().max_capacity(bytes).weigher(weigher).build();
    Box::new(Moka { cache, max_excess: bytes / EXCESS, requests: 0, inserted: 0 })
}

struct Moka {
    cache: Cache<u64, u64>,
    max_excess: u64,
    /// The requests since the last maintenance.
    requests: u64,
    /// The bytes inserted since the last maintenance.
    inserted: u64,
}

impl Contender for Moka {
    fn request(&mut self, object: Object) -> bool {
        let is_hit = self.cache.get(&object.key).is_some();
        if !is_hit {
            self.cache.insert(object.key, object.bytes);
            self.inserted += object.bytes;
        }
        self.requests += 1;
        if self.requests == BATCH || self.inserted > self.max_excess {
            self.cache.run_pending_tasks();
            (self.requests, self.inserted) = (0, 0);
        }
        is_hit
    }
}
