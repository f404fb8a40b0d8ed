//! Typed values below HTTP, on the same cache as the routes.
//!
//! Route caching skips all business logic. A service layer needs a cache too: for a database query
//! that several routes, jobs and consumers share. A [`Values`] is such a cache, for one type of
//! values. It uses the invalidation log, the shared store and the leases of its
//! [`Cache`](crate::Cache), so one
//! [`invalidate`](crate::Cache::invalidate) reaches routes and values together.
//!
//! # Examples
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::io;
//! use std::time::Duration;
//!
//! use larder::values::Values;
//! use larder::{Cache, Tag, ttl};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Product {
//!     name: String,
//!     category: String,
//! }
//!
//! /// Stands for a query of the database.
//! async fn find_product(id: u64) -> io::Result<Option<Product>> {
//!     let product = || Product { name: format!("cheese {id}"), category: "cheese".into() };
//!     Ok((id < 100).then(product))
//! }
//!
//! let cache = Cache::default();
//! let products: Values<u64, Product> = cache
//!     .values("product")
//!     .ttl(ttl::STANDARD)
//!     .negative_ttl(Duration::from_secs(30))
//!     .tags(|id, product: Option<&Product>| {
//!         let category = product.map(|product| format!("category:{}", product.category));
//!         category.into_iter().chain([format!("product:{id}")])
//!     })
//!     .build()?;
//!
//! let cheese = products.get_or_load(&7, || find_product(7)).await?;
//! assert_eq!(cheese.unwrap().name, "cheese 7");
//! // The second call finds it. No load runs, and nothing is decoded or copied.
//! let cheese = products.get_or_load(&7, || find_product(7)).await?;
//! assert!(cheese.is_some());
//! assert_eq!(products.stats().loads, 1);
//!
//! // After a write: the value, and all routes that have the tag.
//! let _ = cache.invalidate(Tag::new("product:7")).await;
//! assert!(!products.get(&7).await.is_cached());
//! # Ok(())
//! # }
//! ```
//!
//! # What is guaranteed
//!
//! The guarantees are those for responses:
//!
//! * Once an invalidation has returned
//!   [`Applied`](crate::InvalidationOutcome::Applied), this instance does not return the value
//!   again, and no other instance does so for longer than
//!   [`max_staleness`](crate::CacheBuilder::max_staleness). A load that was running when the
//!   invalidation came is returned only to the calls from before it.
//! * The cache never fails a call. If Redis is slow or away, the value is loaded. Calls on this
//!   instance still share loads, and values in memory are used for `max_staleness`.
//! * One load per key, over all instances.
//!
//! A collection has no `put` and no `put_if_absent`. The caller of such a method would have read
//! the value before, and the cache could not know when. If the value was invalidated in between,
//! the cache would serve the old one for its whole lifetime. A load is called by the cache, which
//! notes the position in the invalidation log first.
//!
//! # Writes
//!
//! After a write to the database, invalidate the value, or let the cache have the new one:
//!
//! | pattern | method | after the write |
//! | --- | --- | --- |
//! | cache-aside | [`Values::invalidate`] after the commit | the next call on any instance loads the value |
//! | write-through | [`Values::write_through`], or [`Values::begin_write`] for your own transaction | all instances have the new value, without a load |
//!
//! | write-behind | [`WriteBehind::write`] instead of a write to the database | all instances have the new value, and a worker writes it to the database later |
//!
//! A write-through stores its value only if no other write or invalidation of the value overlapped
//! with it. Otherwise the value is only invalidated, so an old value never replaces a new one.
//!
//! A write-behind needs a durable queue, usually in Redis, and a [`Sink`] that compares sequence
//! numbers. It is for values that are written often and that nothing else writes: carts, drafts,
//! positions. A write is as fast as the queue. [`WriteBehind`] has the guarantees. A service of one
//! instance that may lose its last writes can keep the queue
//! [in the process](WriteBehindBuilder::in_process), without Redis.
//!
//! An [`Operation`] is a write that changes a row and has no value of its own, such as the
//! increment of a counter. [`Operations`] queues all of them, in order. They cannot be read: read
//! the row from the database.
//!
//! # Inside a handler that is cached
//!
//! A handler or a load that uses values makes a result that is no newer than they are. So within a
//! fill, a stale value is never returned. The stored result is fresh for no longer than the values,
//! and an invalidation that came after one of them was loaded refuses the result, too. A value from
//! before an invalidation of the handler's URI, key or policy tags is loaded again. This holds for
//! the task of the handler. A task that the handler spawns is not seen.
//!
//! The result does not get the names of the values. Give a route the tags of the values that it
//! shows, so that one invalidation names both.
//!
//! # Keys
//!
//! Any [`ValueKey`] is a key: integers, strings, tuples of them, and your own types. A key whose
//! text is longer than 8 KiB is not cached: its value is loaded each time, with the reason
//! `key-too-long`.
//!
//! # Values in the shared store
//!
//! A [`Codec`] encodes them: [`Json`] by default. A value that cannot be encoded, or that is larger
//! than [`max_value_bytes`](ValuesBuilder::max_value_bytes), is kept in memory alone. A value in the
//! store that cannot be decoded is a miss, with the reason `unreadable`. One of another
//! [`schema`](ValuesBuilder::schema) or codec is a miss, with the reason `schema`.

mod behind;
mod builder;
mod builder_lifetime;
mod builder_limits;
mod cached;
mod cached_value;
mod codec;
mod collection;
pub(crate) mod collection_policy;
mod collection_state;
mod encoded_value;
mod entry;
mod error_table;
pub(crate) mod listed_value;
mod load_error;
mod loader;
mod loader_mark;
mod loading;
mod many_values;
mod new_value;
mod pending_write;
pub(crate) mod registry;
mod shared_read;
mod shared_value;
mod value_address;
mod value_event;
mod value_key;
mod value_lookup;
mod value_options;
pub(crate) mod value_table;
mod write_through;
mod written;

pub use crate::engine::report::value_stats::ValueStats;
pub use crate::engine::report::write_stats::WriteBehindStats;

pub use self::behind::{
    DeadWrite, FlushError, Flushed, Operation, Operations, OperationsBuilder, ReadError, Sink, Write,
    WriteBehind, WriteBehindBuilder, WriteError, WriteErrorKind,
};
pub use self::builder::ValuesBuilder;
pub use self::cached::Cached;
#[cfg(feature = "messagepack")]
pub use self::codec::MessagePack;
#[cfg(feature = "postcard")]
pub use self::codec::Postcard;
pub use self::codec::{Codec, CodecError, Json};
pub use self::collection::Values;
pub use self::collection_policy::{CollectionPolicy, WriteBehindPolicy};
pub use self::entry::ValueEntry;
pub use self::load_error::{LoadError, LoadErrorKind};
pub use self::loader::LoadingValues;
pub use self::loader_mark::{Loader, NoLoader};
pub use self::pending_write::PendingWrite;
pub use self::value_key::{KeyText, ValueKey};
pub use self::written::Written;
