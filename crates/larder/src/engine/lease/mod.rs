//! Leases: of all instances that miss a response, one runs the handler.
//!
//! The holder of a lease extends it while its fill runs, and releases it when the fill ends,
//! however it ends. The other instances wait for the response. Coalescing within this process is in
//! [`coalesce`](crate::engine::coalesce).
//!
//! - `mod.rs`: the lease of one fill
//! - `claim.rs`: claiming a lease, or waiting for its holder
//! - `known_fingerprint.rs`: the fingerprint by which a claim recognizes a value of no use
//! - `lease_wait.rs`: the wait of a claim for another instance
//! - `fill_result.rs`: the result that the holder leaves if it stores nothing
//! - `backoff.rs`: the delays between two claims
//! - `shared_write.rs`: writing a value to the shared tier, which releases its lease
//! - `timing.rs`: the lifetimes of leases and results

pub(crate) mod backoff;
pub(crate) mod claim;
pub(crate) mod fill_result;
pub(crate) mod known_fingerprint;
mod lease_wait;
pub(crate) mod shared_write;
pub(crate) mod timing;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::position::Position;
use larder_core::lease::{Claim, ClaimReply, Holder, LeaseId, Release};
use larder_core::store::StoreError;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::engine::lease::timing::{EXTEND_INTERVAL, LEASE_TTL, RESULT_TTL};
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// A lease, or the claim to one.
///
/// A claim may reach the store after its caller has stopped waiting for the reply. The lease that
/// it acquires then would keep other instances waiting for a fill that never runs. So a lease is
/// also released if it may have been acquired.
pub(crate) struct Lease {
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
    address: Arc<str>,
    id: LeaseId,
    extend_task: Option<AbortHandle>,
    /// Whether the lease must be released, because it was acquired or may have been.
    must_release: bool,
}

impl Lease {
    /// Creates a lease with a new id, which was not claimed yet.
    pub(crate) fn new(engine: &Arc<Engine>, store: &Arc<dyn Store>, address: &str) -> Self {
        Self {
            engine: Arc::clone(engine),
            store: Arc::clone(store),
            address: address.into(),
            id: LeaseId::from_bytes(fastrand::u128(..).to_be_bytes()),
            extend_task: None,
            must_release: false,
        }
    }

    /// Returns the id of this lease.
    pub(crate) const fn id(&self) -> LeaseId {
        self.id
    }

    /// Returns the holder of this lease, for a fill that began at this position.
    pub(crate) const fn holder(&self, position: Position) -> Holder {
        Holder { id: self.id, position }
    }

    /// Claims the lease.
    pub(crate) async fn claim(&mut self, claim: Claim<'_>) -> Result<ClaimReply, StoreError> {
        // The lease may be ours until the reply says otherwise.
        self.must_release = true;
        let claimed = self.store.claim(claim).await?;
        self.must_release = claimed == ClaimReply::Acquired;
        Ok(claimed)
    }

    /// Notes that the lease was acquired. It is extended from now on until it is released.
    pub(crate) fn acquired(&mut self) {
        self.extend_from(EXTEND_INTERVAL);
    }

    /// Notes that the lease may have been acquired, because the reply did not come in time.
    ///
    /// If it was acquired, other instances wait for the fill that runs now. It is extended at once,
    /// which shows whether it was acquired.
    pub(crate) fn possibly_acquired(&mut self) {
        self.extend_from(Duration::ZERO);
    }

    fn extend_from(&mut self, first: Duration) {
        let (store, address, token) = (Arc::clone(&self.store), Arc::clone(&self.address), self.id);
        self.extend_task = Some(tokio::spawn(extend_until_lost(store, address, token, first)).abort_handle());
    }

    /// Releases the lease, and leaves this result to the instances that wait for its fill.
    pub(crate) fn finish_with(mut self, result: Bytes) {
        self.release(Release::WithResult(result, RESULT_TTL));
    }

    /// Releases the lease after a failure, and leaves this result to the instances that wait.
    ///
    /// For this long, no instance that has a stale response runs the handler again.
    pub(crate) fn finish_with_failure(mut self, result: Bytes, retry_after: Duration) {
        self.release(Release::RetryLater { result, result_ttl: RESULT_TTL, retry_after });
    }

    /// Releases the lease. For this long, no instance waits for it.
    pub(crate) fn release_as_uncacheable(mut self, life: Duration) {
        self.release(Release::Uncacheable(life));
    }

    /// Stores the response that the lease is for, and releases the lease in the same step.
    pub(crate) async fn store(
        mut self,
        address: &str,
        value: Bytes,
        expiry: Duration,
    ) -> Result<(), StoreError> {
        self.store.set_and_release(address, value, expiry, &self.address, self.id).await?;
        self.must_release = false;
        Ok(())
    }

    /// Releases the lease in the background, so that no response waits for it.
    ///
    /// If the release fails, the lease expires.
    fn release(&mut self, left: Release) {
        if !std::mem::take(&mut self.must_release) {
            return;
        }
        // Without a runtime, the release cannot run.
        if Handle::try_current().is_err() {
            return;
        }
        let (store, address, token) = (Arc::clone(&self.store), Arc::clone(&self.address), self.id);
        self.engine.background.spawn(async move {
            if let Err(error) = store.release(&address, token, left).await {
                tracing::debug!(target: "larder", %error, "lease not released, it will expire");
            }
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(task) = &self.extend_task {
            task.abort();
        }
        self.release(Release::Free);
    }
}

/// Extends a lease until it is lost or this task is aborted. The first pause is `first`.
async fn extend_until_lost(store: Arc<dyn Store>, address: Arc<str>, token: LeaseId, first: Duration) {
    let mut pause = first;
    loop {
        sleep(pause).await;
        // A lease that could not be extended this time is not lost yet.
        if let Ok(false) = store.extend(&address, token, LEASE_TTL).await {
            tracing::debug!(target: "larder", %address, "lease lost while its fill was running");
            return;
        }
        pause = EXTEND_INTERVAL;
    }
}
