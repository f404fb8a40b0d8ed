//! Advice about the shared store and the instances.

use larder_core::advice::figures::Figures;
use larder_core::advice::{Advice, advise};
use larder_core::monitoring::Instance;
use larder_core::store::StoreError;

use crate::cache::advice_method::{instance_figures, store_figures};
use crate::cache::fleet::Fleet;

/// The method for advice.
impl Fleet {
    /// Returns what the figures of the store, of the clocks and of the instances say.
    ///
    /// Advice about hit ratios and routes needs the figures of an instance:
    /// [`Cache::advice`](crate::Cache::advice).
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached.
    pub async fn advice(&self) -> Result<Vec<Advice>, StoreError> {
        self.log_end().await?;
        let store = self.store_stats().await?;
        let figures = Figures {
            store: Some(store_figures(&store, None)),
            clock_difference: Some(self.calendar.difference()),
            ..Figures::default()
        };
        let mut all = advise(&figures);
        all.extend(self.instances().await?.iter().flat_map(advise_instance));
        Ok(all)
    }
}

/// Each instance has its own bound.
fn advise_instance(instance: &Instance) -> Vec<Advice> {
    let max_staleness = instance.record.max_staleness;
    advise(&Figures { instances: vec![instance_figures(instance)], max_staleness, ..Figures::default() })
}
