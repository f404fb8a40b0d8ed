//! Consistency tokens: how much of the log an instance knew, for a client to send to another one.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use super::position::{Incarnation, LogId, Position};

/// A consistency token: how much of the log an instance knew when it answered a write.
///
/// A client may send the token to another instance. If that instance knows at least as much, it
/// does not show the client the state before the write.
///
/// A token is written in letters, digits and `-`. It has at most 86 of them and usually about 35,
/// so it can stand in a cookie, a header field or a URL as it is:
///
/// ```text
/// 1-<incarnation>-<milliseconds>-<sequence>[-<instance>-<number>]
/// ```
///
/// The last two parts are present while the instance has invalidations that are not in the log yet.
///
/// A token comes from a client, so only that client's own requests may depend on it. It names the
/// incarnation of the log by one half of its random bits. Two incarnations do not share that half
/// by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token {
    life: u64,
    log: LogId,
    deferred: Option<Deferred>,
}

/// Invalidations that only one instance knows: all of its own up to this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Deferred {
    instance: u64,
    number: u64,
}

impl Deferred {
    /// Invalidations of more than one instance. No instance gives an invalidation so high a number.
    const NOWHERE: Self = Self { instance: 0, number: u64::MAX };

    /// Returns the invalidations of both, or [`NOWHERE`](Self::NOWHERE) if the instances differ.
    fn join(self, other: Self) -> Self {
        if self.instance != other.instance {
            return Self::NOWHERE;
        }
        Self { number: self.number.max(other.number), ..self }
    }
}

/// The result of comparing a token with an instance (rule 17 of the log).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Code that serves responses must handle each.
pub enum Comparison {
    /// The instance knows at least as much as the token.
    Reached,
    /// The instance will know as much after it has read further.
    Wait,
    /// The token cannot be compared with the instance. The request must bypass the cache.
    Incomparable,
}

impl Token {
    /// Creates the token of an instance at this position.
    ///
    /// `deferred_by` names the instance if it has invalidations that were not appended to the log.
    pub(super) fn of(position: Position, deferred_by: Option<Incarnation>) -> Self {
        let deferred = |own| Deferred { instance: half(own), number: position.mark.local };
        Self { life: half(position.incarnation), log: position.mark.log, deferred: deferred_by.map(deferred) }
    }

    /// Compares the token with the position of the instance `own`.
    ///
    /// Rule 17: "A read-your-writes token of another incarnation, or a `Deferred` one on another
    /// instance, cannot be compared: bypass."
    pub(super) fn compare(&self, position: Position, own: Incarnation) -> Comparison {
        let knows =
            |deferred: &Deferred| deferred.instance == half(own) && position.mark.local >= deferred.number;
        if self.life != half(position.incarnation) || !self.deferred.iter().all(knows) {
            Comparison::Incomparable
        } else if position.mark.log >= self.log {
            Comparison::Reached
        } else {
            Comparison::Wait
        }
    }

    /// Returns this token for a client that brought another token along with its write.
    ///
    /// The client must keep seeing everything that it saw before.
    ///
    /// `applied` means that the event of the write is in the log, before the position of this
    /// token. An earlier token of the client is then older than that event, or of an incarnation
    /// that this one refuses altogether.
    #[must_use]
    pub fn after(self, brought: Self, applied: bool) -> Self {
        let deferred = match (self.deferred, brought.deferred) {
            (Some(own), Some(other)) => Some(own.join(other)),
            (own, other) => own.or(other),
        };
        let (life, log) = if applied {
            (self.life, self.log)
        } else if self.life == brought.life {
            (self.life, self.log.max(brought.log))
        } else {
            // It is unknown which of the two incarnations is the newer. Our own events came here
            // without the log.
            (brought.life, brought.log)
        };
        Self { life, log, deferred }
    }

    /// Returns whether the token covers invalidations that were not in the log yet.
    #[must_use]
    pub const fn is_deferred(&self) -> bool {
        self.deferred.is_some()
    }
}

/// Returns the first half of the random bits.
fn half(incarnation: Incarnation) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = incarnation.to_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { life, log, deferred } = self;
        write!(f, "1-{life:x}-{:x}-{:x}", log.millis, log.sequence)?;
        match deferred {
            Some(Deferred { instance, number }) => write!(f, "-{instance:x}-{number:x}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Token {
    type Err = NotAToken;

    /// Parses what `Display` writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let mut parts = text.split('-');
        let mut next = || parts.next().map(number).transpose();
        let version = next()?;
        let (Some(1), Some(life), Some(millis), Some(sequence)) = (version, next()?, next()?, next()?) else {
            return Err(NotAToken);
        };
        let deferred = match (next()?, next()?, next()?) {
            (None, None, None) => None,
            (Some(instance), Some(number), None) => Some(Deferred { instance, number }),
            _ => return Err(NotAToken),
        };
        Ok(Self { life, log: LogId::new(millis, sequence), deferred })
    }
}

/// Parses a hexadecimal number, in the one form in which `Display` writes it.
fn number(digits: &str) -> Result<u64, NotAToken> {
    let lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() > 16 || (digits.len() > 1 && digits.starts_with('0')) || !digits.bytes().all(lower_hex) {
        return Err(NotAToken);
    }
    u64::from_str_radix(digits, 16).map_err(|_| NotAToken)
}

/// The error for a text that is not a token, or is a token of another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAToken;

impl fmt::Display for NotAToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a token of this version")
    }
}

impl std::error::Error for NotAToken {}
