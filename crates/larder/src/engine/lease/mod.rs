//! The lease that a fill has: kept while it runs, given up when it ends, however it does.

pub(crate) mod backoff;
pub(crate) mod claim;
pub(crate) mod timing;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use larder_core::lease::{Claim, Claimed, Holder, Left, Token};
use larder_core::log::position::Position;
use larder_core::store::StoreError;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::engine::lease::timing::{EXTEND_INTERVAL, LEASE_TTL, RESULT_TTL};
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// A lease, or the request for one: even that may have arrived when nobody waits for its answer any more, and what was
/// taken then would keep others waiting for a fill that nobody makes.
pub(crate) struct Lease {
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
    address: Arc<str>,
    id: Token,
    extend_task: Option<AbortHandle>,
    /// Whether somebody has to give it up.
    must_release: bool,
}

impl Lease {
    /// One that may be asked for.
    pub(crate) fn new(engine: &Arc<Engine>, store: &Arc<dyn Store>, address: &str) -> Self {
        Self {
            engine: Arc::clone(engine),
            store: Arc::clone(store),
            address: address.into(),
            id: Token::from_bytes(fastrand::u128(..).to_be_bytes()),
            extend_task: None,
            must_release: false,
        }
    }

    /// Who holds it, for a fill that began at this position.
    pub(crate) const fn holder(&self, position: Position) -> Holder {
        Holder { token: self.id, position }
    }

    /// Asks for it.
    pub(crate) async fn claim(&mut self, claim: Claim<'_>) -> Result<Claimed, StoreError> {
        // Until it is known not to be ours.
        self.must_release = true;
        let claimed = self.store.claim(claim).await?;
        self.must_release = claimed == Claimed::Taken;
        Ok(claimed)
    }

    /// It was taken: it is kept from now on, until it is given up.
    pub(crate) fn acquired(&mut self) {
        self.extend_from(EXTEND_INTERVAL);
    }

    /// It may have been taken: there was no answer in time. If it was, others wait for the fill that is made now, and
    /// extending it at once tells.
    pub(crate) fn possibly_acquired(&mut self) {
        self.extend_from(Duration::ZERO);
    }

    fn extend_from(&mut self, first: Duration) {
        let (store, address, token) = (Arc::clone(&self.store), Arc::clone(&self.address), self.id);
        self.extend_task = Some(tokio::spawn(extend_until_lost(store, address, token, first)).abort_handle());
    }

    /// Gives it up, and leaves this to those who wait for its fill.
    pub(crate) fn finish_with(mut self, word: Bytes) {
        self.release(Left::Word(word, RESULT_TTL));
    }

    /// Gives it up, and for so long nobody is to wait for this lease.
    pub(crate) fn release_as_uncacheable(mut self, life: Duration) {
        self.release(Left::Pass(life));
    }

    /// Stores the response that it was for, and gives it up with that.
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

    /// Gives it up in the background: nobody's answer waits for that. Where it fails, the lease ends with its life.
    fn release(&mut self, left: Left) {
        if !std::mem::take(&mut self.must_release) {
            return;
        }
        // Without a runtime there is nobody left to do it.
        if Handle::try_current().is_err() {
            return;
        }
        let (store, address, token) = (Arc::clone(&self.store), Arc::clone(&self.address), self.id);
        self.engine.background.spawn(async move {
            if let Err(error) = store.release(&address, token, left).await {
                tracing::debug!(target: "larder", %error, "a lease is left to expire");
            }
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(keeper) = &self.extend_task {
            keeper.abort();
        }
        self.release(Left::Nothing);
    }
}

/// Extends a lease, for the first time in so long, until it is lost or this is aborted.
async fn extend_until_lost(store: Arc<dyn Store>, address: Arc<str>, token: Token, first: Duration) {
    let mut pause = first;
    loop {
        sleep(pause).await;
        // One that could not be extended is not lost yet.
        if let Ok(false) = store.extend(&address, token, LEASE_TTL).await {
            tracing::debug!(target: "larder", %address, "a lease was lost while its fill went on");
            return;
        }
        pause = EXTEND_INTERVAL;
    }
}
