#![doc = include_str!("docs/crate.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cache;
mod engine;
mod http;
#[cfg(test)]
mod testing;

/// The shared store in Redis. With the feature `redis`.
///
/// This is the crate [`larder-redis`](https://docs.rs/larder-redis), which can also be used by
/// itself. It is the one exception to the rule that each type has one path.
#[cfg(feature = "redis")]
pub use larder_redis as redis;

pub use crate::cache::Cache;
pub use crate::cache::builder::CacheBuilder;
pub use crate::cache::close::CloseReport;
pub use crate::cache::layer::CacheLayer;
pub use crate::engine::invalidation_log::invalidation::DeferredError;
pub use crate::engine::invalidation_log::invalidation::Invalidation;
pub use crate::engine::invalidation_log::invalidation::InvalidationOutcome;
pub use crate::engine::report::stats::Stats;
pub use crate::engine::ttl;
pub use crate::http::body::CacheBody;
pub use crate::http::policy::Policy;
pub use crate::http::policy::error::ConfigError;
pub use crate::http::policy::error::ConfigErrorKind;
pub use crate::http::policy::read_your_writes::ReadYourWrites;
pub use crate::http::response::parts::CacheFor;
pub use crate::http::response::parts::Tags;
pub use crate::http::service::cache_service::CacheService;
pub use crate::http::service::future::ResponseFuture;
pub use larder_core::log::selector::{
    Glob, HashedName, PathName, Prefix, Selector, SelectorError, Tag, UriName, UriParts,
};
pub use larder_core::log::token::{NotAToken, Token};

/// The example of the README compiles.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
