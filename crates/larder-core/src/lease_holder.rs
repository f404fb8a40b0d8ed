//! The holder of a lease, and its id.

use std::fmt;
use std::str::FromStr;

use crate::invalidation::position::{Incarnation, LogId, Position, Watermark};
use crate::random_id::{self, random_id};

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
