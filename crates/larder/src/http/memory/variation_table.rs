//! What the newest responses said of the queries that they answer.

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

/// It is remembered in so many bytes, of several thousand URIs. What is forgotten costs one run of a handler, or one look into
/// the shared tier.
const BYTES: u64 = 1024 * 1024;
const SHARDS: usize = 4;
/// For sizing the table alone; it grows.
const TYPICAL_ENTRY: u64 = 256;

/// By the key of a URI without its query, what its newest response said that said anything, for as long as that response is
/// of use.
///
/// One that says nothing changes nothing: on many sites the pages say it and the errors among them do not.
#[derive(Default)]
pub(crate) struct VariationTable {
    /// Made where the first one is learned: most caches never see the field.
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

    /// Takes in what a response said, at the time that `wall` and `now` are, unless a newer one said something else.
    ///
    /// It may come from another instance, whose clock differs: nothing but the number of fills rests on what is newer.
    pub(crate) fn record(&self, base: &str, told: Told, wall: Wall, now: Boot) {
        let Some(known) = self.known.get_or_init(table) else { return };
        let at = told.at.min(wall);
        let mut until = now.saturating_add(told.life.saturating_sub(wall.saturating_since(at)));
        let mut variation = Arc::new(told.variation);
        if let Some(before) = known.get(base).filter(|before| now < before.until) {
            if before.at > at {
                return;
            }
            if before.variation == variation {
                variation = before.variation;
                until = until.max(before.until);
            }
        }
        if now < until {
            known.insert(base.into(), Entry { variation, at, until });
        }
    }

    /// All that is remembered under such keys, for who does not know the whole of one.
    pub(super) fn matching(&self, is_one: impl Fn(&str) -> bool, now: Boot) -> Vec<Arc<UrlVariation>> {
        let known = self.known.get().and_then(Option::as_ref);
        let entries = known.into_iter().flat_map(Cache::iter);
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
    /// These events, and for each URI that they name another one: the one that responses to its equivalents have as a name, as
    /// far as it is known here which those are.
    ///
    /// That the URI itself is not answered from anything older needs no such event (see [`Search::own`](crate::http::lookup::query_scope::Search::own)).
    fn with_equivalents(&self, events: Vec<Event>, now: Boot) -> Vec<Event> {
        if self.is_empty() {
            return events;
        }
        add_uris(events, |uri| self.equivalents(uri, now))
    }
}

impl VariationTable {
    fn equivalents(&self, uri: &UriName, now: Boot) -> Vec<UriName> {
        // Variations are remembered by key, and a key has a scheme, a host and the spelling that was sent.
        let without_query = Selector::Uri(uri.with_query(None));
        let known = self.matching(|base| without_query.names_key(base), now);
        let mut equivalents: Vec<UriName> = Vec::new();
        for variation in known {
            let equivalent = equivalent_uri(uri, &variation);
            // Most say the same.
            if !equivalents.contains(&equivalent) {
                equivalents.push(equivalent);
            }
        }
        equivalents
    }
}

/// `None` if there can be none, which the constants rule out.
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
        // Its names are there once as such and once in its text.
        (own + base.len() + 3 * entry.variation.as_text().len()) as u64
    }
}
