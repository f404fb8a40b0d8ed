//! The form in which operators' tools get the data, such as JSON.
//!
//! Durations are seconds, ids and states are text, and times are Unix milliseconds.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::circuit_state::CircuitState;
use super::instance::{Instance, InstanceId, InstanceState};

impl Serialize for CircuitState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for InstanceState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for InstanceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Instance {
    /// Serializes the record, what the store noted about it, and the state that follows from both.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = &self.record;
        let mut fields = serializer.serialize_struct("Instance", 15)?;
        fields.serialize_field("id", &record.id)?;
        fields.serialize_field("state", &self.state())?;
        fields.serialize_field("version", &record.version)?;
        fields.serialize_field("host", &record.host)?;
        fields.serialize_field("started_at_millis", &record.started_at.unix_millis())?;
        fields.serialize_field("seen_seconds_ago", &self.seen_ago.as_secs_f64())?;
        fields.serialize_field("incarnation", &record.incarnation.to_string())?;
        fields.serialize_field("position", &record.position.to_string())?;
        fields.serialize_field("lag_seconds", &self.lag.map(|lag| lag.as_secs_f64()))?;
        let confirmation_age = record.confirmation_age.map(|age| age.as_secs_f64());
        fields.serialize_field("confirmation_age_seconds", &confirmation_age)?;
        fields.serialize_field("max_staleness_seconds", &record.max_staleness.as_secs_f64())?;
        fields.serialize_field("staleness_ratio", &record.staleness_ratio())?;
        fields.serialize_field("deferred", &record.deferred)?;
        fields.serialize_field("slow_polls", &record.slow_polls)?;
        fields.serialize_field("circuits", &record.circuits)?;
        fields.end()
    }
}
