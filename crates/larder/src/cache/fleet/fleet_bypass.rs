//! The switches of all instances, for operators.

use std::time::Duration;

use crate::cache::fleet::Fleet;
use crate::engine::fleet_record::FleetRecord;
use crate::engine::switches::scope::SwitchScope;
use crate::engine::switches::switch::{ActiveSwitch, Switch};
use crate::engine::switches::switch_error::SwitchError;

/// Switching the cache off and on.
impl Fleet {
    /// Returns the switches of all instances that hold now.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached, or keeps no switches.
    pub async fn switches(&self) -> Result<Vec<Switch>, SwitchError> {
        let record = self.fleet_record().await?.read().await;
        let fleet = record.map_err(|error| SwitchError::of_store(&error))?;
        let switches = fleet.map(|fleet| fleet.switches).unwrap_or_default();
        let now = self.clock.boot();
        Ok(switches.iter().filter(|one| !one.has_ended(now)).map(ActiveSwitch::to_switch).collect())
    }

    /// Switches the cache off on all instances, like
    /// [`Cache::bypass_fleet`](crate::Cache::bypass_fleet).
    ///
    /// Each instance reads the record of the switches every 5 s, and logs the change with `who`.
    /// Maximum duration: 24 h.
    ///
    /// # Errors
    ///
    /// Returns an error if the duration, the scope or `who` is out of its bounds, if too many
    /// switches are set, or if the store cannot be asked. The switch may then have been set anyway.
    pub async fn bypass(&self, scope: SwitchScope, duration: Duration, who: &str) -> Result<(), SwitchError> {
        self.fleet_record().await?.set(scope, duration, who, Vec::new).await.map(drop)
    }

    /// Ends a switch of all instances before its time. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// Returns an error like [`bypass`](Self::bypass).
    pub async fn resume(&self, scope: &SwitchScope, who: &str) -> Result<bool, SwitchError> {
        Ok(self.fleet_record().await?.end(scope, who, Vec::new).await?.was_set)
    }

    /// Returns the record. Its dates are those of the store, whose time is asked first.
    async fn fleet_record(&self) -> Result<FleetRecord<'_>, SwitchError> {
        self.log_end().await.map_err(|error| SwitchError::of_store(&error))?;
        Ok(FleetRecord { store: &*self.store, calendar: &self.calendar, clock: &*self.clock })
    }
}
