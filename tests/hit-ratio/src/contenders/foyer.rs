//! foyer, the cache in memory. It has one shard, so that its policy has the whole capacity.

use foyer_memory::{
    Cache, CacheBuilder, CacheProperties, EvictionConfig, LfuConfig, LruConfig, S3FifoConfig, SieveConfig,
};

use crate::Object;
use crate::contenders::Contender;

pub(super) fn lfu(bytes: u64) -> Box<dyn Contender> {
    contender(bytes, LfuConfig::default())
}

pub(super) fn s3_fifo(bytes: u64) -> Box<dyn Contender> {
    contender(bytes, S3FifoConfig::default())
}

pub(super) fn sieve(bytes: u64) -> Box<dyn Contender> {
    contender(bytes, SieveConfig)
}

pub(super) fn lru(bytes: u64) -> Box<dyn Contender> {
    contender(bytes, LruConfig::default())
}

fn contender(bytes: u64, policy: impl Into<EvictionConfig>) -> Box<dyn Contender> {
    let builder = CacheBuilder::new(usize::try_from(bytes).unwrap_or(usize::MAX))
        .with_shards(1)
        .with_eviction_config(policy)
        .with_weighter(|_: &u64, bytes: &u64| usize::try_from(*bytes).unwrap_or(usize::MAX));
    Box::new(builder.build::<CacheProperties>())
}

impl Contender for Cache<u64, u64> {
    fn request(&mut self, object: Object) -> bool {
        let is_hit = self.get(&object.key).is_some();
        if !is_hit {
            drop(self.insert(object.key, object.bytes));
        }
        is_hit
    }
}
