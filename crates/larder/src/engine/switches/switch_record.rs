//! The switches of all instances, in the form in which the store keeps them.

use std::time::Duration;

use bytes::Bytes;
use larder_core::store::SwitchRecord;
use larder_core::time::{Clock, WallTime};
use serde::{Deserialize, Serialize};

use crate::engine::store_calendar::StoreCalendar;
use crate::engine::switches::scope::SwitchScope;
use crate::engine::switches::switch::{ActiveSwitch, MAX_DURATION, SwitchReach, validate_who};
use crate::engine::switches::switch_table::MAX_SWITCHES;

/// The version of the form. Readers ignore a record in another one.
const FORM: u32 = 1;

/// The data of a record: JSON, so that an operator can read it.
#[derive(Serialize, Deserialize)]
struct Data {
    form: u32,
    /// The operator that has changed the record last.
    by: Box<str>,
    switches: Vec<StoredSwitch>,
}

#[derive(Serialize, Deserialize)]
struct StoredSwitch {
    scope: SwitchScope,
    who: Box<str>,
    /// Milliseconds since 1970 by the calendar of the store.
    since: u64,
    until: u64,
}

/// The switches of all instances, and the operator that has changed them last.
pub(crate) struct FleetSwitches {
    pub(crate) switches: Vec<ActiveSwitch>,
    pub(crate) by: Box<str>,
}

/// Returns the data of a record. Its dates are those of the store's calendar.
pub(crate) fn encode(fleet: &FleetSwitches, calendar: &StoreCalendar) -> Option<Bytes> {
    let date = |wall| calendar.to_store(wall).unix_millis();
    let stored = |switch: &ActiveSwitch| StoredSwitch {
        scope: switch.scope.clone(),
        who: switch.who.clone(),
        since: date(switch.since),
        until: date(switch.until),
    };
    let switches = fleet.switches.iter().map(stored).collect();
    let data = serde_json::to_vec(&Data { form: FORM, by: fleet.by.clone(), switches }).ok()?;
    (data.len() <= SwitchRecord::MAX_BYTES).then(|| data.into())
}

/// Reads the data of a record. Returns `None` for a record in another form.
///
/// The store is untrusted: a record with more switches than are allowed, or with names or times
/// that are, is no record. No switch holds for longer than a day from now.
pub(crate) fn decode(data: &[u8], calendar: &StoreCalendar, clock: &dyn Clock) -> Option<FleetSwitches> {
    let Data { form, by, switches } = serde_json::from_slice(data).ok()?;
    let are_valid = |one: &StoredSwitch| one.scope.validate().is_ok() && validate_who(&one.who).is_ok();
    if form != FORM
        || switches.len() > MAX_SWITCHES
        || validate_who(&by).is_err()
        || !switches.iter().all(are_valid)
    {
        return None;
    }
    let date = |millis| calendar.to_own(WallTime::from_unix_millis(millis));
    let (wall, boot) = (clock.wall(), clock.boot());
    let active = |StoredSwitch { scope, who, since, until }| {
        let (since, until) = (date(since), date(until));
        let left: Duration = until.saturating_since(wall).min(MAX_DURATION);
        let deadline = boot.saturating_add(left);
        ActiveSwitch { scope, reach: SwitchReach::Fleet, who, since, until, deadline }
    };
    Some(FleetSwitches { switches: switches.into_iter().map(active).collect(), by })
}

#[cfg(test)]
mod tests {
    use larder_testing::ManualClock;

    use super::*;

    /// The store is untrusted, so its record may have any time.
    #[test]
    fn no_switch_holds_for_longer_than_a_day() {
        let (clock, calendar) = (ManualClock::new(), StoreCalendar::default());
        let (wall, boot) = (clock.wall(), clock.boot());
        let hour = Duration::from_secs(3600);
        for (time, expected) in [(hour, hour), (100 * MAX_DURATION, MAX_DURATION)] {
            let (who, until) = (Box::from("ann"), wall.saturating_add(time));
            let (scope, reach, since) = (SwitchScope::All, SwitchReach::Fleet, wall);
            let switch = ActiveSwitch { scope, reach, who, since, until, deadline: boot };
            let fleet = FleetSwitches { switches: vec![switch], by: "ann".into() };
            let data = encode(&fleet, &calendar).unwrap();
            let read = decode(&data, &calendar, &clock).unwrap();
            assert_eq!(read.switches[0].deadline, boot.saturating_add(expected), "{time:?}");
        }
    }
}
