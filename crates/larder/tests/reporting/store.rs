//! A shared store in this process that fails on demand.

mod lease_table;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use larder::store::{
    Cursor, Event, Holder, Incarnation, InvalidationLog, LeaseId, LogId, LogPage, Monitoring, ReclaimReport,
    ReclaimRequest, ScanCursor, SharedTier, StoreError, StoreErrorKind, SwitchRecord,
};
use larder::time::WallTime;
use larder::{CircuitState, InstanceRecord, NodeCircuit};
use tokio::sync::Notify;

use crate::shop::eventually;

/// A store whose clones share their state.
#[derive(Clone, Default)]
pub(crate) struct MemoryStore {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    responses: HashMap<String, Bytes>,
    log: Vec<Vec<Event>>,
    restarts: u8,
    reclaims: Vec<ReclaimRequest>,
    failing_reclaims: usize,
    failing: Option<StoreErrorKind>,
    /// The number of announcements that were refused, if they are.
    refused_announcements: Option<usize>,
    leases: HashMap<String, Holder>,
    /// The results that the holders of leases have left.
    results: HashMap<(String, LeaseId), Bytes>,
    no_leases: bool,
    /// The switches of all instances.
    switches: Option<SwitchRecord>,
    looks: usize,
    alarms: usize,
    delay: Duration,
    now: WallTime,
    /// The number of appends that work. All work if it is `None`.
    appends_left: Option<usize>,
    /// The number of appends until the store begins a new incarnation of the log.
    appends_until_restart: Option<usize>,
    /// Whether the instances that start have no place among the starts.
    is_busy: bool,
}

/// The time limit of an exchange about responses.
pub(crate) const LIMIT: Duration = Duration::from_millis(50);
/// The time limit of an append.
const APPEND_LIMIT: Duration = Duration::from_millis(500);

impl MemoryStore {
    /// Makes every exchange take this long from now on, as with a store that is far away.
    pub(crate) fn move_away(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Removes all responses, as a server does that needs the room.
    pub(crate) fn drop_responses(&self) {
        self.state().responses.clear();
    }

    /// Sets the clock of the store. Without this, it has none.
    pub(crate) fn set_clock(&self, now: WallTime) {
        self.state().now = now;
    }

    /// Changes every stored value.
    pub(crate) fn change_all(&self, change: impl Fn(&mut Vec<u8>)) {
        for value in self.state().responses.values_mut() {
            let mut bytes = value.to_vec();
            change(&mut bytes);
            *value = bytes.into();
        }
    }

    /// Returns the stored values.
    pub(crate) fn values(&self) -> Vec<Bytes> {
        self.state().responses.values().cloned().collect()
    }

    async fn travel(&self, limit: Duration) -> Result<(), StoreError> {
        let delay = self.state().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay.min(limit)).await;
        }
        if delay > limit { Err(StoreError::new(StoreErrorKind::Timeout, "too far away")) } else { Ok(()) }
    }

    /// Takes a moment if the log is busy, so that polls without a pause do not stop a paused clock.
    async fn travel_to_log(&self) {
        if self.state().is_busy {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Makes every operation fail with this kind of error from now on.
    pub(crate) fn fail(&self, kind: StoreErrorKind) {
        self.state().failing = Some(kind);
        self.changed.notify_waiters();
    }

    /// Refuses to list instances. Returns how often one was refused before.
    pub(crate) fn refuse_announcements(&self) -> usize {
        *self.state().refused_announcements.get_or_insert(0)
    }

    /// Makes every operation work again.
    pub(crate) fn heal(&self) {
        self.state().failing = None;
    }

    /// Makes every append after the next `count` time out.
    pub(crate) fn refuse_appends_after(&self, count: usize) {
        self.state().appends_left = Some(count);
    }

    /// Begins a new incarnation of the log after the next `count` appends.
    pub(crate) fn restart_after_appends(&self, count: usize) {
        self.state().appends_until_restart = Some(count);
    }

    /// Gives no instance a place among the starts from now on.
    pub(crate) fn has_no_place_for_starts(&self) {
        self.state().is_busy = true;
    }

    /// Waits until the log was polled this often.
    pub(crate) async fn polled(&self, count: usize) {
        eventually("the log is polled", || self.state().looks >= count).await;
    }

    /// Makes appends work again.
    pub(crate) fn accept_appends(&self) {
        self.state().appends_left = None;
        self.changed.notify_waiters();
    }

    /// Returns every event in the log.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.state().log.concat()
    }

    /// Begins a new incarnation of the log.
    pub(crate) fn restart(&self) {
        self.state().restarts += 1;
        self.state().log.clear();
        self.changed.notify_waiters();
    }

    /// Replaces the value of each stored response.
    pub(crate) fn replace_all(&self, by: &'static [u8]) {
        for value in self.state().responses.values_mut() {
            *value = Bytes::from_static(by);
        }
    }

    /// Makes every claim to a lease time out from now on.
    pub(crate) fn refuse_leases(&self) {
        self.state().no_leases = true;
    }

    /// Gives each lease to another holder that never releases it.
    ///
    /// The fill that took the lease can no longer release it.
    pub(crate) fn give_lease_away(&self) {
        for holder in self.state().leases.values_mut() {
            holder.id = LeaseId::from_bytes([0; 16]);
        }
    }

    pub(crate) fn leases(&self) -> usize {
        self.state().leases.len()
    }

    /// Waits until a response was stored.
    pub(crate) async fn has_response(&self) {
        eventually("the response is shared", || self.holds() > 0).await;
    }

    pub(crate) fn holds(&self) -> usize {
        self.state().responses.len()
    }

    /// Returns the reclaim requests that the store has received.
    pub(crate) fn reclaims(&self) -> Vec<ReclaimRequest> {
        self.state().reclaims.clone()
    }

    /// Makes the next `count` steps of reclaims time out.
    pub(crate) fn fail_reclaims(&self, count: usize) {
        self.state().failing_reclaims = count;
    }

    pub(crate) fn failures_left(&self) -> usize {
        self.state().failing_reclaims
    }

    /// Waits until the follower of the log has applied a poll that is sent after this call.
    pub(crate) async fn looked(&self) {
        let before = self.state().looks;
        self.changed.notify_waiters();
        // The follower sets an alarm only after it has applied the poll before it.
        let (looks, alarms) = (before + 1, self.state().alarms + 1);
        eventually("the log is polled", || {
            let state = self.state();
            state.looks >= looks && state.alarms >= alarms
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn working(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state();
        match state.failing {
            None => Ok(state),
            Some(kind) => Err(StoreError::new(kind, "as the test wants it")),
        }
    }
}

impl SharedTier for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.travel(LIMIT).await?;
        Ok(self.working()?.responses.get(key).cloned())
    }

    async fn set(&self, key: &str, value: Bytes, _expiry: Duration) -> Result<(), StoreError> {
        self.travel(LIMIT).await?;
        self.working()?.responses.insert(key.to_owned(), value);
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.working()?.responses.remove(key);
        Ok(())
    }

    fn time_limit(&self) -> Option<Duration> {
        Some(LIMIT)
    }

    fn monitoring(&self) -> impl Monitoring {
        Unlisted(self.clone())
    }

    /// Frees responses in two steps. The second one is a scan.
    async fn reclaim(
        &self,
        what: &ReclaimRequest,
        from: Option<ScanCursor>,
    ) -> Result<ReclaimReport, StoreError> {
        let mut state = self.working()?;
        if let Some(left) = state.failing_reclaims.checked_sub(1) {
            state.failing_reclaims = left;
            return Err(StoreError::new(StoreErrorKind::Timeout, "as the test wants it"));
        }
        if from.is_none() {
            state.reclaims.push(what.clone());
            return Ok(ReclaimReport { next: Some(ScanCursor::default()), ..ReclaimReport::default() });
        }
        let before = state.responses.len();
        state.responses.retain(|address, _| !what.selector.names_key(address.trim_matches(['{', '}'])));
        let responses = u64::try_from(before - state.responses.len()).unwrap();
        Ok(ReclaimReport { responses, scans: 1, next: None })
    }
}

/// A store without a list of instances.
struct Unlisted(MemoryStore);

impl Monitoring for Unlisted {
    fn circuits(&self) -> Option<Vec<NodeCircuit>> {
        let open = NodeCircuit::new(None, CircuitState::Open);
        Some(self.0.state().failing.map(|_| open).into_iter().collect())
    }

    async fn announce(&self, _: &InstanceRecord) -> Result<(), StoreError> {
        let mut state = self.0.state();
        let refused = StoreError::new(StoreErrorKind::Refused, "NOPERM");
        let announced = if state.refused_announcements.is_some() { refused } else { unsupported() };
        state.refused_announcements = state.refused_announcements.map(|count| count + 1);
        Err(announced)
    }
}

fn unsupported() -> StoreError {
    StoreError::new(StoreErrorKind::Unsupported, "")
}

impl State {
    fn incarnation(&self) -> Incarnation {
        Incarnation::from_bytes([7 + self.restarts; 16])
    }
}

fn id(count: usize) -> LogId {
    LogId::new(count as u64, 0)
}

impl InvalidationLog for MemoryStore {
    async fn wait_for_news(&self, _cursor: Cursor, at_most: Duration) -> Result<(), StoreError> {
        let changed = self.changed.notified();
        self.working()?.alarms += 1;
        let _ = tokio::time::timeout(at_most, changed).await;
        self.working().map(drop)
    }

    async fn poll(&self, cursor: Cursor) -> Result<LogPage, StoreError> {
        self.travel_to_log().await;
        let mut state = self.working()?;
        state.looks += 1;
        let incarnation = state.incarnation();
        let after = match cursor.incarnation == incarnation {
            true => cursor.after,
            false => LogId::ZERO,
        };
        let entries = state.log.iter().enumerate().map(|(index, events)| (id(index + 1), events.clone()));
        Ok(LogPage {
            incarnation,
            floor: LogId::ZERO,
            last: id(state.log.len()),
            now: state.now,
            entries: entries.filter(|(id, _)| *id > after).collect(),
            more: state.is_busy,
            fenced: false,
            is_busy: state.is_busy,
        })
    }

    async fn append(&self, events: &[Event]) -> Result<(Incarnation, LogId), StoreError> {
        self.travel(APPEND_LIMIT).await?;
        let mut state = self.working()?;
        if state.appends_until_restart == Some(0) {
            state.appends_until_restart = None;
            state.restarts += 1;
            state.log.clear();
        }
        if let Some(left) = &mut state.appends_until_restart {
            *left -= 1;
        }
        match &mut state.appends_left {
            Some(0) => return Err(StoreError::new(StoreErrorKind::Timeout, "as the test wants it")),
            Some(left) => *left -= 1,
            None => {}
        }
        state.log.push(events.to_vec());
        self.changed.notify_waiters();
        Ok((state.incarnation(), id(state.log.len())))
    }

    async fn switches(&self) -> Result<Option<SwitchRecord>, StoreError> {
        Ok(self.working()?.switches.clone())
    }

    async fn replace_switches(
        &self,
        replaces: Option<u64>,
        record: &SwitchRecord,
    ) -> Result<bool, StoreError> {
        let switches = &mut self.working()?.switches;
        let is_current = switches.as_ref().map(|known| known.version) == replaces;
        if is_current {
            *switches = Some(record.clone());
        }
        Ok(is_current)
    }
}
