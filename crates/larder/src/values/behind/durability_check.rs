//! The durability of the queue: what a collection requires, and what the store's settings allow.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use larder_core::write_queue::{
    Durability, DurabilityGap, DurabilityMethod, NewestWrite, PartitionId, WaitReply, WaitRequest,
};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::engine::queue::Queue;
use crate::engine::report::write_queue_state::WriteQueueState;
use crate::engine::shared::Engine;
use crate::values::behind::write_error::{WriteError, WriteErrorKind};

/// How often the settings of the store are read.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// How often they are read while they are not sufficient, or not known.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Finds out how to wait until a write is durable, and reports whether it can be.
pub(super) struct DurabilityCheck {
    engine: Arc<Engine>,
    queue: Arc<dyn Queue>,
    collection: Box<str>,
    required: Durability,
    last: Mutex<Option<Checked>>,
}

/// The result of a check, and when the next one is due.
#[derive(Clone, Copy)]
struct Checked {
    method: Result<DurabilityMethod, DurabilityGap>,
    until: Instant,
}

impl DurabilityCheck {
    pub(super) fn new(
        engine: &Arc<Engine>,
        queue: &Arc<dyn Queue>,
        collection: &str,
        required: Durability,
    ) -> Self {
        let (engine, queue) = (Arc::clone(engine), Arc::clone(queue));
        engine.report.write_queues.set(collection, WriteQueueState::Unknown);
        Self { engine, queue, collection: collection.into(), required, last: Mutex::default() }
    }

    /// Returns how to wait until a write is durable.
    ///
    /// # Errors
    /// If the store cannot provide the durability, or its settings are not known.
    pub(super) async fn method(&self) -> Result<DurabilityMethod, WriteError> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Checked { method, .. }) = last.filter(|last| Instant::now() < last.until) {
            return method.map_err(WriteError::gap);
        }
        self.check().await?.method.map_err(WriteError::gap)
    }

    /// Waits until a write that a reader has read is durable, and all before it. Returns `false` if
    /// that takes longer than `timeout`, or if the store has lost it.
    ///
    /// A write that is flushed earlier could take effect twice: a failover may lose it and its id,
    /// and then the writer repeats it. If the settings do not allow the durability, new writes are
    /// refused, but those in the queue still have to reach the database.
    pub(super) async fn wait_for_read(
        &self,
        partition: PartitionId<'_>,
        newest: NewestWrite,
        timeout: Duration,
    ) -> bool {
        let method = match (self.method().await, self.required) {
            (Ok(method), _) => method,
            (Err(_), Durability::Replicas(count)) => DurabilityMethod::WaitReplicas(count),
            (Err(error), _) if error.kind() == WriteErrorKind::NotDurable => DurabilityMethod::Reply,
            (Err(_), _) => return false,
        };
        if method == DurabilityMethod::Reply {
            return true;
        }
        let NewestWrite { id, sequence } = newest;
        let request = WaitRequest { partition, id, sequence: Some(sequence), method, timeout };
        matches!(self.queue.wait_durable(request).await, Ok(WaitReply::Durable))
    }

    /// Checks the settings until `stop` or `closing` is cancelled.
    ///
    /// So the health of the cache is known before the first write.
    pub(super) async fn watch_until(&self, stop: &CancellationToken, closing: &CancellationToken) {
        tokio::select! {
            () = self.watch() => {}
            () = stop.cancelled() => {}
            () = closing.cancelled() => {}
        }
        self.report(WriteQueueState::Absent);
    }

    async fn watch(&self) {
        loop {
            let next = match self.check().await {
                Ok(checked) => checked.until,
                Err(_) => Instant::now() + RETRY_INTERVAL,
            };
            sleep_until(next).await;
        }
    }

    async fn check(&self) -> Result<Checked, WriteError> {
        let state = match self.queue.durability().await {
            Ok(state) => state,
            Err(error) => {
                self.report(WriteQueueState::Unknown);
                return Err(WriteError::caused(WriteErrorKind::NotQueued, error));
            }
        };
        let method = state.method_for(self.required);
        match &method {
            Ok(_) => {
                self.report(WriteQueueState::Durable);
            }
            Err(gap) => {
                if self.report(WriteQueueState::NotDurable(*gap)) {
                    let (collection, durability) = (&*self.collection, self.required);
                    tracing::error!(collection, ?durability, %gap, "write-behind queue is not durable enough");
                }
            }
        }
        let interval = if method.is_ok() { CHECK_INTERVAL } else { RETRY_INTERVAL };
        let checked = Checked { method, until: Instant::now() + interval };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(checked);
        Ok(checked)
    }

    /// Reports the state. Returns whether it was another one.
    fn report(&self, state: WriteQueueState) -> bool {
        self.engine.report.write_queues.set(&self.collection, state)
    }
}
