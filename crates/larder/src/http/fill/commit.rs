//! Store: in memory first, then for the other instances.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::LAST_MODIFIED;
use larder_core::http::freshness::Lifetime;
use larder_core::http::{validators, vary};
use larder_core::log::table::Verdict;
use larder_core::outcome::{MissReason, Outcome};
use larder_core::stored::{Meta, StoredResponse, Told, address, wire};

use crate::engine::report::store_health::StoreOp;
use crate::http::fill::Fill;
use crate::http::fill::build::StorageRecord;
use crate::http::fill::fill_result::FillResult;
use crate::http::flight_event::FlightOutcome;
use crate::http::lookup::query_scope::QueryScope;
use crate::http::memory::cached_response::CachedResponse;

/// Beyond its windows a response is kept for a tenth of its lifetime and at most for this long, so that a miss can be
/// told as *expired* and a validator still used.
const MAX_AFTERLIFE: Duration = Duration::from_secs(600);
/// What can be validated is kept at least for this long: what says `no-cache` is of no other use.
const MIN_VALIDATION_TIME: Duration = Duration::from_secs(60);
/// An entry that points the waiting instances to a response under another key expires after this time.
const REDIRECT_EXPIRY: Duration = Duration::from_secs(10);

impl Fill {
    /// Keeps the response in memory and tells those who wait. False if it is of use to no other instance.
    pub(super) fn commit(&mut self, cached: &Arc<CachedResponse>, storage: &StorageRecord) -> bool {
        let engine = &self.layer.engine;
        engine.report.store_decision(storage.store_decision());
        if storage.is_failure() {
            self.finish_flight(FlightOutcome::HandlerFailed(Arc::clone(cached)));
            if let Some((lease, word)) = self.lease.take().zip(FillResult::handler_failed(cached)) {
                lease.finish_with(word.into_bytes());
            }
            return false;
        }
        let is_useful = self.insert_in_memory(cached);
        self.finish_flight(FlightOutcome::Stored(Arc::clone(cached)));
        is_useful && self.may_add_key()
    }

    /// Keeps the response in memory if it may be served at all. False if it is of use to no other instance.
    ///
    /// Rule 11: "On insert: load the generation, then check, then insert." What was invalidated meanwhile is for those who
    /// asked before, and for nobody else.
    pub(super) fn insert_in_memory(&self, cached: &Arc<CachedResponse>) -> bool {
        let engine = &self.layer.engine;
        // Asked first: a position from before the log was read is refused by what comes after.
        let has_position = engine.log.has_caught_up();
        let (verdict, _) = engine.log.verdict(&**cached, engine.clock.boot());
        if verdict == Verdict::Refused {
            return false;
        }
        self.layer.http.memory.insert(Arc::clone(cached));
        // Before those who wait are told: they may have to look elsewhere.
        self.record_variation(cached);
        // Without a place in the log that instances share, nobody could serve it, and it would only take the place of
        // what they can.
        has_position
    }

    /// A refresh takes no place that is not taken. Where nothing could be found out, the key counts as new.
    fn may_add_key(&self) -> bool {
        let was_stored = match self.outcome {
            Outcome::Miss(reason) => matches!(
                reason,
                MissReason::Expired
                    | MissReason::Invalidated
                    | MissReason::NoCache
                    | MissReason::Partial
                    | MissReason::Request
            ),
            Outcome::Hit(_) | Outcome::Stale(..) => true,
            Outcome::Bypass(_) => false,
        };
        if was_stored || self.layer.new_key_budget.try_take(self.layer.engine.clock.boot()) {
            return true;
        }
        self.layer.engine.report.not_shared();
        false
    }

    fn finish_flight(&mut self, end: FlightOutcome) {
        // Where nothing is kept in memory, nobody finds the response before it is shared: until then the flight goes on for
        // whoever comes.
        if !self.layer.http.memory.is_enabled() {
            if let Some(leader) = &self.leader {
                return leader.announce(end);
            }
        }
        if let Some(leader) = self.leader.take() {
            leader.finish(end);
        }
    }

    /// Stores the response for other instances, if it is of use to them. They wait for it until it is there: the lease is
    /// given up with the last that is stored, and if it came to nothing.
    pub(super) async fn write_to_store(mut self, cached: &CachedResponse, is_useful: bool) {
        let engine = &self.layer.engine;
        let Some(store) = engine.open_store().filter(|_| is_useful) else {
            return;
        };
        let stored = cached.to_stored();
        let expiry = expiry(&stored.meta.lifetime, stored.meta.initial_age, can_be_validated(&stored));
        let mut entries = self.store_writes(&stored, expiry).into_iter().peekable();
        while let Some(StoreWrite { address, value, expiry, releases_lease: ends }) = entries.next() {
            let lease = self.lease.take_if(|_| ends && entries.peek().is_none());
            let done = match lease {
                Some(lease) => lease.store(&address, value, expiry).await,
                None => store.set(&address, value, expiry).await,
            };
            match done {
                Ok(()) => engine.report.store_ok(StoreOp::Write, &*engine.clock),
                Err(error) => engine.report.store_error(StoreOp::Write, &error, &*engine.clock),
            }
        }
    }
}

/// One value in the shared tier.
struct StoreWrite {
    address: String,
    value: Bytes,
    expiry: Duration,
    /// Whether it may end the lease: in a cluster, it has to be in its slot.
    releases_lease: bool,
}

impl Fill {
    /// Remembers what the response says of equivalent queries.
    pub(crate) fn record_variation(&self, cached: &CachedResponse) {
        let (Some(scope), engine) = (&self.context.scope, &self.layer.engine) else { return };
        if let Some(told) = variation_hint(scope, &cached.headers, &cached.meta) {
            self.layer.http.variations.record(
                scope.base_key(),
                told,
                engine.clock.wall(),
                engine.clock.boot(),
            );
        }
    }

    /// All that is stored for a response; where it is for equivalent queries, also that they are to look for it there.
    fn store_writes(&self, stored: &StoredResponse, expiry: Duration) -> Vec<StoreWrite> {
        let key = &*stored.meta.key;
        let ends = key == &*self.context.key;
        let entry = |(address, value)| StoreWrite { address, value, expiry, releases_lease: ends };
        let mut all: Vec<_> = response_writes(stored).into_iter().map(entry).collect();
        let scope = self.context.scope.as_ref();
        let told =
            scope.and_then(|scope| Some((scope, variation_hint(scope, &stored.headers, &stored.meta)?)));
        let Some((scope, told)) = told else { return all };
        let value = |key: &str| wire::encode_told(&told, key, &stored.meta.position);
        let lookup = StoreWrite {
            address: address::variation(scope.base_key()),
            value: value(scope.base_key()),
            expiry,
            releases_lease: false,
        };
        if ends {
            all.insert(0, lookup);
            return all;
        }
        all.push(lookup);
        if self.lease.is_some() {
            // Those who wait for the lease find the way there.
            let address = address::primary(&self.context.key);
            all.push(StoreWrite {
                address,
                value: value(&self.context.key),
                expiry: REDIRECT_EXPIRY,
                releases_lease: true,
            });
        }
        all
    }
}

/// What a response says of equivalent queries, if it is one for such.
fn variation_hint(scope: &QueryScope, headers: &HeaderMap, meta: &Meta) -> Option<Told> {
    let (key, variation) = scope.key_for_response(headers);
    let life = expiry(&meta.lifetime, meta.initial_age, true);
    (key == meta.key).then_some(Told { variation: variation?, at: meta.response_time, life })
}

/// What stands in the shared tier for a response: itself, and, where it is one of several variants, which fields tell
/// them apart. The variant comes first, so that whoever reads the fields finds it.
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

/// An entity tag that the cache made itself means nothing to the handler.
fn can_be_validated(stored: &StoredResponse) -> bool {
    let headers = &stored.headers;
    validators::has_validator(headers) && (!stored.meta.flags.own_etag || headers.contains_key(LAST_MODIFIED))
}

fn expiry(lifetime: &Lifetime, age: Duration, validates: bool) -> Duration {
    let least = if validates { MIN_VALIDATION_TIME } else { Duration::ZERO };
    let afterlife = (lifetime.fresh / 10).min(MAX_AFTERLIFE).max(least);
    let windows = lifetime.while_revalidate.max(lifetime.if_error).max(afterlife);
    let left = lifetime.fresh.saturating_sub(age);
    left.saturating_add(windows).max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_stays_in_the_shared_tier_for_as_long_as_it_is_of_use() {
        let secs = Duration::from_secs;
        let lifetime = |fresh, while_revalidate, if_error| Lifetime {
            fresh: secs(fresh),
            while_revalidate: secs(while_revalidate),
            if_error: secs(if_error),
        };
        let cases = [
            (lifetime(100, 0, 0), 0, false, 110),
            (lifetime(100, 50, 0), 0, false, 150),
            (lifetime(100, 50, 500), 20, false, 580),
            (lifetime(100_000, 0, 0), 0, true, 100_600),
            (lifetime(0, 0, 0), 0, false, 1),
            (lifetime(10, 0, 0), 60, false, 1),
            (lifetime(0, 0, 0), 0, true, 60),
            (lifetime(10, 0, 0), 60, true, 60),
            (lifetime(10, 0, 500), 0, true, 510),
        ];
        for (lifetime, age, validates, expected) in cases {
            assert_eq!(expiry(&lifetime, secs(age), validates), secs(expected), "{lifetime:?} at {age}");
        }
    }
}
