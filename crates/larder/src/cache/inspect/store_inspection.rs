//! Everything in the shared store under one key.

use http::HeaderName;
use larder_core::monitoring::StoredEntry;
use larder_core::store::StoreError;
use larder_core::stored::wire::Decoded;
use larder_core::stored::{StoredResponse, address};
use larder_core::{stored, value};

use crate::cache::Cache;
use crate::engine::store::Store;
use crate::http::cache_status;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stored_info::StoredInfo;
use crate::values::listed_value::{ListedValue as _, ValueInfo, from_store};

/// The maximum number of variants that are read. Each of them comes with its body.
const MAX_VARIANTS: usize = 16;

/// Everything that the shared store has under one key.
///
/// Ages and lifetimes are those that the response was stored with. The policy of a route can only
/// shorten them.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct StoreInspection {
    /// The stored responses: one, or some of the variants.
    pub responses: Vec<StoredInfo>,
    /// The stored value.
    pub value: Option<ValueInfo>,
    /// The request fields that the responses vary on.
    ///
    /// The store cannot list its variants. Those that are in memory are looked up.
    pub vary: Vec<HeaderName>,
    /// How many entries could not be read: they are damaged, or of another version of Larder.
    pub unreadable: u64,
    /// The error of the store, if it could not be asked.
    pub error: Option<StoreError>,
}

/// The store of a cache, which is asked for the entries of one key.
struct Inspected<'a> {
    cache: &'a Cache,
    store: &'a dyn Store,
    key: &'a str,
    /// The local number of this instance before the store is asked (rule 1).
    local: u64,
    /// Whether this instance would serve what the store has (rule 12).
    is_trusted: bool,
}

/// Reads everything that the store has under a key, with these variants.
///
/// Returns `None` if there is no open store.
pub(super) async fn inspect_store(cache: &Cache, key: &str, variants: &[u128]) -> Option<StoreInspection> {
    let store = &**cache.engine.open_store()?;
    let trusted = cache.engine.trusted_local_position();
    let local = trusted.unwrap_or_else(|| cache.engine.log.position().watermark.local);
    let inspected = Inspected { cache, store, key, local, is_trusted: trusted.is_some() };
    let mut found = StoreInspection::default();
    if let Err(error) = inspected.read(&mut found, variants).await {
        found.error = Some(error);
    }
    Some(found)
}

impl Inspected<'_> {
    async fn read(&self, found: &mut StoreInspection, variants: &[u128]) -> Result<(), StoreError> {
        self.read_at(found, &address::primary(self.key)).await?;
        if found.vary.is_empty() {
            return Ok(());
        }
        for variant in variants.iter().rev().take(MAX_VARIANTS) {
            self.read_at(found, &address::variant(self.key, *variant)).await?;
        }
        Ok(())
    }

    async fn read_at(&self, found: &mut StoreInspection, address: &str) -> Result<(), StoreError> {
        if let Some(entry) = self.store.entry(address).await? {
            self.add(found, entry);
        }
        Ok(())
    }

    fn add(&self, found: &mut StoreInspection, entry: StoredEntry) {
        let StoredEntry { value: bytes, size: stored_bytes } = entry;
        match stored::wire::decode_after(cache_status::reserved(), bytes.clone(), self.key) {
            Ok(Decoded::Response(response)) => found.responses.push(self.response(response, stored_bytes)),
            Ok(Decoded::Variants(fields)) => found.vary = fields.into_vec(),
            // It leads to the key of another response.
            Ok(Decoded::VariationHint(_)) => {}
            Err(_) => match value::wire::decode(bytes, self.key) {
                Ok(value) => found.value = Some(self.value(value, stored_bytes)),
                Err(_) => found.unreadable += 1,
            },
        }
    }

    fn response(&self, mut stored: StoredResponse, stored_bytes: u64) -> StoredInfo {
        let engine = &self.cache.engine;
        stored.meta.position.watermark.local = self.local;
        stored.meta.response_time = engine.store_calendar.to_own(stored.meta.response_time);
        let cached = CachedResponse::from_store(stored, engine.clock.wall(), engine.clock.boot());
        let mut info = StoredInfo::of(&cached, stored_bytes, self.cache.viewpoint());
        if !self.is_trusted {
            info.state = info.state.untrusted();
        }
        info
    }

    fn value(&self, stored: larder_core::value::StoredValue, stored_bytes: u64) -> ValueInfo {
        let engine = &self.cache.engine;
        let value = from_store(stored, self.local, &engine.store_calendar, &*engine.clock);
        let mut info = value.describe(stored_bytes, &engine.log, engine.clock.boot());
        if !self.is_trusted {
            info.state = info.state.untrusted();
        }
        info
    }
}
