//! Tokens: how much of the log an instance knew, for a client to bring to another one.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use super::position::{Incarnation, LogId, Position};

/// How much of the invalidation log an instance knew when it answered a write: whoever brings it to an instance that knows
/// at least as much does not see the time before that write.
///
/// It is written in letters, digits and `-`, at most 86 of them and usually about 35, so that it can stand in a cookie,
/// a header field or a URL as it is:
///
/// ```text
/// 1-<life of the log>-<milliseconds>-<sequence>[-<instance>-<number>]
/// ```
///
/// The last two are there while the instance had invalidations that the log had not been told.
///
/// A token comes from a client, so nothing but that client's own request may depend on it. It names the life of the log by
/// one half of its random bits; no two lives share that by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token {
    life: u64,
    log: LogId,
    deferred: Option<Deferred>,
}

/// Invalidations that only one instance knew of: all up to this number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Deferred {
    instance: u64,
    number: u64,
}

impl Deferred {
    /// More than one instance knows: no instance gives its invalidations so high a number.
    const NOWHERE: Self = Self { instance: 0, number: u64::MAX };

    /// What covers both, as far as there is such an instance.
    fn join(self, other: Self) -> Self {
        if self.instance != other.instance {
            return Self::NOWHERE;
        }
        Self { number: self.number.max(other.number), ..self }
    }
}

/// What a token is to an instance (rule 17 of the log).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Whoever serves has to treat each.
pub enum Comparison {
    /// The instance knows at least as much.
    Reached,
    /// It will, when it has read on.
    Wait,
    /// It cannot be told: go past what is stored.
    Incomparable,
}

impl Token {
    /// What an instance knows at this position, where `deferred_by` names the instance if it has invalidations that the
    /// log was not told.
    pub(super) fn of(position: Position, deferred_by: Option<Incarnation>) -> Self {
        let deferred = |own| Deferred { instance: half(own), number: position.mark.local };
        Self { life: half(position.incarnation), log: position.mark.log, deferred: deferred_by.map(deferred) }
    }

    /// Compares it with how far the instance `own` is.
    ///
    /// Rule 17: "A read-your-writes token of another incarnation, or a `Deferred` one on another instance, cannot be
    /// compared: bypass."
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

    /// This token, for a client that brought another one along with its write: what it saw before has to stay seen.
    ///
    /// `applied` says that the write's own event is in the log, in front of this token. Whatever the client may have been
    /// given before then lies behind that event, or in a life of the log that this one refuses altogether.
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
            // Which of the two lives is the newer cannot be told. Our own events came here without the log.
            (brought.life, brought.log)
        };
        Self { life, log, deferred }
    }

    /// Whether it stands for invalidations that the log had not been told.
    #[must_use]
    pub const fn is_deferred(&self) -> bool {
        self.deferred.is_some()
    }
}

/// The first half of the random bits.
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

    /// Reads what `Display` writes, and nothing else.
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

/// A hexadecimal number, as it is written.
fn number(digits: &str) -> Result<u64, NotAToken> {
    let lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() > 16 || (digits.len() > 1 && digits.starts_with('0')) || !digits.bytes().all(lower_hex) {
        return Err(NotAToken);
    }
    u64::from_str_radix(digits, 16).map_err(|_| NotAToken)
}

/// What was read is not a token, or one of another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAToken;

impl fmt::Display for NotAToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a token of this version")
    }
}

impl std::error::Error for NotAToken {}
