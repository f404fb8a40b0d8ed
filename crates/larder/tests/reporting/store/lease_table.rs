//! The leases of the store, and the results that their holders leave.

use larder::store::{Claim, ClaimReply, LeaseId, Leases, Release, StoreError, StoreErrorKind, fingerprint};

use super::{LIMIT, MemoryStore};

/// The leases and the results never expire.
impl Leases for MemoryStore {
    async fn claim(&self, claim: Claim<'_>) -> Result<ClaimReply, StoreError> {
        self.travel(LIMIT).await?;
        let mut state = self.working()?;
        if state.no_leases {
            return Err(StoreError::new(StoreErrorKind::Timeout, "as the test wants it"));
        }
        let stored =
            state.responses.get(claim.address).filter(|value| fingerprint(value) != claim.known_fingerprint);
        if let Some(value) = stored {
            return Ok(ClaimReply::Stored(value.clone()));
        }
        let awaited = claim.awaiting.map(|id| (claim.address.to_owned(), id));
        if let Some(result) = awaited.and_then(|awaited| state.results.get(&awaited)) {
            return Ok(ClaimReply::Finished(result.clone()));
        }
        match state.leases.get(claim.address) {
            Some(holder) if !(claim.take_over && claim.awaiting == Some(holder.id)) => {
                Ok(ClaimReply::HeldBy(*holder))
            }
            _ => {
                state.leases.insert(claim.address.to_owned(), claim.holder);
                Ok(ClaimReply::Acquired)
            }
        }
    }

    async fn release(&self, address: &str, token: LeaseId, left: Release) -> Result<(), StoreError> {
        let mut state = self.working()?;
        if state.leases.get(address).is_some_and(|holder| holder.id == token) {
            state.leases.remove(address);
            if let Release::WithResult(result, _) = left {
                state.results.insert((address.to_owned(), token), result);
            }
        }
        Ok(())
    }
}
