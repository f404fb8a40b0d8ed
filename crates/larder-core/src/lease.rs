//! Leases: the right to fill a key, which one instance at a time has.
//!
//! Only the number of fills rests on leases, never what is served: that is for the positions of the log to say. So a
//! lease may be lost at any time, and what goes wrong with one costs a run of the handler or a short wait.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::log::position::{Incarnation, LogId, Mark, Position};
use crate::store::{SharedTier, StoreError};

/// A random number that tells one lease from all others.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// The token of these random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The random bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who holds a lease, and how much of the log it knew when its fill began: nobody who knows better needs to wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Holder {
    /// Tells its lease from others.
    pub token: Token,
    /// The position of what it fills. Its local number means nothing elsewhere, and is not written.
    pub position: Position,
}

/// How many bytes a [`Holder`] takes.
const HOLDER: usize = 48;

impl Holder {
    /// What stands in the store while it has the lease. The token comes first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HOLDER] {
        let mut bytes = [0; HOLDER];
        bytes[..16].copy_from_slice(&self.token.to_bytes());
        bytes[16..32].copy_from_slice(&self.position.incarnation.to_bytes());
        bytes[32..].copy_from_slice(&self.position.mark.log.to_be_bytes());
        bytes
    }

    /// The holder that this stands for, if it does for one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HOLDER] = bytes.try_into().ok()?;
        let part = |from: usize| bytes[from..].first_chunk::<16>().copied();
        let mark = Mark { log: LogId::from_be_bytes(part(32)?), local: 0 };
        let position = Position { incarnation: Incarnation::from_bytes(part(16)?), mark };
        Some(Self { token: Token(part(0)?), position })
    }
}

/// What somebody who wants to fill asks for.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs)]
pub struct Claim<'a> {
    /// The address of the response that is wanted. Each has a lease of its own.
    pub address: &'a str,
    /// Who asks.
    pub holder: Holder,
    /// How long the lease lasts unless it is extended.
    pub life: Duration,
    /// What is stored there and is of no use to whoever asks: see [`fingerprint`](crate::stored::wire::fingerprint).
    pub seen: Option<[u8; 8]>,
    /// Whose end is waited for. What that holder [left](Left::Word) is only for those.
    pub awaited: Option<Token>,
    /// Whether the lease is to be taken even from the one that is waited for.
    pub overtakes: bool,
}

/// What a [`Claim`] was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Each has to be treated.
pub enum Claimed {
    /// The lease: whoever asked is to fill.
    Taken,
    /// Another one than what was seen is stored there.
    Stored(Bytes),
    /// Another one has the lease.
    Held(Holder),
    /// The one that was waited for has ended, and left this.
    Word(Bytes),
    /// Responses to this cannot be stored: nobody should wait for them.
    Pass,
}

/// What a holder leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Each has to be treated.
pub enum Left {
    /// Nothing: the next one to ask has the lease.
    Nothing,
    /// A word to those who wait for this very holder, there for this long. To all others the lease is free.
    Word(Bytes, Duration),
    /// For this long, nobody is to wait for this lease: see [`Claimed::Pass`].
    Pass(Duration),
}

/// The leases of the store that instances share.
///
/// A store that has none implements this with the methods as they are: then every instance that wants to fill does, and
/// nobody waits for another one.
pub trait Leases: SharedTier {
    /// Asks for the lease, for what was stored meanwhile, or for how it ended: one exchange, and one moment. Who waits
    /// for a lease asks again and again, and so has it as soon as a holder that vanished loses it.
    fn claim(&self, claim: Claim<'_>) -> impl Future<Output = Result<Claimed, StoreError>> + Send {
        let _ = claim;
        async { Ok(Claimed::Taken) }
    }

    /// Keeps the lease for another `life`; `false` if it was lost.
    fn extend(
        &self,
        address: &str,
        token: Token,
        life: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (address, token, life);
        async { Ok(true) }
    }

    /// Gives the lease up, if this is still whose it is, and leaves that behind.
    fn release(
        &self,
        address: &str,
        token: Token,
        left: Left,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = (address, token, left);
        async { Ok(()) }
    }

    /// Stores a response as [`SharedTier::set`] does, then gives up the lease at the address `leased`, which is of the
    /// same key: in one exchange, where the store can do that.
    fn set_and_release(
        &self,
        key: &str,
        value: Bytes,
        expiry: Duration,
        leased: &str,
        token: Token,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            self.set(key, value, expiry).await?;
            self.release(leased, token, Left::Nothing).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        let mark = Mark { log: LogId::new(5, 7), local: 0 };
        Holder {
            token: Token::from_bytes([1; 16]),
            position: Position { incarnation: Incarnation::from_bytes([2; 16]), mark },
        }
    }

    #[test]
    fn a_holder_is_read_as_it_was_written_and_nothing_else_is_one() {
        let bytes = holder().to_bytes();
        assert_eq!(Holder::from_bytes(&bytes), Some(holder()));
        assert_eq!(bytes[..16], holder().token.to_bytes());
        assert_eq!(Holder::from_bytes(&bytes[1..]), None);
        assert_eq!(Holder::from_bytes(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(Holder::from_bytes(b""), None);
    }

    #[test]
    fn the_local_number_stays_at_home() {
        let mut deferred = holder();
        deferred.position.mark.local = 9;
        assert_eq!(Holder::from_bytes(&deferred.to_bytes()), Some(holder()));
    }

    #[test]
    fn a_token_is_shown_in_full() {
        assert_eq!(Token::from_bytes([0xab; 16]).to_string(), "ab".repeat(16));
        assert_eq!(Token::from_bytes([0; 16]).to_string(), "0".repeat(32));
    }
}
