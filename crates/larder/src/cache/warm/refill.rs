//! The responses that are filled again after an invalidation.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::Request;
use larder_core::key::redact::redact;
use larder_core::time::BootTime;

use crate::cache::Cache;
use crate::cache::warm::warm_options::WarmOptions;
use crate::cache::warm::warming::Warming;
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::engine::listing::scan::scan;
use crate::engine::listing::stored_state::StoredState;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::listed::place;
use crate::http::memory::refill_request::refill_request;
use crate::http::memory::stored_info::state_of;

/// The maximum number of responses that are filled again.
const MAX_LIMIT: usize = 10_000;

/// The options for [`Cache::invalidate_and_refill`](crate::Cache::invalidate_and_refill).
///
/// # Examples
///
/// ```
/// use larder::warm::{RefillOptions, WarmOptions};
///
/// let hottest = ["u|http|shop.example|/products".to_owned()];
/// let options = RefillOptions::default()
///     .limit(200)
///     .order(hottest)
///     .warm(WarmOptions::default().concurrency(8));
/// ```
#[derive(Debug, Clone)]
pub struct RefillOptions {
    limit: usize,
    order: Vec<String>,
    pub(super) warm: WarmOptions,
}

impl RefillOptions {
    /// Sets how many responses are filled again. Default: 100. Maximum: 10,000.
    #[must_use]
    pub fn limit(mut self, responses: usize) -> Self {
        self.limit = responses.min(MAX_LIMIT);
        self
    }

    /// Sets the keys of the responses that are filled first, in this order.
    ///
    /// They are encoded keys, as they are or as they are shown: those of the most frequent
    /// requests, for example. Responses with other keys follow, the newest first. Default: none.
    #[must_use]
    pub fn order(mut self, keys: impl IntoIterator<Item = String>) -> Self {
        self.order = keys.into_iter().collect();
        self
    }

    /// Sets how fast the requests are sent.
    #[must_use]
    pub const fn warm(mut self, options: WarmOptions) -> Self {
        self.warm = options;
        self
    }
}

impl Default for RefillOptions {
    fn default() -> Self {
        Self { limit: 100, order: Vec::new(), warm: WarmOptions::default() }
    }
}

/// An invalidation whose responses are being filled again.
#[derive(Debug)]
#[must_use = "dropping it stops the requests"]
#[non_exhaustive]
pub struct Refill {
    /// The outcome of the invalidation.
    pub outcome: InvalidationOutcome,
    /// The requests that fill the responses again.
    pub warming: Warming,
    /// The number of responses whose request is not known.
    pub not_rebuilt: u64,
    /// The number of responses over the limit.
    pub left_out: u64,
}

/// The numbers of responses that are not filled again.
#[derive(Default)]
pub(super) struct LeftOut {
    pub(super) not_rebuilt: u64,
    pub(super) over_limit: u64,
}

/// The rank of a response. The first ones are filled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// The index of its key in the order. Keys that are not there follow.
    index: usize,
    /// The newest come first.
    received_at: Reverse<BootTime>,
    /// Different for each response.
    place: u128,
}

/// Returns the requests for the responses that an invalidation would reach, in order.
pub(super) async fn targets<Q: Default>(
    cache: &Cache,
    what: &Invalidation,
    options: &RefillOptions,
) -> (Vec<Request<Q>>, LeftOut) {
    let (reach, log) = (cache.reach(what), &cache.engine.log);
    let (now, credentials) = (cache.engine.clock.boot(), &*cache.http.credentials);
    let indexes: HashMap<&str, usize> =
        options.order.iter().enumerate().rev().map(|(index, key)| (&**key, index)).collect();
    let (mut chosen, mut left) = (BTreeMap::new(), LeftOut::default());
    scan(cache.http.memory.responses(), |cached| {
        if !reach.has(&cached.meta.names) || state_of(&cached, log, now) == StoredState::Invalidated {
            return;
        }
        if refill_request::<()>(&cached, credentials).is_none() {
            left.not_rebuilt += 1;
            return;
        }
        chosen.insert(rank(&cached, &indexes), cached);
        if chosen.len() > options.limit {
            chosen.pop_last();
            left.over_limit += 1;
        }
    })
    .await;
    let requests = chosen.into_values().filter_map(|cached| refill_request(&cached, credentials));
    (requests.collect(), left)
}

fn rank(cached: &Arc<CachedResponse>, indexes: &HashMap<&str, usize>) -> Rank {
    let key = &*cached.meta.key;
    let index = match indexes.is_empty() {
        true => None,
        false => indexes.get(key).or_else(|| indexes.get(&*redact(key))).copied(),
    };
    Rank {
        index: index.unwrap_or(usize::MAX),
        received_at: Reverse(cached.received_at()),
        place: place(cached),
    }
}
