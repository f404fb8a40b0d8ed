//! The caching engine. It works for any kind of cached value and knows nothing of HTTP.
//!
//! - `shared.rs`: `Engine`, the parts of a cache
//! - `listing/`: pages of what is stored in memory
//! - `memory_tier.rs`: values in the memory of this process, bounded by their size in bytes
//! - `evicted_keys.rs`: the keys of the values that were evicted from it lately
//! - `store.rs`: the shared store as one object, whatever its type
//! - `queue.rs`: the write queue as one object, and `local_queue.rs`: the one in this process
//! - `fill_scope.rs`: the fills that wait for the work of a task, and the values that they use
//! - `coalesce/`: requests that share one run of the handler
//! - `lease/`: instances that share one run of the handler
//! - `invalidation_log/`: the invalidation log, as this process knows it
//! - `invalidate/`: invalidations, and the tasks that follow the log and free the shared store
//! - `allocated_size.rs`: how many bytes of memory something takes
//! - `background.rs`: tasks that run without a client, and their limits
//! - `detach.rs`: work that goes on after its client has left
//! - `failure_table.rs`: the stored values that could not be replaced
//! - `config_error.rs`: the error for an invalid option
//! - `lag_limit.rs`: the limit on results of lagging database replicas
//! - `switches/`: bypasses that an operator sets, and `fleet_switches.rs`: those of all instances
//! - `fleet_record.rs`: the record of those in the shared store
//! - `report/`: counters, metrics and log events
//! - `monitoring/`: what operators see of this instance and of the others
//! - `instance_info.rs`: the identity of this instance
//! - `serialize.rs`: the form of durations in JSON and the like
//! - `store_miss.rs`: the reason of a lookup without a result in the shared tier
//! - `store_time.rs`: the time that a request spends on the shared store
//! - `clock.rs`: the clocks of the operating system
//! - `sync.rs`: the synchronization primitives that the concurrency tests replace
//! - `ttl.rs`: constants for freshness lifetimes

pub(crate) mod allocated_size;
pub(crate) mod background;
pub(crate) mod catch_panic;
pub(crate) mod clock;
pub(crate) mod coalesce;
pub(crate) mod config_error;
pub(crate) mod detach;
pub(crate) mod evicted_keys;
pub(crate) mod failure_table;
pub(crate) mod fill_scope;
pub(crate) mod fleet_record;
pub(crate) mod fleet_switches;
pub(crate) mod instance_info;
pub(crate) mod invalidate;
pub(crate) mod invalidation_log;
pub(crate) mod keyed_jobs;
pub(crate) mod lag_limit;
pub(crate) mod lease;
pub(crate) mod listing;
pub(crate) mod local_queue;
pub(crate) mod memory_tier;
pub(crate) mod monitoring;
pub(crate) mod queue;
pub(crate) mod report;
pub(crate) mod serialize;
pub(crate) mod shared;
pub(crate) mod store;
pub(crate) mod store_calendar;
pub(crate) mod store_miss;
pub(crate) mod store_time;
pub(crate) mod switches;
pub(crate) mod sync;
pub mod ttl;
