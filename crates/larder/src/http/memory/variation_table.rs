//! The variation hints of the newest responses: which queries each of them answers.

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use larder_core::http::no_vary_search::UrlVariation;
use larder_core::log::selector::{Event, Selector, UriName};
use larder_core::stored::Told;
use larder_core::time::{Boot, Wall};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::engine::invalidation_log::uri_aliases::{EquivalentUris, add_uris};
use crate::http::policy::names::equivalent_uri;

/// The capacity of the table in bytes, enough for several thousand URIs.
///
/// A hint that was dropped costs one run of a handler, or one lookup in the shared tier.
const BYTES: u64 = 1024 * 1024;
const SHARDS: usize = 4;
/// Only used to size the table at first. It grows as needed.
const TYPICAL_ENTRY: u64 = 256;

/// The newest variation hint of each URI, by the key of the URI without its query.
///
/// A hint lasts as long as its response is of use. A response without a hint changes nothing: on
/// many sites the pages have hints, and the error pages among them do not.
#[derive(Default)]
pub(crate) struct VariationTable {
    /// Created for the first hint. Most caches never see the field.
    known: OnceLock<Option<Cache<Box<str>, Entry, ByWeight>>>,
}

#[derive(Clone)]
struct Entry {
    variation: Arc<UrlVariation>,
    at: Wall,
    until: Boot,
}

impl VariationTable {
    pub(crate) fn get(&self, base: &str, now: Boot) -> Option<Arc<UrlVariation>> {
        let entry = self.known.get()?.as_ref()?.get(base)?;
        (now < entry.until).then_some(entry.variation)
    }

    /// Records the hint of a response, unless a newer response gave another one.
    ///
    /// `wall` and `now` are the current time on both clocks. The hint may come from another
    /// instance, whose clock differs. Only the number of fills depends on which hint is newer.
    pub(crate) fn record(&self, base: &str, hint: Told, wall: Wall, now: Boot) {
        let Some(entries) = self.known.get_or_init(table) else { return };
        let at = hint.at.min(wall);
        let mut until = now.saturating_add(hint.life.saturating_sub(wall.saturating_since(at)));
        let mut variation = Arc::new(hint.variation);
        if let Some(before) = entries.get(base).filter(|before| now < before.until) {
            if before.at > at {
                return;
            }
            if before.variation == variation {
                variation = before.variation;
                until = until.max(before.until);
            }
        }
        if now < until {
            entries.insert(base.into(), Entry { variation, at, until });
        }
    }

    /// Returns all variations under matching keys, for a caller that does not know a whole key.
    pub(super) fn matching(&self, is_one: impl Fn(&str) -> bool, now: Boot) -> Vec<Arc<UrlVariation>> {
        let table = self.known.get().and_then(Option::as_ref);
        let entries = table.into_iter().flat_map(Cache::iter);
        let of_these = entries.filter(|(base, entry)| now < entry.until && is_one(base));
        of_these.map(|(_, entry)| entry.variation).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.get().is_none()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.known.get().and_then(Option::as_ref).map_or(0, Cache::weight)
    }
}

impl EquivalentUris for VariationTable {
    /// Returns these events, and for each URI in them further events for its equivalents.
    ///
    /// A further event has the name that responses to the equivalent URIs have in common. It is
    /// added if this instance knows which URIs are equivalent. The URI itself does not need it: a
    /// request for that URI never gets an older response (see
    /// [`request_names`](crate::http::lookup::query_scope::QueryScope::request_names())).
    fn with_equivalents(&self, events: Vec<Event>, now: Boot) -> Vec<Event> {
        if self.is_empty() {
            return events;
        }
        add_uris(events, |uri| self.equivalents(uri, now))
    }
}

impl VariationTable {
    fn equivalents(&self, uri: &UriName, now: Boot) -> Vec<UriName> {
        // Variations are stored by key. A key has a scheme, a host and the spelling of the request.
        let without_query = Selector::Uri(uri.with_query(None));
        let variations = self.matching(|base| without_query.names_key(base), now);
        let mut equivalents: Vec<UriName> = Vec::new();
        for variation in variations {
            let equivalent = equivalent_uri(uri, &variation);
            // Most variations are the same.
            if !equivalents.contains(&equivalent) {
                equivalents.push(equivalent);
            }
        }
        equivalents
    }
}

/// Returns an empty table. `None` if its options are invalid, which the constants rule out.
fn table() -> Option<Cache<Box<str>, Entry, ByWeight>> {
    let options = OptionsBuilder::new()
        .estimated_items_capacity(usize::try_from(BYTES / TYPICAL_ENTRY).unwrap_or(usize::MAX))
        .weight_capacity(BYTES)
        .shards(SHARDS)
        .build()
        .ok()?;
    let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
    Some(Cache::with_options(options, ByWeight, hasher, lifecycle))
}

/// Weighs entries in bytes.
#[derive(Clone)]
struct ByWeight;

impl Weighter<Box<str>, Entry> for ByWeight {
    fn weight(&self, base: &Box<str>, entry: &Entry) -> u64 {
        let own = size_of::<Box<str>>() + size_of::<Entry>() + size_of::<UrlVariation>();
        // The names of a variation are stored once as such and once in its text.
        (own + base.len() + 3 * entry.variation.as_text().len()) as u64
    }
}
