//! quick_cache, with other settings than those of Larder.

use std::fmt;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::contenders::Contender;
use crate::Object;

/// The settings of a table. It has one shard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The part of the table for values that were used more than once, in percent.
    pub hot_percent: u8,
    /// The keys that are remembered after their eviction, in percent of the expected entries.
    pub ghost_percent: u8,
    /// The expected size of an entry.
    pub entry_bytes: u64,
}

impl Settings {
    pub(super) fn contender(self, bytes: u64) -> Box<dyn Contender> {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(usize::try_from(bytes / self.entry_bytes).unwrap_or(usize::MAX).max(16))
            .weight_capacity(bytes)
            .shards(1)
            .hot_allocation(f64::from(self.hot_percent) / 100.0)
            .ghost_allocation(f64::from(self.ghost_percent) / 100.0)
            .build()
            .expect("a capacity makes options complete");
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Box::new(Table::with_options(options, ValueBytes, hasher, lifecycle))
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hot {}, ghosts {}, {} bytes", self.hot_percent, self.ghost_percent, self.entry_bytes)
    }
}

type Table = Cache<u64, u64, ValueBytes>;

#[derive(Clone)]
struct ValueBytes;

impl Weighter<u64, u64> for ValueBytes {
    fn weight(&self, _: &u64, bytes: &u64) -> u64 {
        *bytes
    }
}

impl Contender for Table {
    fn request(&mut self, object: Object) -> bool {
        let is_hit = self.get(&object.key).is_some();
        if !is_hit {
            self.insert(object.key, object.bytes);
        }
        is_hit
    }
}
