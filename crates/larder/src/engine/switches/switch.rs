//! A switch: one bypass, with its time and its operator.

use std::fmt;
use std::time::{Duration, SystemTime};

use larder_core::time::{BootTime, WallTime};
use serde::{Serialize, Serializer};

use crate::engine::switches::scope::SwitchScope;
use crate::engine::switches::switch_error::{SwitchError, SwitchErrorKind};

/// The longest time that a switch holds: a day.
pub(crate) const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);
/// The difference in the dates of one switch that comes from comparing calendars.
const CALENDAR_TOLERANCE: Duration = Duration::from_secs(2);
/// The maximum length of the name of an operator, in bytes.
const MAX_WHO: usize = 128;

/// A bypass of the cache that holds until a time.
///
/// [`Cache::switches`](crate::Cache::switches) lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Switch {
    /// The requests that it covers.
    pub scope: SwitchScope,
    /// Whether it is for this instance or for all of them.
    pub reach: SwitchReach,
    /// The operator that has set the switch, as the caller named it.
    pub who: Box<str>,
    /// When the switch was set. In JSON, a number of seconds since 1970.
    #[serde(serialize_with = "unix_seconds")]
    pub since: SystemTime,
    /// When the switch ends. In JSON, a number of seconds since 1970.
    #[serde(serialize_with = "unix_seconds")]
    pub until: SystemTime,
}

/// The instances that a switch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SwitchReach {
    /// This instance alone.
    Instance,
    /// All instances that share the store of the cache.
    Fleet,
}

impl SwitchReach {
    /// Returns the word for the reach in log lines.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Fleet => "fleet",
        }
    }
}

impl fmt::Display for Switch {
    /// Writes `route /products/{id} on this instance, by ann`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reach = match self.reach {
            SwitchReach::Instance => "this instance",
            SwitchReach::Fleet => "all instances",
        };
        write!(f, "{} on {reach}, by {}", self.scope, self.who)
    }
}

fn unix_seconds<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(WallTime::from(*time).unix_millis() / 1_000)
}

/// A switch in the table of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ActiveSwitch {
    pub(crate) scope: SwitchScope,
    pub(crate) reach: SwitchReach,
    pub(crate) who: Box<str>,
    pub(crate) since: WallTime,
    pub(crate) until: WallTime,
    /// The end on the clock of this process, which never steps.
    pub(crate) deadline: BootTime,
}

impl ActiveSwitch {
    pub(crate) fn has_ended(&self, now: BootTime) -> bool {
        now >= self.deadline
    }

    /// Whether both are the same switch, which need not be logged again.
    ///
    /// Each reading of the store converts its dates, so those of all instances may differ a little.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let apart = self.until.saturating_since(other.until).max(other.until.saturating_since(self.until));
        let tolerance = if self.reach == SwitchReach::Fleet { CALENDAR_TOLERANCE } else { Duration::ZERO };
        self.scope == other.scope && self.who == other.who && apart <= tolerance
    }

    pub(crate) fn to_switch(&self) -> Switch {
        let Self { scope, reach, who, since, until, .. } = self.clone();
        Switch { scope, reach, who, since: since.into(), until: until.into() }
    }
}

/// Checks for how long a switch is to hold.
pub(crate) fn validate_duration(duration: Duration) -> Result<(), SwitchError> {
    if duration.is_zero() || duration > MAX_DURATION {
        let what = format!("a duration of {duration:?} is not between 0 and {MAX_DURATION:?}");
        return Err(SwitchError::new(SwitchErrorKind::Duration, what));
    }
    Ok(())
}

/// Checks the name of an operator.
pub(crate) fn validate_who(who: &str) -> Result<(), SwitchError> {
    if who.is_empty() || who.len() > MAX_WHO || who.contains(char::is_control) {
        let what =
            format!("who changes it must be a text of 1 to {MAX_WHO} bytes without control characters");
        return Err(SwitchError::new(SwitchErrorKind::Who, what));
    }
    Ok(())
}
