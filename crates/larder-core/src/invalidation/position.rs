//! Positions in the invalidation log.

use std::fmt;
use std::str::FromStr;

use crate::random_id::{self, random_id};

random_id! {
    /// The incarnation of the log: 128 random bits, new after every failover, restart or loss.
    ///
    /// Positions of two incarnations cannot be compared. A new incarnation refuses everything
    /// older.
    Incarnation
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl FromStr for Incarnation {
    type Err = ParsePositionError;

    /// Parses 32 lower-case hexadecimal digits.
    ///
    /// No other spelling of the same number is accepted.
    fn from_str(text: &str) -> Result<Self, ParsePositionError> {
        random_id::parse(text).map(Self).ok_or(ParsePositionError)
    }
}

/// The id of an event in the log.
///
/// It is the id of a Redis Stream entry, or a counter if there is no Redis.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogId {
    /// Milliseconds by the clock of the server that appended the event.
    ///
    /// Only their order decides about responses. Their age is measured as the lag of instances.
    pub millis: u64,
    /// A number that distinguishes the events of one millisecond.
    pub sequence: u64,
}

impl LogId {
    /// The id before every event.
    pub const ZERO: Self = Self { millis: 0, sequence: 0 };
    /// The id after every event.
    pub const MAX: Self = Self { millis: u64::MAX, sequence: u64::MAX };

    /// Creates the id `millis-sequence`.
    #[must_use]
    pub const fn new(millis: u64, sequence: u64) -> Self {
        Self { millis, sequence }
    }

    /// Returns the id just before this one. [`LogId::ZERO`] has none and is returned unchanged.
    #[must_use]
    pub const fn before(self) -> Self {
        match (self.millis, self.sequence) {
            (0, 0) => self,
            (millis, 0) => Self::new(millis - 1, u64::MAX),
            (millis, sequence) => Self::new(millis, sequence - 1),
        }
    }

    /// Returns the id just after this one. [`LogId::MAX`] has none and is returned unchanged.
    #[must_use]
    pub const fn after(self) -> Self {
        match (self.millis, self.sequence) {
            (u64::MAX, u64::MAX) => self,
            (millis, u64::MAX) => Self::new(millis + 1, 0),
            (millis, sequence) => Self::new(millis, sequence + 1),
        }
    }

    /// Returns 16 bytes that sort in the order of the ids.
    #[must_use]
    pub fn to_be_bytes(self) -> [u8; 16] {
        ((u128::from(self.millis) << 64) | u128::from(self.sequence)).to_be_bytes()
    }

    /// Creates the id from the bytes that [`to_be_bytes`](Self::to_be_bytes) returned.
    #[must_use]
    pub const fn from_be_bytes(bytes: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        Self {
            millis: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            sequence: u64::from_be_bytes([i, j, k, l, m, n, o, p]),
        }
    }
}

impl fmt::Display for Position {
    /// Writes the incarnation, the id in the log and, if there are deferred events, their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { incarnation, watermark } = self;
        write!(f, "{incarnation}/{}", watermark.log)?;
        match watermark.local {
            0 => Ok(()),
            local => write!(f, "+{local}"),
        }
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for LogId {
    type Err = ParsePositionError;

    /// Parses `millis-sequence`, as Redis writes the id of a Stream entry.
    ///
    /// No other spelling of the same id is accepted: no sign, and no leading zeros.
    fn from_str(text: &str) -> Result<Self, ParsePositionError> {
        let (millis, sequence) = text.split_once('-').ok_or(ParsePositionError)?;
        Ok(Self::new(parse_number(millis)?, parse_number(sequence)?))
    }
}

fn parse_number(text: &str) -> Result<u64, ParsePositionError> {
    let is_canonical = text == "0" || !text.starts_with('0');
    if !is_canonical || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParsePositionError);
    }
    text.parse().map_err(|_| ParsePositionError)
}

/// The error for a text that is not a position in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsePositionError;

impl fmt::Display for ParsePositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a position in the invalidation log")
    }
}

impl std::error::Error for ParsePositionError {}

/// A watermark within one incarnation: a log id and a local number.
///
/// The log id is how far the log was read. The local number is how many invalidations of this
/// process were applied before they were appended to the log.
///
/// The two parts are compared **separately** (rule 1 of the log). If they were compared as one
/// ordered pair, a response from ahead of our tail would outrank an invalidation that only this
/// process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Watermark {
    /// The last event of the log that was applied.
    pub log: LogId,
    /// The number of this process's own deferred invalidations. It never leaves the process.
    pub local: u64,
}

impl Watermark {
    /// The watermark before everything.
    pub const ZERO: Self = Self { log: LogId::ZERO, local: 0 };

    /// Returns whether this watermark is at or beyond `other` in both parts.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.log >= other.log && self.local >= other.local
    }

    /// Returns the lowest watermark that covers both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { log: self.log.max(other.log), local: self.local.max(other.local) }
    }

    /// Returns the highest watermark that both cover.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        Self { log: self.log.min(other.log), local: self.local.min(other.local) }
    }
}

/// A position in the log: how much of it an instance had applied at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The incarnation of the log to which the watermark belongs.
    pub incarnation: Incarnation,
    /// The watermark within that incarnation.
    pub watermark: Watermark,
}

impl Position {
    /// The position of something that no log accepts.
    ///
    /// Incarnations are random, so no log has this one.
    pub const REFUSED: Self =
        Self { incarnation: Incarnation::from_bytes([u8::MAX; 16]), watermark: Watermark::ZERO };

    /// Returns the position of a response that combines two responses with these positions.
    ///
    /// Returns `None` if the two are of different incarnations, because at least one of them is
    /// refused.
    ///
    /// Every invalidation that refuses one of the two also refuses the combined response. An event
    /// that one of them may have missed is beyond the log id of that one, and so beyond the lower
    /// log id of both. The same holds for the local numbers. If the positions were compared as one
    /// ordered pair, the lower one could have the higher local number. An invalidation that only
    /// this one knew would then not refuse the combined response (rule 1).
    #[must_use]
    pub fn combined(self, other: Self) -> Option<Self> {
        let mark = self.watermark.meet(other.watermark);
        (self.incarnation == other.incarnation).then_some(Self { watermark: mark, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_id_reads_what_it_writes() {
        for id in [LogId::ZERO, LogId::new(1_763_856_000_123, 7), LogId::MAX] {
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(LogId::from_be_bytes(id.to_be_bytes()), id);
        }
        for text in
            ["", "1", "1-", "-1", "1-2-3", "a-b", "18446744073709551616-0", "+1-0", "1-+0", "01-0", "1-00"]
        {
            assert_eq!(text.parse::<LogId>(), Err(ParsePositionError), "{text}");
        }
    }

    #[test]
    fn the_bytes_of_log_ids_order_as_the_ids_do() {
        let ids = [LogId::ZERO, LogId::new(0, u64::MAX), LogId::new(1, 0), LogId::new(256, 1), LogId::MAX];
        assert!(ids.windows(2).all(|pair| pair[0].to_be_bytes() < pair[1].to_be_bytes()));
    }

    #[test]
    fn before_and_after_cross_the_milliseconds_and_stop_at_the_ends() {
        assert_eq!(LogId::new(5, 0).before(), LogId::new(4, u64::MAX));
        assert_eq!(LogId::new(4, u64::MAX).after(), LogId::new(5, 0));
        assert_eq!(LogId::new(5, 3).before(), LogId::new(5, 2));
        assert_eq!(LogId::ZERO.before(), LogId::ZERO);
        assert_eq!(LogId::MAX.after(), LogId::MAX);
    }

    #[test]
    fn an_incarnation_reads_what_it_writes() {
        let incarnation = Incarnation::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(incarnation.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(incarnation.to_string().parse(), Ok(incarnation));
        let upper = incarnation.to_string().to_uppercase();
        let others = ["", "00", "+00102030405060708090a0b0c0d0eff", "zz0102030405060708090a0b0c0d0eff"];
        for text in others.into_iter().chain([&*upper]) {
            assert_eq!(text.parse::<Incarnation>(), Err(ParsePositionError), "{text}");
        }
    }

    /// Rule 1: each part is compared separately.
    #[test]
    fn a_mark_that_is_ahead_in_one_part_does_not_make_up_for_the_other() {
        let ahead_in_log = Watermark { log: LogId::new(9, 0), local: 0 };
        let deferred = Watermark { log: LogId::ZERO, local: 1 };
        assert!(!ahead_in_log.covers(deferred));
        assert!(!deferred.covers(ahead_in_log));
        assert!(ahead_in_log.join(deferred).covers(ahead_in_log));
        assert!(ahead_in_log.join(deferred).covers(deferred));
    }

    /// Rule 3: a response is valid if it is at or beyond the row in both parts.
    ///
    /// So a response that combines two others is valid where both are.
    #[test]
    fn a_combined_position_is_refused_if_either_is() {
        let at = |log, local| Position {
            incarnation: Incarnation::from_bytes([1; 16]),
            watermark: Watermark { log: LogId::new(log, 0), local },
        };
        let marks = || (0..3).flat_map(|log| (0..3).map(move |local| (log, local)));
        for ((one, other), row) in marks()
            .flat_map(|one| marks().map(move |other| (one, other)))
            .flat_map(|pair| marks().map(move |row| (pair, row)))
        {
            let (one, other, row) = (at(one.0, one.1), at(other.0, other.1), at(row.0, row.1).watermark);
            let both = one.combined(other).unwrap();
            assert_eq!(
                both.watermark.covers(row),
                one.watermark.covers(row) && other.watermark.covers(row),
                "{one:?} {other:?}"
            );
        }
        let elsewhere = Position { incarnation: Incarnation::from_bytes([2; 16]), ..at(1, 1) };
        assert_eq!(at(1, 1).combined(elsewhere), None);
    }
}
