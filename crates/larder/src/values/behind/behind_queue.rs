//! Which queue a collection has.

use std::sync::Arc;

use larder_core::write_queue::PartitionId;
use tokio::runtime::Handle;

use crate::engine::config_error::{ConfigError, ConfigErrorKind};
use crate::engine::queue::Queue;
use crate::engine::shared::Engine;
use crate::values::behind::behind_options::BehindOptions;

/// Returns the queue of a collection: that of the cache, or the one in this process.
///
/// # Errors
/// If the cache has no such queue, if an option does not go with it, or outside of a runtime.
pub(super) fn choose_queue(engine: &Engine, options: &BehindOptions) -> Result<Arc<dyn Queue>, ConfigError> {
    let queue = if options.is_in_process { local_queue(engine, options) } else { shared_queue(engine) }?;
    if Handle::try_current().is_err() {
        return Err(error("write-behind needs a Tokio runtime for its worker"));
    }
    Ok(queue)
}

fn shared_queue(engine: &Engine) -> Result<Arc<dyn Queue>, ConfigError> {
    let Some(queue) = &engine.queue else {
        return Err(error(
            "write-behind needs a write queue: call `CacheBuilder::write_queue`, or `in_process` for a \
             single instance",
        ));
    };
    if engine.store.is_none() {
        return Err(error("write-behind needs a shared store: call `CacheBuilder::shared_store`"));
    }
    Ok(Arc::clone(queue))
}

fn local_queue(engine: &Engine, options: &BehindOptions) -> Result<Arc<dyn Queue>, ConfigError> {
    if engine.store.is_some() {
        return Err(error(
            "`in_process` needs a cache without a shared store: the other instances would not see the \
             pending writes",
        ));
    }
    if engine.queue.is_some() {
        return Err(error("`in_process` does not use the `CacheBuilder::write_queue`: remove one of them"));
    }
    if options.durability.is_some() || options.durability_timeout.is_some() {
        return Err(error("`in_process` writes are never durable: remove the durability options"));
    }
    Ok(Arc::clone(&engine.local_queue) as Arc<dyn Queue>)
}

/// Checks that an in-process collection of this name has this number of partitions.
///
/// # Errors
/// If it was built before, with another number.
pub(super) fn check_partitions(
    engine: &Engine,
    name: &str,
    options: &BehindOptions,
) -> Result<(), ConfigError> {
    let partition = PartitionId { collection: name, number: 0, count: options.partitions };
    if options.is_in_process && !engine.local_queue.accepts(partition) {
        return Err(error("the in-process collection exists already with another number of partitions"));
    }
    Ok(())
}

fn error(what: &str) -> ConfigError {
    ConfigError::new(ConfigErrorKind::WriteQueue, what)
}
