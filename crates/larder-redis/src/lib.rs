//! The shared tier and the invalidation log of [Larder](https://docs.rs/larder), in Redis 7 or newer, over fred.
//!
//! [`RedisStore`] implements the traits of [`larder_core::store`]. It keeps three connections (to a cluster: three to
//! each primary): one for stored responses, one for looks at the log and appends to it, and one that waits for news.
//! With [`RedisStoreBuilder::replicas`] there is a fourth, for appends.
//!
//! # Keys
//!
//! | key | what |
//! | --- | --- |
//! | `larder:<namespace>:v<schema>:{<key>}…` | a stored response; it expires |
//! | `larder:<namespace>:v<schema>:{<key>}…:lease` | which instance fills it, or that nobody is to wait; it expires within seconds |
//! | `larder:<namespace>:v<schema>:{<key>}…:lease:<token>` | how such a fill failed, for those who waited; it expires within a second |
//! | `larder:{<namespace>:log}:events` | the log, a Stream; it does not expire |
//! | `larder:{<namespace>:log}:incarnation` | which life of the log it is, and the run id of the server that it began on |
//! | `larder:{<namespace>:log}:beat` | when the log was last asked for, in Unix seconds |
//! | `larder:{<namespace>:log}:marks` | every 4,096th entry of the log or so, for an instance that starts to begin at |
//!
//! The log has no schema in its name: during a rolling deploy both versions have to hear of an invalidation.
//!
//! # When Redis is in trouble
//!
//! No request waits longer than the command timeout, and after three timeouts in a row none waits at all until Redis
//! answers again. In a cluster that goes for each primary by itself: one that hangs makes nobody wait for the others. The
//! store returns each error and tells nobody else; its user (the cache) says when trouble begins and
//! ends. What this crate says by itself, once and at `warn`, is advice on the server's settings.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod advice;
mod answer;
mod builder;
mod circuit;
mod entry;
mod error;
mod gather;
mod health;
mod keys;
mod lease;
mod link;
mod log;
mod look;
mod look_budget;
mod reclaim;
mod replicas;
mod script;
mod stats;
mod store;
mod successor;
mod tier;
#[cfg(feature = "tls")]
mod tls;
mod url;

pub use self::builder::RedisStoreBuilder;
pub use self::error::{ConnectError, ConnectErrorKind};
pub use self::stats::RedisStats;
pub use self::store::RedisStore;
