//! Pushing a write.
//!
//! Pushes are gathered: while some are in flight, further ones wait, and are sent together. Outside
//! a cluster, this goes for all partitions together. All writes of a batch have the same deadline,
//! because they are sent at the same moment, and each has an outcome of its own.

use std::sync::Arc;
use std::time::Duration;

use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{PushError, PushOutcome, PushWrite};
use tokio::runtime::Handle;

use super::push_batch::push_batch;
use super::write_reply::{self, Encoded};
use crate::gather::{self, AnswerLost, CallTarget};
use crate::patience::backstop;
use crate::push_call::{PushCall, PushResult};
use crate::push_partitions::{PushLane, PushQueue};
use crate::store::RedisStore;

/// The store to which the writes of a batch go, and those that wait with them.
#[derive(Clone)]
struct PushTarget {
    store: RedisStore,
    waiting: Arc<PushQueue>,
}

impl CallTarget for PushTarget {
    type Call = PushCall;
    type Answer = PushResult;

    /// More writes would save little, and Redis serves no other client during a script.
    const MAX_CALLS: usize = 64;
    const MAX_WEIGHT: usize = 128 * 1024;

    fn weight(call: &PushCall) -> usize {
        call.key.len() + call.payload.len()
    }

    fn queue(&self) -> &PushQueue {
        &self.waiting
    }

    fn runtime(&self) -> Handle {
        self.store.inner.home.runtime()
    }

    fn backstop(&self) -> Duration {
        backstop(self.store.inner.command_timeout)
    }

    async fn send(&self, calls: Vec<PushCall>) -> Vec<PushResult> {
        push_batch(&self.store, &calls).await
    }
}

/// Pushes a write.
pub(super) async fn push(store: &RedisStore, write: PushWrite<'_>) -> PushResult {
    let Encoded { kind, bytes } = write_reply::encode(write.payload);
    let namespace = store.inner.keys.namespace();
    let lane = store.inner.pushes.lane(namespace, &write.partition, kind, write.limits)?;
    let PushLane { partition, waiting } = lane;
    let target = PushTarget { store: store.clone(), waiting };
    let call = PushCall { partition, key: write.key.into(), kind, payload: bytes, id: write.id };
    gather::call(&target, call).await.unwrap_or_else(|AnswerLost| {
        let error = StoreError::new(StoreErrorKind::Unreachable, "the task that pushes has ended");
        Err(PushError::new(PushOutcome::Unknown, error))
    })
}
