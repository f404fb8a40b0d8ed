//! Instances that break a rule. Torture must find the violations.
//!
//! Rules of the log and of the queue are broken between the store and the cache, and rules for
//! writers in the handlers. So the published crates contain no such code.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::Event;
use larder_core::lease::{Claim, ClaimReply, LeaseId, Leases, Release};
use larder_core::store::{InvalidationLog, SharedTier, StoreError};
use larder_redis::RedisStore;

/// A rule that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[allow(clippy::exhaustive_enums)] // A test breaks each of them.
pub enum Rule {
    /// Rule 4: one event in ten is lost on its way to an instance.
    LosesEvents,
    /// Rule 9: a failed poll returns the result of the last successful one.
    ConfirmsBlindly,
    /// Rule 18: a write begins for the cache only after its commit.
    BeginsAfterCommit,
    /// Write-behind: the sink does not compare sequence numbers.
    NoFence,
    /// Write-behind: a write is acknowledged before it is pushed.
    AcknowledgesEarly,
    /// Write-behind: a write is removed from the queue before it is flushed.
    CompletesEarly,
    /// Write-behind: a load does not ask for the pending value.
    IgnoresPending,
    /// Write-behind: a push takes effect long after it failed.
    PushesLate,
    /// Write-behind: a push that is repeated is queued again.
    ForgetsIds,
    /// Write-behind: a write does not wait for the replicas.
    DoesNotWait,
    /// Write-behind: a reader goes on although another one has the right to read. The fence alone
    /// keeps the promises, so this must not be found.
    IgnoresLostLease,
}

impl Rule {
    /// Returns its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LosesEvents => "loses-events",
            Self::ConfirmsBlindly => "confirms-blindly",
            Self::BeginsAfterCommit => "begins-after-commit",
            Self::NoFence => "no-fence",
            Self::AcknowledgesEarly => "acknowledges-early",
            Self::CompletesEarly => "completes-early",
            Self::IgnoresPending => "ignores-pending",
            Self::PushesLate => "pushes-late",
            Self::ForgetsIds => "forgets-ids",
            Self::DoesNotWait => "does-not-wait",
            Self::IgnoresLostLease => "ignores-lost-lease",
        }
    }
}

/// A store that breaks a rule.
#[derive(Debug)]
pub(super) struct BrokenStore {
    store: RedisStore,
    rule: Rule,
    last: Mutex<Option<LogPage>>,
}

impl BrokenStore {
    pub(super) fn new(store: RedisStore, rule: Rule) -> Self {
        Self { store, rule, last: Mutex::default() }
    }

    fn drop_some_events(look: &mut LogPage) {
        look.entries.retain(|_| fastrand::u8(..10) != 0);
    }

    fn repeat_last_success(
        &self,
        cursor: Cursor,
        asked: Result<LogPage, StoreError>,
    ) -> Result<LogPage, StoreError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(look) = &asked {
            *last = Some(LogPage { entries: Vec::new(), more: false, ..look.clone() });
        }
        match last.as_ref().filter(|look| look.incarnation == cursor.incarnation) {
            Some(look) => asked.or_else(|_| Ok(look.clone())),
            None => asked,
        }
    }
}

impl SharedTier for BrokenStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.store.get(key).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.store.get_many(keys).await
    }

    async fn set(&self, key: &str, value: Bytes, expiry: Duration) -> Result<(), StoreError> {
        self.store.set(key, value, expiry).await
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.store.remove(key).await
    }
}

impl Leases for BrokenStore {
    async fn claim(&self, claim: Claim<'_>) -> Result<ClaimReply, StoreError> {
        self.store.claim(claim).await
    }

    fn may_claim_first(&self) -> bool {
        self.store.may_claim_first()
    }

    async fn extend(&self, address: &str, token: LeaseId, life: Duration) -> Result<bool, StoreError> {
        self.store.extend(address, token, life).await
    }

    async fn release(&self, address: &str, token: LeaseId, left: Release) -> Result<(), StoreError> {
        self.store.release(address, token, left).await
    }
}

impl InvalidationLog for BrokenStore {
    async fn wait_for_news(&self, cursor: Cursor, at_most: Duration) -> Result<(), StoreError> {
        self.store.wait_for_news(cursor, at_most).await
    }

    async fn poll(&self, cursor: Cursor) -> Result<LogPage, StoreError> {
        let asked = self.store.poll(cursor).await;
        match self.rule {
            Rule::LosesEvents => asked.map(|mut look| {
                Self::drop_some_events(&mut look);
                look
            }),
            Rule::ConfirmsBlindly => self.repeat_last_success(cursor, asked),
            _ => asked,
        }
    }

    async fn append(&self, events: &[Event]) -> Result<(Incarnation, LogId), StoreError> {
        self.store.append(events).await
    }
}
