//! The form of outcomes in the JSON of an explanation.

use larder_core::outcome::Outcome;
use serde::Serializer;
use serde::ser::SerializeStruct as _;

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
