//! quick_cache, with other settings than those of Larder.

use std::fmt;

use fastrand::Rng;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::Object;
use crate::contenders::Contender;

/// The settings of a table. It has one shard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The part of the table for values that were used more than once, in percent.
    pub hot_percent: u8,
    /// The expected size of an entry. Half as many evicted keys are remembered as entries of this
    /// size fit into the table.
    pub entry_bytes: u64,
    /// Which entries are stored in a full table.
    pub admission: Admission,
}

/// Which entries are stored in a full table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Admission {
    /// All.
    Always,
    /// An entry of at most the mean size always, and a larger one with the probability
    /// e^(1 - size / mean), but at least with this one.
    ///
    /// D. Berger et al., "AdaptSize: Orchestrating the Hot Object Memory Cache in a Content
    /// Delivery Network", NSDI 2017. There, the scale adapts, and is not the mean.
    BySize(f64),
}

impl Settings {
    pub(super) fn contender(self, capacity: u64) -> Box<dyn Contender> {
        let entries = usize::try_from(capacity / self.entry_bytes).unwrap_or(usize::MAX);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(entries.max(16))
            .weight_capacity(capacity)
            .shards(1)
            .hot_allocation(f64::from(self.hot_percent) / 100.0)
            .build()
            .expect("a capacity makes options complete");
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        let cache = Cache::with_options(options, ValueBytes, hasher, lifecycle);
        Box::new(Table { cache, admission: self.admission, random: Rng::with_seed(14) })
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} % hot, entries of {} KiB", self.hot_percent, self.entry_bytes / 1024)?;
        match self.admission {
            Admission::Always => Ok(()),
            Admission::BySize(least) => write!(f, ", admission by size ≥ {least}"),
        }
    }
}

struct Table {
    cache: Cache<u64, u64, ValueBytes>,
    admission: Admission,
    random: Rng,
}

impl Table {
    fn admits(&mut self, bytes: u64) -> bool {
        let Admission::BySize(least) = self.admission else { return true };
        if self.cache.weight() + bytes <= self.cache.capacity() {
            return true;
        }
        let mean = self.cache.weight() as f64 / self.cache.len().max(1) as f64;
        self.random.f64() < (1.0 - bytes as f64 / mean).exp().max(least)
    }
}

impl Contender for Table {
    fn request(&mut self, object: Object) -> bool {
        let is_hit = self.cache.get(&object.key).is_some();
        if !is_hit && self.admits(object.bytes) {
            self.cache.insert(object.key, object.bytes);
        }
        is_hit
    }
}

#[derive(Clone)]
struct ValueBytes;

impl Weighter<u64, u64> for ValueBytes {
    fn weight(&self, _: &u64, bytes: &u64) -> u64 {
        *bytes
    }
}
