//! The reach of an invalidation before it is issued.

use std::collections::BTreeMap;

use larder_core::invalidation::reach::Reach;
use larder_core::key::list_order::list_order;
use larder_core::key::redact::redact;

use crate::cache::Cache;
use crate::engine::invalidate::append::named_events;
use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::engine::listing::scan::scan;
use crate::engine::listing::stored_state::StoredState;
use crate::http::memory::stored_info::state_of;

/// The maximum number of keys that a preview shows.
const MAX_KEYS: usize = 100;

/// The reach of an invalidation in the memory of this instance, before it is issued.
///
/// Returned by [`Cache::preview`](crate::Cache::preview).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidationPreview {
    /// The number of responses. Each variant counts.
    pub responses: u64,
    /// The number of values, in all collections.
    pub values: u64,
    /// The approximate size of these responses and values in memory, in bytes.
    pub bytes: u64,
    /// The number of further responses and values that it names, and that are refused already.
    pub already_invalidated: u64,
    /// The keys of some of them, up to 100, without credentials.
    ///
    /// The selection has no meaning, but is the same for the same entries.
    pub keys: Vec<String>,
}

/// The method for a preview of an invalidation.
impl Cache {
    /// Returns what an invalidation would reach in memory here, without issuing it.
    ///
    /// The selectors are compared in the same way as later by the log, with the aliases of URIs.
    /// Other instances and the shared store may have more that it reaches. Nothing is changed, and
    /// nothing is counted as a use.
    ///
    /// This looks at everything in memory, like a page of
    /// [`stored_responses`](Self::stored_responses).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use larder::{Cache, Tag};
    ///
    /// let cache = Cache::default();
    /// let preview = cache.preview(Tag::new("products")).await;
    /// println!("{} responses, {} values", preview.responses, preview.values);
    /// # }
    /// ```
    pub async fn preview(&self, what: impl Into<Invalidation>) -> InvalidationPreview {
        let reach = self.reach(&what.into());
        let (log, now) = (&self.engine.log, self.engine.clock.boot());
        let mut found = Found::default();
        scan(self.http.memory.responses(), |cached| {
            if reach.has(&cached.meta.names) && found.is_usable(state_of(&cached, log, now)) {
                found.preview.responses += 1;
                found.add(&cached.meta.key, cached.weight());
            }
        })
        .await;
        for name in self.values.names() {
            for memory in self.values.memories(&name).unwrap_or_default() {
                scan(memory.values(), |value| {
                    let meta = value.meta();
                    if reach.has(&meta.names) && found.is_usable(value.state(log, now)) {
                        found.preview.values += 1;
                        found.add(&meta.key, value.memory_bytes());
                    }
                })
                .await;
            }
        }
        found.finish()
    }

    /// Returns the reach of an invalidation, which is not issued.
    pub(super) fn reach(&self, what: &Invalidation) -> Reach {
        Reach::of(&named_events(&self.engine, what.events()))
    }
}

/// A preview that is being put together.
#[derive(Default)]
struct Found {
    preview: InvalidationPreview,
    keys: BTreeMap<u128, Box<str>>,
}

impl Found {
    /// Whether an entry in this state is of use so far. Counts the others.
    fn is_usable(&mut self, state: StoredState) -> bool {
        let is_refused = state == StoredState::Invalidated;
        self.preview.already_invalidated += u64::from(is_refused);
        !is_refused
    }

    fn add(&mut self, key: &str, bytes: u64) {
        self.preview.bytes += bytes;
        let place = list_order(key, 0);
        let is_after = self.keys.last_key_value().is_some_and(|(last, _)| place > *last);
        if self.keys.len() < MAX_KEYS || !is_after {
            self.keys.insert(place, key.into());
        }
        if self.keys.len() > MAX_KEYS {
            self.keys.pop_last();
        }
    }

    fn finish(self) -> InvalidationPreview {
        let keys = self.keys.into_values().map(|key| redact(&key).into_owned()).collect();
        InvalidationPreview { keys, ..self.preview }
    }
}
