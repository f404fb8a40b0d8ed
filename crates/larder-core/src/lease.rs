//! Leases: the right to fill a key, which one instance at a time has.
//!
//! Leases affect only the number of fills, never which responses are served. The positions of the
//! log decide what is served. So a lease may be lost at any time: a fault costs one run of the
//! handler or a short wait.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

pub use crate::lease_holder::{Holder, LeaseId, ParseLeaseIdError};
use crate::store::{SharedTier, StoreError};

/// A claim to a lease, by an instance that wants to fill.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs)]
pub struct Claim<'a> {
    /// The address of the wanted response. Each address has its own lease.
    pub address: &'a str,
    /// The holder that makes the claim.
    pub holder: Holder,
    /// The duration of the lease, unless it is extended.
    pub ttl: Duration,
    /// The fingerprint of the stored value that is of no use to the claiming instance.
    ///
    /// See [`fingerprint`](crate::stored::wire::fingerprint).
    pub known_fingerprint: Option<[u8; 8]>,
    /// The lease that the instance waits for.
    ///
    /// The [result](Release::WithResult) of its holder is only for instances that wait for it.
    pub awaiting: Option<LeaseId>,
    /// Whether to take the lease even from the holder that is awaited.
    pub take_over: bool,
    /// Whether the instance can wait until a failing handler may be asked again.
    ///
    /// If so, the reply may be [`ClaimReply::RetryLater`].
    pub may_retry_later: bool,
}

/// The reply to a [`Claim`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Callers must handle each.
pub enum ClaimReply {
    /// The lease was acquired. The claiming instance must run the fill.
    Acquired,
    /// The store has a value other than the one that the claiming instance has seen.
    Stored(Bytes),
    /// Another instance holds the lease.
    HeldBy(Holder),
    /// The awaited holder has finished and has left this result.
    Finished(Bytes),
    /// The handler has failed, and is to be asked again after this time.
    RetryLater(Duration),
    /// Responses at this address cannot be stored, so requests should not wait for them.
    Uncacheable,
}

/// The state in which a holder leaves its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Callers must handle each.
pub enum Release {
    /// The lease is free for the next claim.
    Free,
    /// The lease is free, and a result is kept for this long.
    ///
    /// Only instances that wait for this very holder find the result. For all others the lease is
    /// free.
    WithResult(Bytes, Duration),
    /// The lease is free only for instances that cannot wait: see [`ClaimReply::RetryLater`].
    ///
    /// The result is kept as with `WithResult`.
    RetryLater {
        /// The result, for instances that wait for this very holder.
        result: Bytes,
        /// How long the result is kept.
        result_ttl: Duration,
        /// For how long the handler is not asked again by an instance that can wait.
        retry_after: Duration,
    },
    /// For this long, instances do not wait for this lease: see [`ClaimReply::Uncacheable`].
    Uncacheable(Duration),
}

/// The leases of the store that instances share.
///
/// A store without leases implements this trait with the default methods. Then every instance that
/// wants to fill does so, and none waits for another.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a shared store for a cache",
    label = "not a shared store",
    note = "`larder::redis::RedisStore` is one, with the feature `redis`",
    note = "`RedisStore::connect` returns a `Result`, and the store is in it"
)]
pub trait Leases: SharedTier {
    /// Claims the lease.
    ///
    /// One exchange returns, as of one moment, the lease, the value that was stored meanwhile, or
    /// the result of the fill. An instance that waits repeats its claim. So it acquires the lease
    /// as soon as a holder that has vanished loses it.
    fn claim(&self, claim: Claim<'_>) -> impl Future<Output = Result<ClaimReply, StoreError>> + Send {
        let _ = claim;
        async { Ok(ClaimReply::Acquired) }
    }

    /// Whether an instance may claim a lease without a lookup of the value before.
    ///
    /// An instance does so if it knows which value of the store it cannot use. That takes one
    /// exchange less, but then only [`claim`](Self::claim) finds what others have stored. So a
    /// store returns `true` only if its claim compares the stored value with
    /// [`known_fingerprint`](Claim::known_fingerprint). Default: `false`.
    fn may_claim_first(&self) -> bool {
        false
    }

    /// Keeps the lease for another `life`. Returns `false` if the lease was lost.
    fn extend(
        &self,
        address: &str,
        token: LeaseId,
        life: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (address, token, life);
        async { Ok(true) }
    }

    /// Releases the lease if it still belongs to `token`, and leaves `left` behind.
    fn release(
        &self,
        address: &str,
        token: LeaseId,
        left: Release,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = (address, token, left);
        async { Ok(()) }
    }

    /// Stores a response like [`SharedTier::set`], then releases the lease at the address `leased`.
    ///
    /// That address belongs to the same key. A store that can do both in one exchange does so.
    fn set_and_release(
        &self,
        key: &str,
        value: Bytes,
        expiry: Duration,
        leased: &str,
        token: LeaseId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            self.set(key, value, expiry).await?;
            self.release(leased, token, Release::Free).await
        }
    }
}
