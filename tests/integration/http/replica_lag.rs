//! A handler that reads a database replica, which lags until a gate opens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::{Cache, Glob, Invalidation, Policy, Prefix, UriName};
use larder_testing::{Answer, Gate, ManualClock, Origin};
use larder_tests::http::{Site, soon};
use tokio::task::JoinHandle;

use crate::support::{cache, hourly, secs, site};

const LAG: Duration = secs(10);
/// More than the error that the log allows for its moments.
const MARGIN: Duration = secs(1);

/// A database with a primary and one replica. Clones share it.
#[derive(Clone, Default)]
struct Database {
    primary: Arc<AtomicU64>,
    replica: Arc<AtomicU64>,
}

impl Database {
    /// Writes the next value. The replica gets it when the gate is open.
    fn write(&self, gate: &Gate) -> JoinHandle<()> {
        let value = self.primary.fetch_add(1, Ordering::SeqCst) + 1;
        let (gate, replica) = (gate.clone(), Arc::clone(&self.replica));
        tokio::spawn(async move {
            gate.pass().await;
            replica.store(value, Ordering::SeqCst);
        })
    }

    fn origin(&self) -> Origin {
        let replica = Arc::clone(&self.replica);
        Origin::new(move |_, _| Answer::ok(format!("v{}", replica.load(Ordering::SeqCst))))
    }
}

struct App {
    cache: Cache,
    clock: ManualClock,
    database: Database,
    site: Site,
}

impl App {
    /// Returns a process that has been running for longer than the lag.
    async fn with(policy: Policy) -> Self {
        let app = Self::started(policy).await;
        app.clock.advance(LAG + MARGIN);
        app
    }

    async fn started(policy: Policy) -> Self {
        let ((cache, clock), database) = (cache(), Database::default());
        let site = site(&cache, policy.tag("row").replica_lag(LAG), &database.origin()).await;
        Self { cache, clock, database, site }
    }

    async fn shows(&self) -> (String, String) {
        let page = self.site.get("/rows/1").await;
        (page.text(), page.x_cache().to_owned())
    }

    async fn is(&self, text: &str, x_cache: &str) {
        assert_eq!(self.shows().await, (text.to_owned(), x_cache.to_owned()));
    }
}

#[tokio::test]
async fn once_the_lag_has_passed_no_older_row_is_served_whatever_was_named() {
    let selectors: [Invalidation; 6] = [
        Invalidation::tag("row"),
        Invalidation::tag("row").soft(),
        UriName::new("/rows/1").unwrap().into(),
        Prefix::new("/rows").unwrap().into(),
        Glob::new("/r*").unwrap().into(),
        Invalidation::all(),
    ];
    for what in selectors {
        println!("{what:?}");
        let app = App::with(hourly()).await;
        app.is("v0", "MISS").await;
        let gate = Gate::new();
        let replicated = app.database.write(&gate);
        let _ = app.cache.invalidate(what).await;
        app.clock.advance(secs(3));
        app.is("v0", "MISS").await;
        app.clock.advance(LAG - secs(4));
        app.is("v0", "HIT").await;
        gate.open();
        soon("the replica", replicated).await.unwrap();
        app.clock.advance(secs(1));
        app.is("v1", "MISS").await;
        // A response from after the lag has its whole lifetime.
        app.clock.advance(MARGIN);
        app.is("v1", "MISS").await;
        app.clock.advance(secs(3_599));
        app.is("v1", "HIT").await;
    }
}

/// The response is gone after the lag, and not merely stale.
#[tokio::test]
async fn there_are_no_stale_windows_during_the_lag() {
    let policy = hourly().stale_while_revalidate(secs(600)).stale_if_error(secs(600));
    let app = App::with(policy).await;
    let gate = Gate::new();
    let replicated = app.database.write(&gate);
    let _ = app.cache.invalidate(Invalidation::tag("row")).await;
    app.is("v0", "MISS").await;
    gate.open();
    soon("the replica", replicated).await.unwrap();
    app.clock.advance(LAG);
    app.is("v1", "MISS").await;
}

/// A fill may have missed each of several writes. The limit is that of the first one.
#[tokio::test]
async fn the_earliest_of_several_invalidations_counts() {
    let app = App::with(hourly()).await;
    let (first, second) = (Gate::new(), Gate::new());
    let replicated = app.database.write(&first);
    let _ = app.cache.invalidate(Invalidation::tag("row")).await;
    app.clock.advance(secs(6));
    let later = app.database.write(&second);
    let _ = app.cache.invalidate(UriName::new("/rows/1").unwrap()).await;
    app.is("v0", "MISS").await;
    first.open();
    soon("the replica", replicated).await.unwrap();
    app.clock.advance(secs(4));
    app.is("v1", "MISS").await;
    app.clock.advance(MARGIN);
    app.is("v1", "MISS").await;
    app.is("v1", "HIT").await;
    second.open();
    soon("the replica", later).await.unwrap();
    app.clock.advance(secs(5));
    app.is("v2", "MISS").await;
}

/// Nothing says what a process before this one has invalidated.
#[tokio::test]
async fn a_process_that_has_just_started_knows_nothing() {
    let app = App::started(hourly()).await;
    app.is("v0", "MISS").await;
    app.clock.advance(LAG);
    app.is("v0", "MISS").await;
}

#[tokio::test]
async fn names_that_were_not_invalidated_are_not_limited() {
    let app = App::with(hourly()).await;
    let _ = app.cache.invalidate(Invalidation::tag("other").and(UriName::new("/rows/2").unwrap())).await;
    app.is("v0", "MISS").await;
    app.clock.advance(secs(3_599));
    app.is("v0", "HIT").await;
}
