//! The leases of the store.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use larder_core::lease::{Claim, ClaimReply, Holder, LeaseId, Leases, Release};
use larder_core::store::StoreError;
use larder_core::stored::wire::fingerprint;
use tokio::time::Instant;

use crate::memory_store::MemoryStore;

/// The leases, and the results that ended leases have left.
#[derive(Default)]
pub(super) struct LeaseTable {
    leases: HashMap<String, Entry>,
    results: HashMap<(String, LeaseId), (Bytes, Instant)>,
}

struct Entry {
    state: State,
    expires: Instant,
}

#[derive(Clone, Copy)]
enum State {
    HeldBy(Holder),
    Uncacheable,
    RetryLater,
}

impl LeaseTable {
    fn remove_expired(&mut self) {
        let now = Instant::now();
        self.leases.retain(|_, entry| entry.expires > now);
        self.results.retain(|_, (_, expires)| *expires > now);
    }

    /// Returns the reply to a claim if no other value is stored.
    fn claim(&mut self, claim: Claim<'_>) -> ClaimReply {
        self.remove_expired();
        let result = claim.awaiting.and_then(|id| self.results.get(&(claim.address.to_owned(), id)));
        if let Some((result, _)) = result {
            return ClaimReply::Finished(result.clone());
        }
        match self.leases.get(claim.address).map(|entry| (entry.state, entry.expires)) {
            Some((State::Uncacheable, _)) => ClaimReply::Uncacheable,
            Some((State::HeldBy(holder), _)) if !(claim.take_over && claim.awaiting == Some(holder.id)) => {
                ClaimReply::HeldBy(holder)
            }
            Some((State::RetryLater, expires)) if claim.may_retry_later => {
                ClaimReply::RetryLater(expires.saturating_duration_since(Instant::now()))
            }
            Some((State::HeldBy(_) | State::RetryLater, _)) | None => {
                self.insert(claim.address, State::HeldBy(claim.holder), claim.ttl);
                ClaimReply::Acquired
            }
        }
    }

    fn insert(&mut self, address: &str, state: State, ttl: Duration) {
        self.leases.insert(address.to_owned(), Entry { state, expires: Instant::now() + ttl });
    }

    /// Returns the holder of a lease, if it is this one.
    fn held_by(&mut self, address: &str, id: LeaseId) -> Option<Holder> {
        self.remove_expired();
        match self.leases.get(address)?.state {
            State::HeldBy(holder) if holder.id == id => Some(holder),
            _ => None,
        }
    }

    fn extend(&mut self, address: &str, id: LeaseId, ttl: Duration) -> bool {
        let Some(holder) = self.held_by(address, id) else { return false };
        self.insert(address, State::HeldBy(holder), ttl);
        true
    }

    fn release(&mut self, address: &str, id: LeaseId, left: Release) {
        if self.held_by(address, id).is_none() {
            return;
        }
        self.leases.remove(address);
        match left {
            Release::Free => {}
            Release::WithResult(result, ttl) => self.insert_result(address, id, result, ttl),
            Release::RetryLater { result, result_ttl, retry_after } => {
                self.insert_result(address, id, result, result_ttl);
                self.insert(address, State::RetryLater, retry_after);
            }
            Release::Uncacheable(ttl) => self.insert(address, State::Uncacheable, ttl),
        }
    }

    fn insert_result(&mut self, address: &str, id: LeaseId, result: Bytes, ttl: Duration) {
        self.results.insert((address.to_owned(), id), (result, Instant::now() + ttl));
    }
}

impl Leases for MemoryStore {
    async fn claim(&self, claim: Claim<'_>) -> Result<ClaimReply, StoreError> {
        let mut state = self.working()?;
        let value = state.values.get(claim.address).map(|value| &value.bytes);
        match value.filter(|value| fingerprint(value) != claim.known_fingerprint) {
            Some(value) => Ok(ClaimReply::Stored(value.clone())),
            None => Ok(state.leases.claim(claim)),
        }
    }

    fn may_claim_first(&self) -> bool {
        true
    }

    async fn extend(&self, address: &str, token: LeaseId, life: Duration) -> Result<bool, StoreError> {
        Ok(self.working()?.leases.extend(address, token, life))
    }

    async fn release(&self, address: &str, token: LeaseId, left: Release) -> Result<(), StoreError> {
        self.working()?.leases.release(address, token, left);
        Ok(())
    }
}
