//! Larder.

use crate::Object;
use crate::contenders::Contender;
use crate::memory_tier::{MemoryTier, Weigh};

/// The size of an object counts with its value.
impl Weigh for u64 {
    fn weight(&self) -> u64 {
        0
    }
}

#[derive(Clone)]
struct Response {
    bytes: u64,
}

impl Weigh for Response {
    fn weight(&self) -> u64 {
        self.bytes
    }
}

pub(super) fn contender(bytes: u64) -> Box<dyn Contender> {
    Box::new(MemoryTier::<u64, Response>::new(bytes))
}

impl Contender for MemoryTier<u64, Response> {
    fn request(&mut self, object: Object) -> bool {
        let is_hit = self.get(&object.key).is_some();
        if !is_hit {
            drop(self.insert(object.key, Response { bytes: object.bytes }));
        }
        is_hit
    }
}
