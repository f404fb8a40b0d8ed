//! Claiming a lease, or waiting for the instance that holds it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::table::Verdict;
use larder_core::lease::{Claim, ClaimReply, Holder, LeaseId};
use larder_core::store::{StoreError, StoreErrorKind};
use tokio::time::{Instant, sleep};

use crate::engine::fill_scope::FillScope;
use crate::engine::lease::Lease;
use crate::engine::lease::backoff::Backoff;
use crate::engine::lease::lease_wait::LeaseWait;
use crate::engine::lease::timing::LEASE_TTL;
use crate::engine::report::lease_event::LeaseEvent;
use crate::engine::report::store_health::StoreOp;
use crate::engine::shared::Engine;
use crate::engine::store_time::StoreTime;

/// The result of a claim. The caller may continue the claim after `Stored` and `Left`.
pub(crate) enum ClaimEvent {
    /// This instance holds the lease. [`into_lease`](LeaseClaim::into_lease) returns it.
    Granted,
    /// The store has a value other than the one that this instance has seen.
    ///
    /// The number is the trusted local position (rule 1).
    Stored(Bytes, u64),
    /// The holder has finished its fill without storing a response, and has left this result.
    ///
    /// The number is the trusted local position (rule 1).
    Left(Bytes, u64),
    /// The last response could not be stored, so requests should not wait for the next one.
    Uncacheable,
    /// The handler has failed, and is to be asked again after this time.
    RetryLater(Duration),
    /// Another instance holds the lease, and the claim does not wait for it.
    HeldElsewhere,
    /// The handler runs without a lease.
    ///
    /// The shared tier gave no reply that may be trusted, or the holder waits for this request.
    Unavailable,
}

/// The address that a lease is for, and the fingerprint of the value there that is of no use.
pub(crate) struct ClaimTarget {
    pub(crate) address: String,
    pub(crate) fingerprint: Option<[u8; 8]>,
    /// Whether the request has looked the value up. If not, the same value was in memory.
    pub(crate) is_looked_up: bool,
}

/// The alternatives to a run of the handler, for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// There is nothing else to serve. The handler is asked even if it has just failed.
    Required,
    /// There is something else to serve if the handler has just failed.
    Optional,
    /// The same, and the claim does not wait for another instance either.
    Immediate,
}

/// A claim to the lease of one value. It is repeated until there is a result.
pub(crate) struct LeaseClaim {
    engine: Arc<Engine>,
    /// The position of the fill that begins if the lease is granted.
    position: Position,
    lease: Lease,
    target: ClaimTarget,
    awaiting: Option<Holder>,
    wait: LeaseWait,
    takes_over: bool,
    urgency: Urgency,
    store_time: Arc<StoreTime>,
    /// The fills that wait for this one.
    outer: Option<FillScope>,
    /// The lease of a fill of another process that does so, as the request states it.
    stated_lease: Option<LeaseId>,
    deadline: Instant,
    is_finished: bool,
    /// Whether the store has given the request any reply.
    has_reply: bool,
    has_failed: bool,
    backoff: Backoff,
}

impl LeaseClaim {
    /// Creates a claim. Returns `None` if no shared store is available.
    ///
    /// At the deadline, the claim takes the lease over from its holder.
    pub(crate) fn new(
        engine: &Arc<Engine>,
        target: ClaimTarget,
        position: Position,
        store_time: &Arc<StoreTime>,
        deadline: Instant,
    ) -> Option<Self> {
        let store = engine.open_store()?;
        let lease = Lease::new(engine, store, &target.address);
        Some(Self {
            engine: Arc::clone(engine),
            has_reply: target.is_looked_up,
            position,
            lease,
            target,
            awaiting: None,
            wait: LeaseWait::new(engine),
            takes_over: false,
            urgency: Urgency::Required,
            store_time: Arc::clone(store_time),
            outer: None,
            stated_lease: None,
            deadline,
            is_finished: false,
            has_failed: false,
            backoff: Backoff::new(store.instance_count()),
        })
    }

    /// Returns whether this claim has waited for another instance.
    pub(crate) const fn has_waited(&self) -> bool {
        self.wait.has_begun()
    }

    /// Whether the store was asked, and has given the request no reply at all.
    pub(crate) const fn has_failed(&self) -> bool {
        self.has_failed && !self.has_reply
    }

    /// Replaces the target with the one that a later lookup has seen.
    ///
    /// Returns `false` if the shared store is no longer available.
    pub(crate) fn retarget(&mut self, target: ClaimTarget) -> bool {
        let Some(store) = self.engine.open_store() else { return false };
        if target.address != self.target.address {
            self.lease = Lease::new(&self.engine, store, &target.address);
            self.awaiting = None;
        }
        self.target = target;
        true
    }

    /// Sets the fingerprint of the value that the store has now.
    pub(crate) fn set_fingerprint(&mut self, fingerprint: Option<[u8; 8]>) {
        self.target.fingerprint = fingerprint;
    }

    /// Sets the alternatives to a run of the handler.
    pub(crate) fn set_urgency(&mut self, urgency: Urgency) {
        self.urgency = urgency;
    }

    /// Sets the fills that wait for this one, so that it does not wait for them.
    ///
    /// `stated_lease` is that of a fill of another process, as the request states it. A request
    /// cannot make it up: the id is random, and only the holder's handler gets it.
    pub(crate) fn set_outer(&mut self, scope: Option<FillScope>, stated_lease: Option<LeaseId>) {
        (self.outer, self.stated_lease) = (scope, stated_lease);
    }

    /// Whether the holder's handler waits for this request.
    fn is_within(&self, holder: Holder) -> bool {
        self.stated_lease == Some(holder.id)
            || self.outer.as_ref().is_some_and(|scope| scope.has_lease(holder.id))
    }

    /// Returns the lease that was granted.
    pub(crate) fn into_lease(self) -> Lease {
        self.lease
    }

    /// Repeats the claim until the caller has something to decide.
    ///
    /// Calls `may_wait` once, before the first wait for another instance. If it returns `false`,
    /// the claim does not wait. `names` returns the names by which the value can be invalidated, as
    /// far as they are known before the fill.
    pub(crate) async fn next(
        &mut self,
        names: impl Fn() -> Names,
        mut may_wait: impl FnMut() -> bool,
    ) -> ClaimEvent {
        // After the deadline, one last claim takes the lease over.
        while !self.is_finished {
            self.is_finished = Instant::now() >= self.deadline;
            // Check this before every claim, because rule 12 is about the moment at which the store
            // is asked.
            let Some(local) = self.engine.trusted_local_position() else { break };
            if self.store_time.is_used_up() {
                break;
            }
            match self.claim().await {
                Err(error) if error.kind() == StoreErrorKind::Timeout => {
                    self.lease.possibly_acquired();
                    return ClaimEvent::Granted;
                }
                Err(_) => break,
                Ok(ClaimReply::Acquired) => return self.granted(),
                Ok(ClaimReply::Uncacheable) => return ClaimEvent::Uncacheable,
                Ok(ClaimReply::RetryLater(time)) => return ClaimEvent::RetryLater(time),
                Ok(ClaimReply::Stored(value)) => return ClaimEvent::Stored(value, local),
                Ok(ClaimReply::Finished(result)) => {
                    self.awaiting = None;
                    return ClaimEvent::Left(result, local);
                }
                Ok(ClaimReply::HeldBy(holder)) if self.is_within(holder) => break,
                Ok(ClaimReply::HeldBy(holder)) => {
                    self.awaiting = Some(holder);
                    self.takes_over = self.is_holder_invalidated(holder, local, &names());
                    if !self.takes_over {
                        if self.urgency == Urgency::Immediate || !(self.has_waited() || may_wait()) {
                            return ClaimEvent::HeldElsewhere;
                        }
                        self.wait().await;
                    }
                }
            }
        }
        self.is_finished = true;
        ClaimEvent::Unavailable
    }

    async fn claim(&mut self) -> Result<ClaimReply, StoreError> {
        let claim = Claim {
            address: &self.target.address,
            holder: self.lease.holder(self.position),
            ttl: LEASE_TTL,
            known_fingerprint: self.target.fingerprint,
            awaiting: self.awaiting.map(|holder| holder.id),
            take_over: self.takes_over || self.is_finished,
            may_retry_later: self.urgency != Urgency::Required,
        };
        let began = self.engine.clock.boot();
        // The reply may be a large value, like that of a lookup.
        let store = Arc::clone(&self.lease.store);
        let is_transfer = || store.is_transferring(claim.address);
        let claimed = self.store_time.spend_unless(is_transfer, self.lease.claim(claim)).await;
        self.has_reply |= claimed.is_ok();
        self.has_failed |= claimed.is_err();
        self.engine.report.store_result(StoreOp::Lease, began, &claimed, &*self.engine.clock);
        claimed
    }

    fn granted(&mut self) -> ClaimEvent {
        let report = &self.engine.report;
        report.lease_event(LeaseEvent::Acquired);
        if self.awaiting.is_some() {
            report.lease_event(LeaseEvent::TakenOver);
        }
        self.lease.acquired();
        ClaimEvent::Granted
    }

    async fn wait(&mut self) {
        self.wait.begin();
        sleep(self.backoff.next_delay(fastrand::f64())).await;
        // It waits for the other instance's fill now. The next claim has the time of one exchange.
        self.store_time.renew();
    }

    /// Returns whether this instance will refuse the value that the holder is filling.
    ///
    /// This is so if one of the names of the value was invalidated after the fill began.
    fn is_holder_invalidated(&self, holder: Holder, local: u64, names: &Names) -> bool {
        let mut position = holder.position;
        position.watermark.local = local;
        let now = self.engine.clock.boot();
        self.engine.log.read(|tail| tail.check(&position, names, now)) != Verdict::Valid
    }
}
