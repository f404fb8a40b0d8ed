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
    /// `None` while responses at the address count as uncacheable.
    holder: Option<Holder>,
    expires: Instant,
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
        match self.leases.get(claim.address).map(|entry| entry.holder) {
            Some(None) => ClaimReply::Uncacheable,
            Some(Some(holder)) if !(claim.take_over && claim.awaiting == Some(holder.id)) => {
                ClaimReply::HeldBy(holder)
            }
            Some(Some(_)) | None => {
                self.insert(claim.address, Some(claim.holder), claim.ttl);
                ClaimReply::Acquired
            }
        }
    }

    fn insert(&mut self, address: &str, holder: Option<Holder>, ttl: Duration) {
        self.leases.insert(address.to_owned(), Entry { holder, expires: Instant::now() + ttl });
    }

    /// Returns the holder of a lease, if it is this one.
    fn held_by(&mut self, address: &str, id: LeaseId) -> Option<Holder> {
        self.remove_expired();
        self.leases.get(address)?.holder.filter(|holder| holder.id == id)
    }

    fn extend(&mut self, address: &str, id: LeaseId, ttl: Duration) -> bool {
        let Some(holder) = self.held_by(address, id) else { return false };
        self.insert(address, Some(holder), ttl);
        true
    }

    fn release(&mut self, address: &str, id: LeaseId, left: Release) {
        if self.held_by(address, id).is_none() {
            return;
        }
        self.leases.remove(address);
        match left {
            Release::Free => {}
            Release::WithResult(result, ttl) => {
                self.results.insert((address.to_owned(), id), (result, Instant::now() + ttl));
            }
            Release::Uncacheable(ttl) => self.insert(address, None, ttl),
        }
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

    async fn extend(&self, address: &str, token: LeaseId, life: Duration) -> Result<bool, StoreError> {
        Ok(self.working()?.leases.extend(address, token, life))
    }

    async fn release(&self, address: &str, token: LeaseId, left: Release) -> Result<(), StoreError> {
        self.working()?.leases.release(address, token, left);
        Ok(())
    }
}
