//! The switches of a cache, and which requests they cover.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use larder_core::time::{BootTime, Clock};

use crate::engine::switches::layer_flags::{LayerFlag, LayerFlags};
use crate::engine::switches::scope::SwitchScope;
use crate::engine::switches::switch::{ActiveSwitch, Switch, SwitchReach, validate_duration, validate_who};
use crate::engine::switches::switch_error::{SwitchError, SwitchErrorKind};

/// The maximum number of switches of each reach.
pub(crate) const MAX_SWITCHES: usize = 64;

/// The switches of a cache, and the flags by which its layers know of them.
///
/// While no switch is set, nothing here is on the path of a request.
#[derive(Debug, Default)]
pub(crate) struct SwitchTable {
    /// Whether there is a switch for the whole cache. Collections of values read this.
    covers_values: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    switches: Vec<ActiveSwitch>,
    layers: Vec<Weak<LayerFlags>>,
}

impl SwitchTable {
    /// Registers the flags of a new layer.
    pub(crate) fn register(&self, flags: &Arc<LayerFlags>) {
        let mut state = self.state();
        if !state.switches.is_empty() {
            flags.set(LayerFlag::Switched);
        }
        state.layers.retain(|layer| layer.strong_count() > 0);
        state.layers.push(Arc::downgrade(flags));
    }

    /// Whether a switch covers the requests of a route, whose policy has this class.
    pub(crate) fn covers(&self, route: &str, class: &str, now: BootTime) -> bool {
        let mut state = self.state();
        self.end_expired(&mut state, now);
        state.switches.iter().any(|switch| switch.scope.covers(route, class))
    }

    /// Whether a switch covers the collections of values.
    #[inline]
    pub(crate) fn covers_values(&self, now: impl FnOnce() -> BootTime) -> bool {
        self.covers_values.load(Ordering::Relaxed) && self.covers_values_at(now())
    }

    #[cold]
    fn covers_values_at(&self, now: BootTime) -> bool {
        self.end_expired(&mut self.state(), now);
        self.covers_values.load(Ordering::Relaxed)
    }

    /// Returns all switches that are set now.
    pub(crate) fn all(&self, now: BootTime) -> Vec<Switch> {
        let mut state = self.state();
        self.end_expired(&mut state, now);
        state.switches.iter().map(ActiveSwitch::to_switch).collect()
    }

    /// Returns the switch that covers the requests of a route.
    pub(crate) fn covering(&self, route: &str, class: &str, now: BootTime) -> Option<Switch> {
        let mut state = self.state();
        self.end_expired(&mut state, now);
        state.switches.iter().find(|switch| switch.scope.covers(route, class)).map(ActiveSwitch::to_switch)
    }

    /// Sets a switch on this instance, in place of an earlier one with the same scope.
    pub(crate) fn set(
        &self,
        scope: SwitchScope,
        duration: Duration,
        who: &str,
        clock: &dyn Clock,
    ) -> Result<(), SwitchError> {
        let switch = new_switch(scope, SwitchReach::Instance, duration, who, clock)?;
        let mut state = self.state();
        self.end_expired(&mut state, clock.boot());
        let mut own: Vec<_> = of_reach(&state, SwitchReach::Instance).cloned().collect();
        insert(&mut own, switch)?;
        self.replace(&mut state, SwitchReach::Instance, own, who);
        Ok(())
    }

    /// Ends a switch on this instance. Returns whether there was one with this scope.
    pub(crate) fn end(&self, scope: &SwitchScope, who: &str, now: BootTime) -> Result<bool, SwitchError> {
        validate_who(who)?;
        let mut state = self.state();
        self.end_expired(&mut state, now);
        let (ended, own): (Vec<_>, Vec<_>) =
            of_reach(&state, SwitchReach::Instance).cloned().partition(|switch| switch.scope == *scope);
        self.replace(&mut state, SwitchReach::Instance, own, who);
        Ok(!ended.is_empty())
    }

    /// Returns the switches of all instances, as far as this one knows them.
    pub(crate) fn fleet(&self, now: BootTime) -> Vec<ActiveSwitch> {
        let mut state = self.state();
        self.end_expired(&mut state, now);
        of_reach(&state, SwitchReach::Fleet).cloned().collect()
    }

    /// Replaces the switches of all instances. `who` has changed them last.
    pub(crate) fn set_fleet(&self, switches: Vec<ActiveSwitch>, who: &str, now: BootTime) {
        let mut state = self.state();
        self.end_expired(&mut state, now);
        let switches = switches.into_iter().filter(|switch| !switch.has_ended(now)).collect();
        self.replace(&mut state, SwitchReach::Fleet, switches, who);
    }

    /// Ends the switches whose time is over.
    ///
    /// The first request after the end comes here, or the task that reads the switches of all
    /// instances.
    pub(crate) fn end_expired_at(&self, now: BootTime) {
        self.end_expired(&mut self.state(), now);
    }

    fn end_expired(&self, state: &mut State, now: BootTime) {
        if !state.switches.iter().any(|switch| switch.has_ended(now)) {
            return;
        }
        let (ended, left) = state.switches.drain(..).partition(|switch| switch.has_ended(now));
        state.switches = left;
        for ActiveSwitch { scope, reach, who, .. } in ended {
            let reach = reach.as_str();
            tracing::warn!(target: "larder", %scope, reach, who = &*who, "cache switched on: the time of the switch is over");
        }
        self.publish(state);
    }

    /// Replaces all switches of a reach, and logs each change.
    fn replace(&self, state: &mut State, reach: SwitchReach, switches: Vec<ActiveSwitch>, who: &str) {
        let (before, others) =
            state.switches.drain(..).partition::<Vec<_>, _>(|switch| switch.reach == reach);
        for switch in switches.iter().filter(|switch| !before.iter().any(|other| switch.is_same(other))) {
            let seconds = switch.until.saturating_since(switch.since).as_secs();
            let (scope, reach, who) = (&switch.scope, switch.reach.as_str(), &*switch.who);
            tracing::warn!(target: "larder", %scope, reach, seconds, who, "cache switched off");
        }
        let remains = |one: &ActiveSwitch| switches.iter().any(|switch| switch.scope == one.scope);
        for switch in before.iter().filter(|switch| !remains(switch)) {
            let (scope, reach, set_by) = (&switch.scope, switch.reach.as_str(), &*switch.who);
            tracing::warn!(target: "larder", %scope, reach, set_by, who, "cache switched on");
        }
        state.switches = others;
        state.switches.extend(switches);
        self.publish(state);
    }

    /// Lets the layers and the collections know whether there are switches.
    fn publish(&self, state: &State) {
        let has_all = state.switches.iter().any(|switch| switch.scope == SwitchScope::All);
        self.covers_values.store(has_all, Ordering::Relaxed);
        for layer in state.layers.iter().filter_map(Weak::upgrade) {
            match state.switches.is_empty() {
                true => layer.clear(LayerFlag::Switched),
                false => layer.set(LayerFlag::Switched),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates a switch that begins now.
pub(crate) fn new_switch(
    scope: SwitchScope,
    reach: SwitchReach,
    duration: Duration,
    who: &str,
    clock: &dyn Clock,
) -> Result<ActiveSwitch, SwitchError> {
    scope.validate()?;
    validate_duration(duration)?;
    validate_who(who)?;
    let (since, deadline) = (clock.wall(), clock.boot().saturating_add(duration));
    Ok(ActiveSwitch { scope, reach, who: who.into(), since, until: since.saturating_add(duration), deadline })
}

/// Adds a switch, in place of one with the same scope.
pub(crate) fn insert(switches: &mut Vec<ActiveSwitch>, switch: ActiveSwitch) -> Result<(), SwitchError> {
    switches.retain(|other| other.scope != switch.scope);
    if switches.len() >= MAX_SWITCHES {
        let what = format!("{MAX_SWITCHES} switches are set already, and that is the limit");
        return Err(SwitchError::new(SwitchErrorKind::TooMany, what));
    }
    switches.push(switch);
    Ok(())
}

fn of_reach(state: &State, reach: SwitchReach) -> impl Iterator<Item = &ActiveSwitch> {
    state.switches.iter().filter(move |switch| switch.reach == reach)
}
