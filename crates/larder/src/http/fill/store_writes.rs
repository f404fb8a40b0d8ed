//! Writing a committed response to the shared tier.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::LAST_MODIFIED;
use larder_core::http::{validators, vary};
use larder_core::lifetime::shared_expiry::expiry;
use larder_core::stored::{Meta, StoredResponse, VariationHint, address, wire};

use crate::engine::lease::shared_write::{SharedWrite, write_shared};
use crate::http::fill::Fill;
use crate::http::fill::commit::Committed;

/// Expiry of an entry that leads waiting instances to a response under another key.
const REDIRECT_EXPIRY: Duration = Duration::from_secs(10);

/// One value that is written to the shared tier.
struct StoreWrite {
    address: String,
    value: Bytes,
    expiry: Duration,
    /// Whether the write may release the lease.
    ///
    /// In a cluster, the value must be in the same slot as the lease.
    releases_lease: bool,
}

impl Fill {
    /// Shares a response that was committed, if there is one.
    pub(super) async fn share_committed(self, committed: Option<Committed>) {
        let is_written = |committed: &Committed| committed.is_shareable && self.layer.engine.store.is_some();
        if let Some(committed) = committed.filter(is_written) {
            // Boxed, as every fill would otherwise have room for it.
            Box::pin(self.write_to_store(committed)).await;
        }
    }

    /// Writes the response to the shared tier, if it is to be shared.
    ///
    /// Other instances wait until the response is there: the last write releases the lease. If no
    /// write does, the lease is released at the end.
    pub(super) async fn write_to_store(mut self, committed: Committed) {
        let Committed { cached, is_shareable } = committed;
        let engine = &self.layer.engine;
        let Some(store) = engine.open_store().filter(|_| is_shareable) else {
            return;
        };
        let stored = cached.to_shared(&engine.store_calendar);
        let expiry = expiry(&stored.meta.lifetime, stored.meta.initial_age, can_be_validated(&stored));
        let responses = response_writes(&stored);
        cached.note_shared_copy(responses.first().and_then(|(_, value)| wire::fingerprint(value)));
        let mut writes = self.store_writes(&stored, responses, expiry).into_iter().peekable();
        while let Some(StoreWrite { address, value, expiry, releases_lease }) = writes.next() {
            let lease = self.lease.take_if(|_| releases_lease && writes.peek().is_none());
            write_shared(engine, &**store, SharedWrite { address, value, expiry }, lease).await;
        }
        if !self.layer.http.memory.is_enabled() {
            self.note_stored_early();
        }
    }

    /// Returns the writes for a response, in order. `responses` are those of the response itself.
    ///
    /// For a response to equivalent queries, they include the hint that leads lookups to its key.
    fn store_writes(
        &self,
        stored: &StoredResponse,
        responses: Vec<(String, Bytes)>,
        expiry: Duration,
    ) -> Vec<StoreWrite> {
        let key = &*stored.meta.key;
        let releases_lease = key == &*self.context.key;
        let write = |(address, value)| StoreWrite { address, value, expiry, releases_lease };
        let mut writes: Vec<_> = responses.into_iter().map(write).collect();
        let hint = self.variation_hint(&stored.headers, &stored.meta);
        let Some((scope, hint)) = self.context.scope.as_ref().zip(hint) else { return writes };
        let hint_for = |key: &str| wire::encode_variation_hint(&hint, key, &stored.meta.position);
        let base_write = StoreWrite {
            address: address::variation(scope.base_key()),
            value: hint_for(scope.base_key()),
            expiry,
            releases_lease: false,
        };
        if releases_lease {
            // The last write releases the lease, and this one may not.
            writes.insert(0, base_write);
            return writes;
        }
        writes.push(base_write);
        if self.lease.is_some() {
            // Leads the instances that wait for the lease to the response.
            writes.push(StoreWrite {
                address: address::primary(&self.context.key),
                value: hint_for(&self.context.key),
                expiry: REDIRECT_EXPIRY,
                releases_lease: true,
            });
        }
        writes
    }

    /// Returns what a response says about equivalent queries, if it is stored for them.
    pub(super) fn variation_hint(&self, headers: &HeaderMap, meta: &Meta) -> Option<VariationHint> {
        let (key, variation) = self.context.scope.as_ref()?.key_for_response(headers);
        let life = expiry(&meta.lifetime, meta.initial_age, true);
        (*key == *meta.key).then_some(VariationHint { variation: variation?, at: meta.response_time, life })
    }
}

/// Returns the addresses and values that the shared tier gets for a response.
///
/// If the response is one of several variants, they include the names of the fields that
/// distinguish them. The variant comes first, so that a request that reads these names finds it.
fn response_writes(stored: &StoredResponse) -> Vec<(String, Bytes)> {
    let (key, selecting) = (&stored.meta.key, &stored.meta.selecting);
    if selecting.is_empty() {
        return vec![(address::primary(key), wire::encode(stored))];
    }
    let fields: Vec<_> = selecting.iter().map(|(name, _)| name.clone()).collect();
    vec![
        (address::variant(key, vary::digest(selecting)), wire::encode(stored)),
        (address::primary(key), wire::encode_variants(&fields, key, &stored.meta.position)),
    ]
}

/// Whether the handler can validate the response.
///
/// It does not know an entity tag that the cache generated.
fn can_be_validated(stored: &StoredResponse) -> bool {
    let headers = &stored.headers;
    validators::has_validator(headers) && (!stored.meta.flags.own_etag || headers.contains_key(LAST_MODIFIED))
}
