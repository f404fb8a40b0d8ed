//! The switches of a cache: bypasses that an operator sets until a time.

use std::time::Duration;

use crate::cache::Cache;
use crate::engine::fleet_switches;
use crate::engine::switches::scope::SwitchScope;
use crate::engine::switches::switch::Switch;
use crate::engine::switches::switch_error::SwitchError;

/// Switching the cache off and on.
impl Cache {
    /// Switches this cache off for some time: for a route, for a class, or as a whole.
    ///
    /// The requests that the scope covers go to the handlers, with the reason `switched-off`.
    /// Nothing is stored for them. Writes still invalidate, so what is stored is right when the
    /// switch ends. A fill that runs already is stored when it ends. A switch for
    /// [all](SwitchScope::All) also covers the collections of [values](crate::values): their loads
    /// run, and nothing is stored. Invalidate what you do not trust:
    /// [`Invalidation::all`](crate::Invalidation::all).
    ///
    /// This is for this instance. [`bypass_fleet`](Self::bypass_fleet) is for all. A switch with
    /// the same scope is replaced. `who` names the operator, for the list and for the log: each
    /// change is logged at the level `WARN`, with the scope, the time and `who`. The end of a
    /// switch is logged as soon as a request or a call of [`switches`](Self::switches) comes after
    /// it.
    ///
    /// Maximum duration: 24 h. At most 64 switches can be set. `who` has 1 to 128 bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the duration, the scope or `who` is out of its bounds, or if too many
    /// switches are set.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Cache, SwitchScope};
    ///
    /// # fn main() -> Result<(), larder::SwitchError> {
    /// let cache = Cache::default();
    /// let products = SwitchScope::route("/products/{id}");
    /// cache.bypass(products.clone(), Duration::from_secs(600), "ann@example.com")?;
    /// assert_eq!(cache.switches()[0].scope, products);
    /// assert!(cache.resume(&products, "ann@example.com")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bypass(&self, scope: SwitchScope, duration: Duration, who: &str) -> Result<(), SwitchError> {
        self.engine.switches.set(scope, duration, who, &*self.engine.clock)
    }

    /// Ends a switch of this instance before its time. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// Returns an error if `who` is out of its bounds: see [`bypass`](Self::bypass).
    pub fn resume(&self, scope: &SwitchScope, who: &str) -> Result<bool, SwitchError> {
        self.engine.switches.end(scope, who, self.engine.clock.boot())
    }

    /// Returns the switches that hold now: those of this instance, and those of all instances.
    #[must_use]
    pub fn switches(&self) -> Vec<Switch> {
        self.engine.switches.all(self.engine.clock.boot())
    }

    /// Switches the cache off on all instances that share its store, like [`bypass`](Self::bypass).
    ///
    /// The switch is a record in the store. This instance follows it at once. The others read the
    /// record every 5 s. If they cannot, the switches that they know hold until their time. An
    /// instance that starts reads the record at once.
    ///
    /// # Errors
    ///
    /// Returns an error like [`bypass`](Self::bypass), and if the cache has no shared store, or if
    /// the store cannot be asked. The switch may then have been set anyway.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    ///
    /// use larder::{Cache, SwitchErrorKind, SwitchScope};
    ///
    /// let cache = Cache::default();
    /// let hour = Duration::from_secs(3600);
    /// let error = cache.bypass_fleet(SwitchScope::All, hour, "ann@example.com").await.unwrap_err();
    /// assert_eq!(error.kind(), SwitchErrorKind::NoStore, "this cache has no Redis");
    /// # }
    /// ```
    pub async fn bypass_fleet(
        &self,
        scope: SwitchScope,
        duration: Duration,
        who: &str,
    ) -> Result<(), SwitchError> {
        fleet_switches::set(&self.engine, scope, duration, who).await
    }

    /// Ends a switch of all instances before its time. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// Returns an error like [`bypass_fleet`](Self::bypass_fleet).
    pub async fn resume_fleet(&self, scope: &SwitchScope, who: &str) -> Result<bool, SwitchError> {
        fleet_switches::end(&self.engine, scope, who).await
    }
}
