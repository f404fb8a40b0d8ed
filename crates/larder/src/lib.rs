#![doc = include_str!("docs/crate.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod background;
mod body;
mod builder;
mod cache;
mod clock;
mod close;
mod detach;
mod fill;
mod inner;
mod log;
mod lookup;
mod memory;
mod policy;
mod reclaim;
mod report;
mod route;
mod said;
mod search;
mod serve;
mod service;
mod store;
mod sync;
#[cfg(test)]
mod testing;
pub mod ttl;
mod write;

pub use body::CacheBody;
pub use builder::CacheBuilder;
pub use cache::Cache;
pub use close::Closed;
pub use larder_core::log::selector::{
    Glob, HashedName, PathName, Prefix, Selector, SelectorError, Tag, UriName, UriParts,
};
pub use larder_core::log::token::{NotAToken, Token};
pub use log::{Deferral, Invalidated, Invalidation};
pub use policy::{ConfigError, ConfigErrorKind, Policy, ReadYourWrites};
pub use report::stats::Stats;
pub use said::{CacheFor, Tags};
pub use service::{CacheLayer, CacheService, ResponseFuture};

/// The example of the README compiles.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
