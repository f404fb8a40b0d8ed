//! Everything in memory under one key.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use larder_core::key::buf::KeyBuf;
use larder_core::key::redact::{is_redacted, redact};

use crate::cache::Cache;
use crate::cache::inspect::store_inspection::{StoreInspection, inspect_store};
use crate::engine::listing::scan::scan;
use crate::http::memory::listed::KeyEntries;
use crate::http::memory::stored_info::StoredInfo;
use crate::values::listed_value::{ListedValue, ValueInfo};

/// Everything that is stored under one key.
///
/// Returned by [`Cache::inspect`](crate::Cache::inspect).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeyInspection {
    /// The encoded key, as it may be shown.
    pub key: String,
    /// The responses in memory: one for each variant that is stored.
    pub responses: Vec<StoredInfo>,
    /// The values in memory: one, unless several collections have the same name.
    pub values: Vec<ValueInfo>,
    /// The request fields that the responses vary on.
    pub vary: Vec<HeaderName>,
    /// For how long requests will not wait for each other, because responses could not be stored.
    ///
    /// `None` if the key is not remembered as uncacheable.
    pub hit_for_miss: Option<Duration>,
    /// The entries in the shared store.
    ///
    /// `None` without a store, after [`close`](crate::Cache::close), and for a key with a hidden
    /// value that is not in memory.
    pub store: Option<StoreInspection>,
}

/// Inspects a key that may be shown without some of its values.
pub(super) async fn inspect_key(cache: &Cache, key: &str) -> KeyInspection {
    if is_redacted(key) {
        return inspect_redacted(cache, key).await;
    }
    let key = encoded(cache, key);
    let entries = cache.http.memory.entries_of(&key, cache.engine.clock.boot());
    let values = values_of(cache, &key).await;
    describe(cache, &key, entries, values).await
}

/// Returns the encoded key that this text stands for. The text may be that of a key template.
fn encoded(cache: &Cache, text: &str) -> Box<str> {
    let is_encoded = ["u|", "k|", "v|"].iter().any(|kind| text.starts_with(kind));
    if is_encoded || cache.http.memory.entries_of(text, cache.engine.clock.boot()).has_any() {
        return text.into();
    }
    let mut key = KeyBuf::new();
    key.template(text);
    key.as_str().unwrap_or(text).into()
}

/// Finds the responses in memory whose key is shown like this one.
///
/// The store is asked only if all of them have the same key.
async fn inspect_redacted(cache: &Cache, shown: &str) -> KeyInspection {
    let mut keys: Vec<Arc<str>> = Vec::new();
    let mut entries = KeyEntries::default();
    scan(cache.http.memory.responses(), |cached| {
        if redact(&cached.meta.key) == shown {
            if !keys.contains(&cached.meta.key) {
                keys.push(Arc::clone(&cached.meta.key));
            }
            entries.responses.push(cached);
        }
    })
    .await;
    match &*keys {
        [key] => {
            let entries = cache.http.memory.entries_of(key, cache.engine.clock.boot());
            describe(cache, key, entries, Vec::new()).await
        }
        _ => KeyInspection { store: None, ..in_memory(cache, shown, entries, &[]) },
    }
}

/// Returns the values with this key. Their memory is found by the types of the application.
async fn values_of(cache: &Cache, key: &str) -> Vec<Arc<dyn ListedValue>> {
    let mut found: Vec<Arc<dyn ListedValue>> = Vec::new();
    for name in cache.values.names() {
        let mut prefix = KeyBuf::new();
        prefix.value(&name);
        if !prefix.as_str().is_some_and(|prefix| key.starts_with(prefix)) {
            continue;
        }
        for memory in cache.values.memories(&name).unwrap_or_default() {
            scan(memory.values(), |value| {
                if *value.meta().key == *key {
                    found.push(value);
                }
            })
            .await;
        }
    }
    found
}

async fn describe(
    cache: &Cache,
    key: &str,
    entries: KeyEntries,
    values: Vec<Arc<dyn ListedValue>>,
) -> KeyInspection {
    let variants = entries.variants.clone();
    let in_memory = in_memory(cache, key, entries, &values);
    KeyInspection { store: inspect_store(cache, key, &variants).await, ..in_memory }
}

fn in_memory(
    cache: &Cache,
    key: &str,
    entries: KeyEntries,
    values: &[Arc<dyn ListedValue>],
) -> KeyInspection {
    let view = cache.viewpoint();
    let responses = entries.responses.iter();
    let describe = |value: &Arc<dyn ListedValue>| value.describe(value.memory_bytes(), view.log, view.now);
    KeyInspection {
        key: redact(key).into_owned(),
        responses: responses.map(|cached| StoredInfo::of(cached, cached.weight(), view)).collect(),
        values: values.iter().map(describe).collect(),
        vary: entries.vary.into_vec(),
        hit_for_miss: entries.hit_for_miss,
        store: None,
    }
}
