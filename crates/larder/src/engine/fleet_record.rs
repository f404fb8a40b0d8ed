//! The record of the switches of all instances in the shared store, and how it is changed.

use std::time::Duration;

use bytes::Bytes;
use larder_core::store::{StoreError, SwitchRecord};
use larder_core::time::Clock;

use crate::engine::store::Store;
use crate::engine::store_calendar::StoreCalendar;
use crate::engine::switches::scope::SwitchScope;
use crate::engine::switches::switch::{ActiveSwitch, SwitchReach, validate_who};
use crate::engine::switches::switch_error::{SwitchError, SwitchErrorKind};
use crate::engine::switches::switch_record::{FleetSwitches, decode, encode};
use crate::engine::switches::switch_table::{insert, new_switch};

/// How often a change is tried if others change the record at the same moment.
const MAX_TRIES: usize = 8;

/// The record of the switches of all instances.
pub(crate) struct FleetRecord<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) calendar: &'a StoreCalendar,
    pub(crate) clock: &'a dyn Clock,
}

/// A switch that was ended.
pub(crate) struct EndedSwitch {
    /// Whether there was one with this scope.
    pub(crate) was_set: bool,
    /// The switches that are left.
    pub(crate) left: Vec<ActiveSwitch>,
}

impl FleetRecord<'_> {
    /// Reads the record. Returns `None` if there is none, or one in another form.
    pub(crate) async fn read(&self) -> Result<Option<FleetSwitches>, StoreError> {
        let record = self.store.switches().await?;
        Ok(record.and_then(|record| self.decode(&record)))
    }

    /// Decodes the record. Returns `None` if it has another form.
    pub(crate) fn decode(&self, record: &SwitchRecord) -> Option<FleetSwitches> {
        decode(&record.data, self.calendar, self.clock)
    }

    /// Sets a switch, in place of an earlier one with the same scope. Returns all switches.
    ///
    /// The store may have lost the record. Then it is made from the `known` switches.
    pub(crate) async fn set(
        &self,
        scope: SwitchScope,
        duration: Duration,
        who: &str,
        known: impl Fn() -> Vec<ActiveSwitch>,
    ) -> Result<Vec<ActiveSwitch>, SwitchError> {
        let switch = new_switch(scope, SwitchReach::Fleet, duration, who, self.clock)?;
        self.change(who, known, |fleet| insert(&mut fleet.switches, switch.clone())).await
    }

    /// Ends a switch.
    pub(crate) async fn end(
        &self,
        scope: &SwitchScope,
        who: &str,
        known: impl Fn() -> Vec<ActiveSwitch>,
    ) -> Result<EndedSwitch, SwitchError> {
        validate_who(who)?;
        let mut was_set = false;
        let left = self
            .change(who, known, |fleet| {
                let before = fleet.switches.len();
                fleet.switches.retain(|switch| switch.scope != *scope);
                was_set = fleet.switches.len() < before;
                Ok(())
            })
            .await?;
        Ok(EndedSwitch { was_set, left })
    }

    async fn change(
        &self,
        who: &str,
        known: impl Fn() -> Vec<ActiveSwitch>,
        mut change: impl FnMut(&mut FleetSwitches) -> Result<(), SwitchError>,
    ) -> Result<Vec<ActiveSwitch>, SwitchError> {
        for _ in 0..MAX_TRIES {
            let record = self.store.switches().await.map_err(|error| SwitchError::of_store(&error))?;
            let version = record.as_ref().map(|record| record.version);
            let mut fleet = record
                .and_then(|record| self.decode(&record))
                .unwrap_or_else(|| FleetSwitches { switches: known(), by: who.into() });
            fleet.switches.retain(|switch| !switch.has_ended(self.clock.boot()));
            fleet.by = who.into();
            change(&mut fleet)?;
            let Some(data) = encode(&fleet, self.calendar) else {
                return Err(SwitchError::new(SwitchErrorKind::TooMany, "the record would be too large"));
            };
            if self.replace(version, data).await? {
                return Ok(fleet.switches);
            }
        }
        Err(SwitchError::new(SwitchErrorKind::Conflict, "other instances change the switches at this moment"))
    }

    async fn replace(&self, replaces: Option<u64>, data: Bytes) -> Result<bool, SwitchError> {
        let version = replaces.map_or(1, |version| version.wrapping_add(1));
        let record = SwitchRecord { version, data };
        self.store.replace_switches(replaces, &record).await.map_err(|error| SwitchError::of_store(&error))
    }
}
