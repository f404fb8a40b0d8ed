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

use super::flight::Ended;
use super::making::Making;
use super::run::Fill;
use super::word::Word;
use crate::memory::held::Held;
use crate::report::Exchange;
use crate::search::Search;

/// Beyond its windows a response is kept for a tenth of its lifetime and at most for this long, so that a miss can be
/// told as *expired* and a validator still used.
const LONGEST_AFTERLIFE: Duration = Duration::from_secs(600);
/// What can be validated is kept at least for this long: what says `no-cache` is of no other use.
const TO_BE_VALIDATED: Duration = Duration::from_secs(60);
/// An entry that points the waiting instances to a response under another key expires after this time.
const REDIRECT_EXPIRY: Duration = Duration::from_secs(10);

impl Fill {
    /// Keeps the response in memory and tells those who wait. False if it is of use to no other instance.
    pub(super) fn commit(&mut self, held: &Arc<Held>, making: &Making) -> bool {
        let cache = &self.route.cache;
        cache.report.judged(making.stored());
        if making.is_failure {
            self.end(Ended::Failed(Arc::clone(held)));
            if let Some((lease, word)) = self.lease.take().zip(Word::of_failure(held)) {
                lease.end(word);
            }
            return false;
        }
        let of_use = self.insert(held);
        self.end(Ended::Stored(Arc::clone(held)));
        of_use && self.is_within_budget()
    }

    /// Keeps the response in memory if it may be served at all. False if it is of use to no other instance.
    ///
    /// Rule 11: "On insert: load the generation, then check, then insert." What was invalidated meanwhile is for those who
    /// asked before, and for nobody else.
    pub(super) fn insert(&self, held: &Arc<Held>) -> bool {
        let cache = &self.route.cache;
        // Asked first: a position from before the log was read is refused by what comes after.
        let has_position = cache.log.was_read();
        let (verdict, _) = cache.log.judge(held, cache.clock.boot());
        if verdict == Verdict::Refused {
            return false;
        }
        cache.memory.insert(Arc::clone(held));
        // Before those who wait are told: they may have to look elsewhere.
        self.learn_from(held);
        // Without a place in the log that instances share, nobody could serve it, and it would only take the place of
        // what they can.
        has_position
    }

    /// A refresh takes no place that is not taken. Where nothing could be found out, the key counts as new.
    fn is_within_budget(&self) -> bool {
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
        if was_stored || self.route.new_keys.spend(self.route.cache.clock.boot()) {
            return true;
        }
        self.route.cache.report.kept_to_itself();
        false
    }

    fn end(&mut self, end: Ended) {
        // Where nothing is kept in memory, nobody finds the response before it is shared: until then the flight goes on for
        // whoever comes.
        if !self.route.cache.memory.keeps() {
            if let Some(lead) = &self.lead {
                return lead.tell(end);
            }
        }
        if let Some(lead) = self.lead.take() {
            lead.end(end);
        }
    }

    /// Stores the response for other instances, if it is of use to them. They wait for it until it is there: the lease is
    /// given up with the last that is stored, and if it came to nothing.
    pub(super) async fn share(mut self, held: &Held, of_use: bool) {
        let cache = &self.route.cache;
        let Some(store) = cache.shared().filter(|_| of_use) else {
            return;
        };
        let stored = to_stored(held);
        let expiry = expiry(&stored.meta.lifetime, stored.meta.initial_age, can_be_validated(&stored));
        let mut entries = self.entries(&stored, expiry).into_iter().peekable();
        while let Some(Entry { address, value, expiry, ends }) = entries.next() {
            let lease = self.lease.take_if(|_| ends && entries.peek().is_none());
            let done = match lease {
                Some(lease) => lease.store(&address, value, expiry).await,
                None => store.set(&address, value, expiry).await,
            };
            match done {
                Ok(()) => cache.report.store_worked(Exchange::Write, &*cache.clock),
                Err(error) => cache.report.store_failed(Exchange::Write, &error, &*cache.clock),
            }
        }
    }
}

/// One value in the shared tier.
struct Entry {
    address: String,
    value: Bytes,
    expiry: Duration,
    /// Whether it may end the lease: in a cluster, it has to be in its slot.
    ends: bool,
}

impl Fill {
    /// Remembers what the response says of equivalent queries.
    pub(super) fn learn_from(&self, held: &Held) {
        let (Some(search), cache) = (&self.ask.search, &self.route.cache) else { return };
        if let Some(told) = told(search, &held.headers, &held.meta) {
            cache.variations.learn(search.base(), told, cache.clock.wall(), cache.clock.boot());
        }
    }

    /// All that is stored for a response; where it is for equivalent queries, also that they are to look for it there.
    fn entries(&self, stored: &StoredResponse, expiry: Duration) -> Vec<Entry> {
        let key = &*stored.meta.key;
        let ends = key == &*self.ask.key;
        let entry = |(address, value)| Entry { address, value, expiry, ends };
        let mut all: Vec<_> = entries(stored).into_iter().map(entry).collect();
        let search = self.ask.search.as_ref();
        let told = search.and_then(|search| Some((search, told(search, &stored.headers, &stored.meta)?)));
        let Some((search, told)) = told else { return all };
        let value = |key: &str| wire::encode_told(&told, key, &stored.meta.position);
        let known = Entry {
            address: address::variation(search.base()),
            value: value(search.base()),
            expiry,
            ends: false,
        };
        if ends {
            all.insert(0, known);
            return all;
        }
        all.push(known);
        if self.lease.is_some() {
            // Those who wait for the lease find the way there.
            let address = address::primary(&self.ask.key);
            all.push(Entry { address, value: value(&self.ask.key), expiry: REDIRECT_EXPIRY, ends: true });
        }
        all
    }
}

/// What a response says of equivalent queries, if it is one for such.
fn told(search: &Search, headers: &HeaderMap, meta: &Meta) -> Option<Told> {
    let (key, variation) = search.key_of(headers);
    let life = expiry(&meta.lifetime, meta.initial_age, true);
    (key == meta.key).then_some(Told { variation: variation?, at: meta.response_time, life })
}

/// The response as others are to read it.
pub(super) fn to_stored(held: &Held) -> StoredResponse {
    StoredResponse {
        status: held.status,
        headers: held.stored_headers(),
        body: held.body.clone(),
        meta: held.meta.clone(),
    }
}

/// What stands in the shared tier for a response: itself, and, where it is one of several variants, which fields tell
/// them apart. The variant comes first, so that whoever reads the fields finds it.
fn entries(stored: &StoredResponse) -> Vec<(String, Bytes)> {
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
    let least = if validates { TO_BE_VALIDATED } else { Duration::ZERO };
    let afterlife = (lifetime.fresh / 10).min(LONGEST_AFTERLIFE).max(least);
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
