//! The shared tier and the invalidation log of [Larder](https://docs.rs/larder), in Redis.
//!
//! This crate needs Redis 7 or newer. It uses the client library [fred](https://docs.rs/fred).
//!
//! [`RedisStore`] implements the traits of [`larder_core::store`] and [`larder_core::write_queue`].
//! It keeps four connections: one for stored responses, one for large responses, one that polls the
//! log and appends to it, and one that waits for news from the log. In a cluster, it keeps four
//! connections to each primary. With [`RedisStoreBuilder::wait_for_replicas`], it keeps a fifth one
//! for appends. A store whose write queue waits for replicas or for the disk keeps one more, and so
//! does one that had many invalidations to read at once, outside a cluster.
//!
//! # Keys
//!
//! * `larder:<namespace>:v<schema>:{<key>}…`: a stored response. It expires.
//! * The same name with `:body`: a stored response of more than 128 KiB. The name without `:body`
//!   then has a short reference to it. It expires.
//! * The same name with `:lease`: the holder of the response's lease, or a marker. With a
//!   marker, instances do not wait for the lease. It expires within seconds.
//! * The same name with `:lease:<token>`: the reason why that holder's fill failed, for the
//!   instances that waited for it. The key expires within a second.
//! * `larder:{<namespace>:log}:events`: the log, a Stream. It does not expire.
//! * `larder:{<namespace>:log}:incarnation`: the incarnation of the log, and the run id of the
//!   server on which this incarnation began.
//! * `larder:{<namespace>:log}:beat`: the time of the last access to the log, in Unix seconds.
//! * `larder:{<namespace>:log}:marks`: checkpoints, one for about every 4,096 entries of the log. A
//!   new instance can start reading at a checkpoint.
//! * `larder:{<namespace>:log}:sights` and `larder:{<namespace>:log}:instances`: when each instance
//!   announced itself last, and its record. Both expire a minute after the last announcement.
//!
//! * `larder:{<namespace>:queue:<collection>}:setup`, and
//!   `larder:{<namespace>:queue:<collection>:<partition>}:` with `state`, `writes`, `ids`,
//!   `quarantined`, `dead:<key>`, `reader` and `barrier`: the write queue of a collection. None of
//!   these keys expires.
//!
//! The log's keys do not contain the schema, because an invalidation has to reach both versions
//! during a rolling deploy.
//!
//! # When Redis is slow or unreachable
//!
//! No request waits longer than the command timeout, apart from the transfer of a large response or
//! of many values at once. After three timeouts in a row and a quarter of a second without an
//! answer, only one request at a time still tries Redis, at most every 100 to 400 ms. Concurrent
//! timeouts count once, and those of a process that does not get the CPU do not count. In a
//! cluster, this applies to each primary separately: a primary that hangs does not delay requests
//! to the other primaries.
//!
//! The store returns each error to its caller, the cache, and does not log it. The cache logs when
//! an outage begins and when it ends. This crate logs only advice about the server's settings, once
//! and at `warn`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod append;
mod append_queue;
mod barrier;
mod batch;
mod builder;
mod circuit;
mod compression;
mod config_check;
mod connection;
mod entries;
mod error;
mod expiry;
mod failover;
mod fred_client;
mod gather;
mod get_many;
mod health;
mod home;
mod instance_scripts;
mod keys;
mod large_value;
mod lease;
mod log;
mod log_call;
mod log_page;
mod monitoring;
mod native_poll;
mod patience;
mod poll_arguments;
mod poll_budget;
mod poll_link;
mod push_call;
mod push_partition;
mod push_partitions;
mod queue_names;
mod queue_scripts;
mod random_id;
mod reclaim;
mod replicas;
mod reply;
mod scan;
mod script;
mod server_clock;
mod server_info;
mod shared_buffer;
mod shared_tier;
mod stats;
mod store;
mod stream_entry;
mod switches;
mod timeouts;
#[cfg(feature = "tls")]
mod tls;
mod url;
mod usual_size;
mod write_queue;

pub use self::builder::RedisStoreBuilder;
pub use self::error::{ConnectError, ConnectErrorKind};
pub use self::store::RedisStore;
