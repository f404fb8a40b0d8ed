//! The instances that share a store.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::ANNOUNCE_INTERVAL;
use super::circuit_state::NodeCircuit;
use crate::invalidation::position::{Incarnation, LogId};
use crate::random_id::{self, random_id};
use crate::time::WallTime;

/// The number of announcements after which an instance is silent.
const MISSED_ANNOUNCEMENTS: u32 = 3;
/// The time after its last announcement from which an instance is silent.
pub(crate) const SILENT_AFTER: Duration = ANNOUNCE_INTERVAL.saturating_mul(MISSED_ANNOUNCEMENTS);

random_id! {
    /// The id of an instance: a random number, new for each cache that is built.
    InstanceId
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl FromStr for InstanceId {
    type Err = ParseInstanceIdError;

    /// Parses 32 lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, ParseInstanceIdError> {
        random_id::parse(text).map(Self).ok_or(ParseInstanceIdError)
    }
}

/// The error for a text that is not the id of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseInstanceIdError;

impl fmt::Display for ParseInstanceIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the id of an instance")
    }
}

impl std::error::Error for ParseInstanceIdError {}

/// The state of an instance, which it announces to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceRecord {
    /// The id of the instance.
    pub id: InstanceId,
    /// The version of Larder that it runs.
    pub version: String,
    /// The name of its host.
    pub host: String,
    /// The time at which its cache was built, by its own clock.
    pub started_at: WallTime,
    /// The incarnation of the log that it follows.
    pub incarnation: Incarnation,
    /// The last event of the log that it has read.
    pub position: LogId,
    /// How long ago it confirmed that it has read the whole log. `None` before the first time.
    pub confirmation_age: Option<Duration>,
    /// Its limit for that time.
    pub max_staleness: Duration,
    /// Number of selectors of its deferred invalidations.
    pub deferred: u64,
    /// Number of its polls of the log that were slow.
    pub slow_polls: u64,
    /// Its circuits that are not closed.
    pub circuits: Vec<NodeCircuit>,
}

impl InstanceRecord {
    /// Creates the record of an instance that has not read the log yet.
    #[must_use]
    pub fn new(id: InstanceId) -> Self {
        Self {
            id,
            version: String::new(),
            host: String::new(),
            started_at: WallTime::default(),
            incarnation: Incarnation::from_bytes([0; 16]),
            position: LogId::ZERO,
            confirmation_age: None,
            max_staleness: Duration::ZERO,
            deferred: 0,
            slow_polls: 0,
            circuits: Vec::new(),
        }
    }

    /// Whether it has not confirmed within its `max_staleness` that it has read the whole log.
    ///
    /// This is also so before the first time.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        self.confirmation_age.is_none_or(|age| age > self.max_staleness)
    }

    /// Returns the time since the last confirmation as a multiple of the limit for it.
    ///
    /// Above 1.0, the instance is detached. Returns `None` before the first confirmation.
    #[must_use]
    pub fn staleness_ratio(&self) -> Option<f64> {
        let limit = self.max_staleness.as_secs_f64();
        self.confirmation_age.filter(|_| limit > 0.0).map(|age| age.as_secs_f64() / limit)
    }
}

/// An instance that shares a store, as another one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// Its last announcement.
    pub record: InstanceRecord,
    /// The time since its last announcement, by the clock of the store.
    pub seen_ago: Duration,
    /// The age of the oldest event that it had not read when it announced itself.
    ///
    /// It is zero if it had read all of them. `None` if it followed another incarnation of the log.
    pub lag: Option<Duration>,
}

impl Instance {
    /// Creates an instance from its last announcement.
    #[must_use]
    pub const fn new(record: InstanceRecord, seen_ago: Duration, lag: Option<Duration>) -> Self {
        Self { record, seen_ago, lag }
    }

    /// Returns the state of the instance.
    #[must_use]
    pub fn state(&self) -> InstanceState {
        if self.seen_ago >= SILENT_AFTER {
            return InstanceState::Silent;
        }
        match self.record.confirmation_age {
            None => InstanceState::Starting,
            Some(_) if self.record.is_detached() => InstanceState::Detached,
            Some(_) => InstanceState::Following,
        }
    }
}

/// The state of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstanceState {
    /// It has not read the log to its end yet.
    Starting,
    /// It has read the whole log within its `max_staleness`.
    Following,
    /// It reaches the store, but it has not read the whole log within its `max_staleness`.
    ///
    /// It serves no response that it filled longer ago than that, and none from the shared store.
    Detached,
    /// It has not announced itself for 15 seconds.
    ///
    /// It has ended without being closed, or it cannot reach the store.
    Silent,
}

impl InstanceState {
    /// Returns the word for the state, such as `following`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Following => "following",
            Self::Detached => "detached",
            Self::Silent => "silent",
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn instance(confirmation_age: Option<Duration>, seen_ago: Duration) -> Instance {
        let record = InstanceRecord::new(InstanceId::from_bytes([1; 16]));
        let record = InstanceRecord { confirmation_age, max_staleness: millis(2_000), ..record };
        Instance::new(record, seen_ago, None)
    }

    #[test]
    fn the_state_follows_from_the_last_announcement_and_its_age() {
        use InstanceState::{Detached, Following, Silent, Starting};
        let cases = [
            (None, 0, Starting),
            (Some(millis(0)), 0, Following),
            (Some(millis(2_000)), 14_999, Following),
            (Some(millis(2_001)), 14_999, Detached),
            (Some(millis(0)), 15_000, Silent),
            (None, 15_000, Silent),
        ];
        for (age, seen_ago, state) in cases {
            assert_eq!(instance(age, millis(seen_ago)).state(), state, "{age:?} {seen_ago}");
        }
    }

    #[test]
    fn the_ratio_is_that_of_the_age_to_its_limit() {
        assert_eq!(instance(None, millis(0)).record.staleness_ratio(), None);
        assert_eq!(instance(Some(millis(500)), millis(0)).record.staleness_ratio(), Some(0.25));
        let mut unlimited = instance(Some(millis(500)), millis(0)).record;
        unlimited.max_staleness = Duration::ZERO;
        assert_eq!(unlimited.staleness_ratio(), None);
    }

    #[test]
    fn an_id_survives_the_way_to_text_and_back() {
        let id = InstanceId::from_bytes([0x1f; 16]);
        assert_eq!(id.to_string(), "1f".repeat(16));
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "1f", &"1F".repeat(16), &"+f".repeat(16)] {
            assert_eq!(text.parse::<InstanceId>(), Err(ParseInstanceIdError), "{text}");
        }
    }
}
