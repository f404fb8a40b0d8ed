//! moka.

use moka::sync::Cache;

use crate::contenders::Contender;
use crate::Object;

pub(super) fn contender(bytes: u64) -> Box<dyn Contender> {
    let weigher = |_: &u64, bytes: &u64| u32::try_from(*bytes).unwrap_or(u32::MAX);
    Box::new(Moka(Cache::builder().max_capacity(bytes).weigher(weigher).build()))
}

struct Moka(Cache<u64, u64>);

impl Contender for Moka {
    fn request(&mut self, object: Object) -> bool {
        let is_hit = self.0.get(&object.key).is_some();
        if !is_hit {
            self.0.insert(object.key, object.bytes);
        }
        // It notes uses and evicts in the background. Here, it does that at once: so it knows the
        // most, and never exceeds its capacity.
        self.0.run_pending_tasks();
        is_hit
    }
}
