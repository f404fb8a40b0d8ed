//! Write-behind: writes are queued, and a worker brings them to the database.
//!
//! | file | what it does |
//! | --- | --- |
//! | `behind_builder.rs`, `behind_options.rs` | the options |
//! | `behind_queue.rs` | which queue a collection has |
//! | `write_behind.rs` | the handle, and reads: the queue is asked before the database |
//! | `behind_loader.rs` | reads with a loader |
//! | `queued_writes.rs` | writes: push, wait until it is durable, append the event |
//! | `behind_state.rs` | what handles and worker share |
//! | `durability_check.rs` | whether the store's settings are sufficient |
//! | `pending.rs` | questions to the queue |
//! | `own_writes.rs` | copies of unflushed writes, for reads while the queue cannot be asked |
//! | `queue_entry.rs` | the form of a write in the queue |
//! | `sink.rs`, `flush_result.rs` | the user's side |
//! | `worker.rs` | the reader of a partition |
//! | `batch.rs` | writes as the sink gets them |
//! | `drain.rs` | flushing what is left, before a queue in the process ends |
//! | `flush.rs` | flushing a batch: the sink, the event, the completion |
//! | `committed_writes.rs` | writes that wait for the replicas of the database |
//! | `flush_failures.rs` | writes that failed, and when they are tried again |
//! | `dead_writes.rs` | the quarantine |

mod batch;
mod behind_builder;
mod behind_loader;
mod behind_options;
mod behind_queue;
mod behind_state;
mod committed_writes;
mod dead_writes;
mod drain;
mod durability_check;
mod flush;
mod flush_failures;
mod flush_result;
mod operations;
mod own_writes;
mod pending;
mod quarantine;
mod queue_entry;
mod queued_collection;
mod queued_writes;
mod sink;
mod worker;
mod write_behind;
mod write_error;

pub use self::behind_builder::WriteBehindBuilder;
pub use self::flush_result::{FlushError, Flushed};
pub use self::operations::{Operation, Operations, OperationsBuilder};
pub use self::quarantine::DeadWrite;
pub use self::sink::{Sink, Write};
pub use self::write_behind::WriteBehind;
pub use self::write_error::{ReadError, WriteError, WriteErrorKind};
