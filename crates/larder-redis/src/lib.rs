//! The shared tier and the invalidation log of [Larder](https://docs.rs/larder), in Redis.
//!
//! The crate needs Redis 7 or newer, and uses the client library [fred](https://docs.rs/fred).
//!
//! [`RedisStore`] implements the traits of [`larder_core::store`]. It keeps three connections: one
//! for stored responses, one that polls the log and appends to it, and one that waits for news from
//! the log. In a cluster, it keeps three connections to each primary. With
//! [`RedisStoreBuilder::replicas`] there is a fourth connection, for appends.
//!
//! # Keys
//!
//! * `larder:<namespace>:v<schema>:{<key>}…`: a stored response. It expires.
//! * The same name with `:lease`: the holder of the response's lease, or a note that no instance
//!   should wait for the lease. It expires within seconds.
//! * The same name with `:lease:<token>`: how the fill of that holder failed, for the instances
//!   that waited for it. It expires within a second.
//! * `larder:{<namespace>:log}:events`: the log, a Stream. It does not expire.
//! * `larder:{<namespace>:log}:incarnation`: the incarnation of the log, and the run id of the
//!   server on which it began.
//! * `larder:{<namespace>:log}:beat`: the time of the last access to the log, in Unix seconds.
//! * `larder:{<namespace>:log}:marks`: checkpoints, one for about every 4,096 entries of the log. A
//!   new instance can begin to read at a checkpoint.
//!
//! The names of the log's keys do not contain the schema. During a rolling deploy, an invalidation
//! has to reach both versions.
//!
//! # When Redis is in trouble
//!
//! No request waits longer than the command timeout. After three timeouts in a row, no request
//! waits at all until Redis answers again. In a cluster this applies to each primary separately: a
//! primary that hangs does not delay requests to the others.
//!
//! The store returns each error to its caller, the cache, and does not log it. The cache logs when
//! trouble begins and when it ends. This crate itself logs only advice on the server's settings,
//! once and at `warn`.

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
