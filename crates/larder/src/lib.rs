#![doc = include_str!("../README.md")]
//!
//! # What is stored and served
//!
//! Larder follows RFC 9111 for shared caches. The policy is the application's decision, so it takes
//! precedence over the request. A handler can override the policy with [`CacheFor`] or
//! `Cache-Control`.
//!
//! * Responses to `GET` are stored, and they also answer `HEAD`. Requests with other safe methods
//!   go to the handler.
//! * A request with an unsafe method invalidates its URI if it succeeds (§4.4). With
//!   [`Policy::ttl`], it also does so if it fails with a server error or 408, because the write may
//!   have happened. The response is sent after that.
//! * An [`Invalidation`] in the response to any method is applied before the response is sent, by
//!   all layers around the handler. [`Cache::invalidation_layer`] is for routes that have no other
//!   layer.
//! * A response is not stored if it is partial, or if the policy does not include its status code.
//!   It is not stored either if it has `no-store`, `private`, `Set-Cookie` or `Vary: *`, or if its
//!   body is over the limit or has trailers.
//! * Credentials are `Authorization`, the cookies that the policy does not declare, and the fields
//!   of [`CacheBuilder::credentials`]. A response
//!   to a request with credentials is only stored if the response (`public`, `s-maxage`) or the
//!   policy permits sharing it.
//! * A request with credentials gets a stored response only if that response or the policy permits
//!   sharing it.
//! * `Vary` is honored. Up to 64 variants of a key are kept in memory.
//!
//! # Deployment
//!
//! * Put layers for authentication and authorization around the cache layer. A layer inside the
//!   cache layer does not run on a hit, and neither does an extractor: see [`Policy::per_user`].
//! * The key contains the scheme, the host, the path and the query. Behind a proxy that rewrites
//!   `Host`, instances share responses only if the proxy sends the same `Host` to all of them.
//! * The cache needs a Tokio runtime with time enabled: `enable_all`, as in `#[tokio::main]`.
//! * Fills and handlers of unsafe methods run in their own tasks, where task-local values of the
//!   caller are not visible. If their client leaves, these tasks go on, but their number
//!   ([`CacheBuilder::max_abandoned_fills`], [`CacheBuilder::max_abandoned_writes`]) and their time
//!   ([`Policy::fill_timeout`]) are limited. If no other request waits for the handler, as with
//!   `HEAD` or a bypass, the handler runs in the task of the caller. If the handler needs a
//!   task-local value, insert the value into the extensions of the request, and let a layer inside
//!   the cache layer set the task-local value from it.
//! * A hit has no response extensions, and neither has a response that is shared with another
//!   request. If a layer around the cache layer needs a value of the handler, send the value as a
//!   header field, which is stored. A layer inside the cache layer can turn an extension into a
//!   field.
//! * A body of unknown length is not stored if it ends later than ten seconds after its head. A
//!   body of known length is not stored if the wait for a part of it is longer than that, or if all
//!   of it takes longer than ten minutes. Clients get both. Streams, such as `text/event-stream`,
//!   are passed on at once.
//! * Layers can be nested, even if they belong to different caches. The innermost layer handles the
//!   request. A write invalidates in the caches of all layers.
//! * Some extractors read properties of the connection, such as `ConnectInfo` and client
//!   certificates. The response then depends on a value that is not in the key. Add such a value
//!   with [`Policy::partition`].

#![cfg_attr(docsrs, feature(doc_cfg))]

mod cache;
mod engine;
mod http;
#[cfg(test)]
mod testing;
pub mod values;

/// The shared store in Redis. Requires the feature `redis`.
///
/// This is the crate [`larder-redis`](https://docs.rs/larder-redis), which can also be used by
/// itself. This re-export is the one exception to the rule that each type has one path.
#[cfg(feature = "redis")]
pub use larder_redis as redis;

/// The traits and types that authors of shared stores need.
///
/// A store implements [`SharedTier`](store::SharedTier),
/// [`InvalidationLog`](store::InvalidationLog) and [`Leases`](store::Leases), and is passed to
/// [`CacheBuilder::shared_store`].
///
/// These types are defined in the crate `larder-core`. A store crate can depend on `larder-core`
/// directly. It then needs no new release for each release of `larder`.
///
/// # Examples
///
/// ```
/// use larder::store::{InvalidationLog, Leases, StoreError};
/// use larder::Cache;
///
/// /// Builds a cache if the log of its store can be polled.
/// async fn cache(store: impl Leases + InvalidationLog) -> Result<Cache, StoreError> {
///     store.ready().await?;
///     Ok(Cache::builder().shared_store(store).build())
/// }
/// ```
pub mod store {
    pub use larder_core::invalidation::log_page::{Cursor, LogPage};
    pub use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
    pub use larder_core::invalidation::selector::{Event, KeyScope, Mode};
    pub use larder_core::lease::{Claim, ClaimReply, Holder, LeaseId, Leases, Release};
    pub use larder_core::monitoring::{
        ANNOUNCE_INTERVAL, EntryPage, FORGET_AFTER, MAX_INSTANCES, MAX_RECORD_BYTES, Monitoring, NoMonitoring,
    };
    pub use larder_core::store::{
        InvalidationLog, MAX_KEYS, ReclaimReport, ReclaimRequest, ScanCursor, SharedTier, StoreError,
        StoreErrorKind, SwitchRecord, too_many_keys,
    };
    pub use larder_core::stored::address;
    pub use larder_core::stored::wire::{INCARNATION, LOG_ID, fingerprint};
}

/// The outcomes of requests, for [`Served`].
///
/// The words for them are the same in header fields, metrics and logs: see
/// [`Outcome::as_str`](outcome::Outcome::as_str) and [`Outcome::reason`](outcome::Outcome::reason).
///
/// # Examples
///
/// ```
/// use larder::Served;
/// use larder::outcome::{BypassReason, Outcome};
///
/// fn has_credentials(served: &Served) -> bool {
///     matches!(served.outcome, Outcome::Bypass(BypassReason::Authorization | BypassReason::Cookie))
/// }
/// ```
pub mod outcome {
    pub use larder_core::outcome::{BypassReason, MissReason, Outcome, StaleReason, Tier};
}

/// Explanations of requests: what the cache would do with a request now, and why.
///
/// [`Cache::explain`] returns an [`Explanation`](explain::Explanation).
///
/// # Examples
///
/// ```
/// use larder::explain::Explanation;
///
/// /// Returns the invalidations for which the stored response is not served.
/// fn invalidations(explanation: &Explanation) -> Vec<String> {
///     let entries = explanation.memory.entries.iter().filter(|entry| entry.is_selected);
///     entries.flat_map(|entry| entry.invalidated_by.iter().map(ToString::to_string)).collect()
/// }
/// ```
pub mod explain {
    pub use crate::http::explanation::answer::{Explanation, HandlerRun};
    pub use crate::http::explanation::explain_error::{ExplainError, ExplainErrorKind};
    pub use crate::http::explanation::explained_key::{ExplainedKey, ExplainedNames, KeyPart};
    pub use crate::http::explanation::explained_tier::{
        ExplainedLog, ExplainedTier, InvalidatedBy, StoredEntry,
    };
}

/// The feed of invalidations, for operators.
///
/// # Examples
///
/// ```
/// use larder::Cache;
/// use larder::feed::FeedItem;
///
/// /// Writes each invalidation to a log, until the cache is dropped.
/// async fn log(cache: Cache) {
///     let mut feed = cache.invalidations();
///     drop(cache);
///     while let Some(item) = feed.next().await {
///         match item {
///             FeedItem::Invalidation(event) => println!("{} {:?}", event.selector, event.status),
///             FeedItem::Missed(items) => println!("{items} invalidations were missed"),
///             other => println!("{other:?}"),
///         }
///     }
/// }
/// ```
pub mod feed {
    pub use crate::engine::invalidation_log::feed::{FeedEvent, FeedItem, FeedStatus, InvalidationFeed};
}

/// The instances that share a store, for programs of operators that are no instances themselves.
///
/// See [`Fleet`](fleet::Fleet).
pub mod fleet {
    pub use crate::cache::fleet::fleet_inspection::FleetInspection;
    pub use crate::cache::fleet::fleet_invalidation::{AppendedInvalidation, FleetReclaim};
    pub use crate::cache::fleet::fleet_preview::FleetPreview;
    pub use crate::cache::fleet::log_reader::LogReader;
    pub use crate::cache::fleet::{Fleet, LogEnd};
    pub use larder_core::monitoring::LeaseState;
}

/// The stored entries, for operators: listings, single keys, and the reach of an invalidation.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use larder::Cache;
/// use larder::inspect::{ListPage, StoredFilter};
///
/// let cache = Cache::default();
/// let winter = StoredFilter::default().tag("season:winter");
/// let listing = cache.stored_responses(&winter, ListPage::default().limit(10)).await;
/// assert!(listing.entries.is_empty());
/// # }
/// ```
pub mod inspect {
    pub use crate::cache::inspect::key_inspection::KeyInspection;
    pub use crate::cache::inspect::store_inspection::StoreInspection;
    pub use crate::cache::preview::InvalidationPreview;
    pub use crate::engine::listing::filter::StoredFilter;
    pub use crate::engine::listing::page::{ListCursor, ListPage, Listing, ParseCursorError};
    pub use crate::engine::listing::stored_state::StoredState;
    pub use crate::http::memory::stored_info::{StoredInfo, VariantField};
    pub use crate::values::listed_value::ValueInfo;
}

/// Advice: what the figures of a cache say about its settings.
///
/// Returned by [`Cache::advice`].
pub mod advice {
    pub use larder_core::advice::Advice;
    pub use larder_core::advice::advice_kind::{AdviceKind, Severity};
}

/// The two clocks of a cache, for [`CacheBuilder::clock`].
///
/// # Examples
///
/// ```
/// use larder::Cache;
/// use larder::time::{BootTime, Clock, WallTime};
///
/// /// A clock that always shows the same time.
/// struct Stopped;
///
/// impl Clock for Stopped {
///     fn wall(&self) -> WallTime {
///         WallTime::from_unix_millis(1_700_000_000_000)
///     }
///
///     fn boot(&self) -> BootTime {
///         BootTime::from_nanos(1)
///     }
/// }
///
/// let cache = Cache::builder().clock(Stopped).build();
/// ```
pub mod time {
    pub use larder_core::time::{BootTime, Clock, WallTime};
}

/// Filling the cache with requests, before clients send them.
///
/// See [`Cache::warm`] and [`Cache::invalidate_and_refill`].
pub mod warm {
    pub use crate::cache::warm::refill::{Refill, RefillOptions};
    pub use crate::cache::warm::warm_options::WarmOptions;
    pub use crate::cache::warm::warming::{WarmProgress, Warming};
}

pub use crate::cache::Cache;
pub use crate::cache::builder::CacheBuilder;
pub use crate::cache::close::CloseReport;
pub use crate::cache::health::{Health, NotReadyError};
pub use crate::cache::invalidation_layer::InvalidationLayer;
pub use crate::cache::layer::CacheLayer;
pub use crate::engine::config_error::ConfigError;
pub use crate::engine::config_error::ConfigErrorKind;
pub use crate::engine::invalidation_log::invalidation::DeferredError;
pub use crate::engine::invalidation_log::invalidation::Invalidation;
pub use crate::engine::invalidation_log::invalidation::InvalidationOutcome;
pub use crate::engine::report::distribution::Distribution;
pub use crate::engine::report::route_stats::RouteStats;
pub use crate::engine::report::stats::Stats;
pub use crate::engine::report::store_state::StoreState;
pub use crate::engine::report::top_keys::{TopKey, TopKeys};
pub use crate::engine::report::write_queue_state::WriteQueueState;
pub use crate::engine::switches::scope::SwitchScope;
pub use crate::engine::switches::switch::{Switch, SwitchReach};
pub use crate::engine::switches::switch_error::{SwitchError, SwitchErrorKind};
pub use crate::engine::ttl;
pub use crate::http::body::CacheBody;
pub use crate::http::policy::Policy;
pub use crate::http::policy::description::{KeyDescription, PolicyDescription};
pub use crate::http::policy::downstream::Downstream;
pub use crate::http::policy::read_your_writes::ReadYourWrites;
pub use crate::http::policy::routed_request::RoutedRequest;
pub use crate::http::response::cache_for::CacheFor;
pub use crate::http::response::served::Served;
pub use crate::http::response::tags::Tags;
pub use crate::http::service::cache_service::CacheService;
pub use crate::http::service::future::ResponseFuture;
pub use crate::http::service::invalidation_future::InvalidationFuture;
pub use crate::http::service::invalidation_service::InvalidationService;
pub use larder_core::http::content_coding::ContentCoding;
pub use larder_core::invalidation::selector::{
    Glob, HashedName, PathName, Prefix, Selector, SelectorError, Tag, UriName, UriParts,
};
pub use larder_core::invalidation::token::{ConsistencyToken, ParseTokenError};
pub use larder_core::monitoring::{
    CircuitState, EvictionPolicy, Instance, InstanceId, InstanceRecord, InstanceState, NodeCircuit,
    ParseInstanceIdError, StoreStats,
};
pub use larder_core::write_queue;
