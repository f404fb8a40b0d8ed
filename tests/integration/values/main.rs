//! Typed values below HTTP: in memory, over a real Redis, and within the fills of routes.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[cfg(unix)]
mod behind_loaders;
mod coalescing;
#[cfg(unix)]
mod cold_loads;
mod failing;
#[cfg(unix)]
mod faults;
mod forms;
#[cfg(unix)]
mod herds;
#[cfg(unix)]
mod in_process;
#[cfg(unix)]
mod in_process_closing;
mod invalidating;
#[cfg(unix)]
mod ledger_sink;
mod loaders;
#[cfg(unix)]
mod logged_writes;
mod many;
mod memory;
#[cfg(unix)]
mod operations;
#[cfg(unix)]
mod operations_quarantine;
#[cfg(unix)]
mod operations_random;
#[cfg(unix)]
mod operations_readers;
mod own_keys;
#[cfg(unix)]
mod own_writes;
#[cfg(unix)]
mod queued_writes;
#[cfg(unix)]
mod redis_instances;
#[cfg(unix)]
mod replica_lag;
#[cfg(unix)]
mod sharing;
mod stale_values;
mod support;
mod switched_off;
#[cfg(unix)]
mod table_sink;
mod value_listings;
mod within_fills;
#[cfg(unix)]
mod write_behind;
#[cfg(unix)]
mod write_behind_closing;
#[cfg(unix)]
mod write_behind_faults;
#[cfg(unix)]
mod write_behind_quarantine;
mod writing;
