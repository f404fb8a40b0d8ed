//! Leases: the right to fill a key, which one instance at a time has.
//!
//! Leases affect only the number of fills, never which responses are served. The positions of the
//! log decide what is served. So a lease may be lost at any time: a fault costs one run of the
//! handler or a short wait.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;

use crate::invalidation::position::{Incarnation, LogId, Position, Watermark};
use crate::random_id::{self, random_id};
use crate::store::{SharedTier, StoreError};

random_id! {
    /// The id of a lease: a random number that distinguishes it from all others.
    LeaseId
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl FromStr for LeaseId {
    type Err = ParseLeaseIdError;

    /// Parses 32 lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, ParseLeaseIdError> {
        random_id::parse(text).map(Self).ok_or(ParseLeaseIdError)
    }
}

/// The error for a text that is not the id of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseLeaseIdError;

impl fmt::Display for ParseLeaseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the id of a lease")
    }
}

impl std::error::Error for ParseLeaseIdError {}

/// The holder of a lease, and the position in the log at which its fill began.
///
/// An instance that knows of a later invalidation has no need to wait for this holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Holder {
    /// The id of the lease.
    pub id: LeaseId,
    /// The position of the response that is being filled.
    ///
    /// Its local number means nothing on other instances, and is not written.
    pub position: Position,
}

/// The length of an encoded [`Holder`] in bytes.
const HOLDER: usize = 48;

impl Holder {
    /// Encodes the holder, as it stands in the store during the lease. The lease id comes first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HOLDER] {
        let mut bytes = [0; HOLDER];
        bytes[..16].copy_from_slice(&self.id.to_bytes());
        bytes[16..32].copy_from_slice(&self.position.incarnation.to_bytes());
        bytes[32..].copy_from_slice(&self.position.watermark.log.to_be_bytes());
        bytes
    }

    /// Decodes a holder. Returns `None` if the bytes are not a holder.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HOLDER] = bytes.try_into().ok()?;
        let part = |from: usize| bytes[from..].first_chunk::<16>().copied();
        let mark = Watermark { log: LogId::from_be_bytes(part(32)?), local: 0 };
        let position = Position { incarnation: Incarnation::from_bytes(part(16)?), watermark: mark };
        Some(Self { id: LeaseId(part(0)?), position })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        let mark = Watermark { log: LogId::new(5, 7), local: 0 };
        Holder {
            id: LeaseId::from_bytes([1; 16]),
            position: Position { incarnation: Incarnation::from_bytes([2; 16]), watermark: mark },
        }
    }

    #[test]
    fn a_holder_is_read_as_it_was_written_and_nothing_else_is_one() {
        let bytes = holder().to_bytes();
        assert_eq!(Holder::from_bytes(&bytes), Some(holder()));
        assert_eq!(bytes[..16], holder().id.to_bytes());
        assert_eq!(Holder::from_bytes(&bytes[1..]), None);
        assert_eq!(Holder::from_bytes(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(Holder::from_bytes(b""), None);
    }

    #[test]
    fn the_local_number_stays_at_home() {
        let mut deferred = holder();
        deferred.position.watermark.local = 9;
        assert_eq!(Holder::from_bytes(&deferred.to_bytes()), Some(holder()));
    }

    #[test]
    fn a_token_is_shown_in_full() {
        assert_eq!(LeaseId::from_bytes([0xab; 16]).to_string(), "ab".repeat(16));
        assert_eq!(LeaseId::from_bytes([0; 16]).to_string(), "0".repeat(32));
        assert_eq!("ab".repeat(16).parse(), Ok(LeaseId::from_bytes([0xab; 16])));
        for text in ["AB".repeat(16), "ab".repeat(15), format!("+{}", "a".repeat(31)), String::new()] {
            assert_eq!(text.parse::<LeaseId>(), Err(ParseLeaseIdError), "{text}");
        }
    }
}
