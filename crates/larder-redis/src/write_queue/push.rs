//! Pushing a write.
//!
//! Pushes are gathered: while some are in flight, further ones wait, and are sent together. Outside
//! a cluster, this goes for all partitions together. All writes of a batch have the same deadline,
//! because they are sent at the same moment, and each has an outcome of its own.

use std::sync::Arc;
use std::time::Duration;

use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{LogFollower, PushError, PushOutcome, PushWrite};
use tokio::runtime::Handle;

use super::push_batch::push_batch;
use super::push_log::MAX_KEY;
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
        call.size()
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

/// Pushes a write. With a follower, also appends the event of its key.
pub(super) async fn push(
    store: &RedisStore,
    write: PushWrite<'_>,
    follower: Option<&Arc<dyn LogFollower>>,
) -> PushResult {
    let Encoded { kind, bytes } = write_reply::encode(write.payload);
    let inner = &*store.inner;
    let namespace = inner.keys.namespace();
    let lane = inner.pushes.lane(namespace, &write.partition, kind, write.limits)?;
    let is_logged = inner.logged_id().is_some() && write.key.len() <= MAX_KEY;
    let follower = follower.filter(|_| is_logged).cloned();
    let PushLane { partition, mut waiting } = lane;
    if follower.is_some() {
        waiting = Arc::clone(inner.pushes.logged());
    }
    let target = PushTarget { store: store.clone(), waiting };
    let call = PushCall { partition, key: write.key.into(), kind, payload: bytes, id: write.id, follower };
    gather::call(&target, call).await.unwrap_or_else(|AnswerLost| {
        let error = StoreError::new(StoreErrorKind::Unreachable, "the task that pushes has ended");
        Err(PushError::new(PushOutcome::Unknown, error))
    })
}
