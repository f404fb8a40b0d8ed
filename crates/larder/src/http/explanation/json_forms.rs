//! The forms of times and outcomes in the JSON of an explanation.

use std::time::Duration;

use larder_core::outcome::Outcome;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

/// Writes a time as a number of seconds.
pub(super) fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

/// Writes a time that may be unknown as a number of seconds.
pub(super) fn maybe_seconds<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.as_ref().map(Duration::as_secs_f64).serialize(serializer)
}

/// Writes an outcome as its word and the word of its reason.
pub(super) fn outcome<S: Serializer>(outcome: &Outcome, serializer: S) -> Result<S::Ok, S::Error> {
    let mut words = serializer.serialize_struct("Outcome", 3)?;
    words.serialize_field("outcome", outcome.as_str())?;
    words.serialize_field("reason", outcome.reason())?;
    words.serialize_field("tier", &outcome.tier().map(larder_core::outcome::Tier::as_str))?;
    words.end()
}

/// Writes an outcome that there may not be.
pub(super) fn maybe_outcome<S: Serializer>(
    maybe: &Option<Outcome>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match maybe {
        Some(some) => outcome(some, serializer),
        None => serializer.serialize_none(),
    }
}
