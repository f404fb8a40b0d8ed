//! Log lines and spans that the cache reports through `tracing`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use larder::store::StoreErrorKind;
use larder::time::Clock as _;
use larder::{Cache, Policy, StoreState, SwitchScope};
use larder_testing::{Answer, Gate, ManualClock};
use tower::ServiceExt as _;
use tracing::span::Id;
use tracing::{Instrument as _, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::calendars::MachineClock;
use crate::journal::{Journal, let_threads_decide};
use crate::shop::{Shop, eventually, get, method, with};
use crate::store::MemoryStore;

const MINUTE: Duration = Duration::from_secs(60);

fn named() -> Policy {
    Policy::ttl(MINUTE).jitter(0.0).name("products")
}

fn logging() -> Shop {
    Shop::new(named(), |_| {
        tracing::info!("the handler runs");
        Answer::ok("hello")
    })
}

#[test]
fn an_event_that_a_thread_without_a_journal_reaches_first_is_written_down() {
    let log = || tracing::info!("an event");
    let (journal, _guard) = Journal::listen(Level::INFO);
    std::thread::scope(|scope| scope.spawn(log).join()).unwrap();
    log();
    assert_eq!(journal.lines(), ["INFO reporting::logs: an event"]);
}

#[tokio::test]
async fn a_span_names_key_outcome_and_tier() {
    let (journal, _guard) = Journal::listen(Level::DEBUG);
    let shop = logging();
    shop.get("/1").await;
    shop.get("/1").await;
    shop.send(with("/1", "range", "items=0-1")).await;
    let miss = r#"cache{http.route="products" cache.key="u|http||/1" cache.outcome="miss" cache.reason="never-stored"}"#;
    let hit =
        r#"cache{http.route="products" cache.key="u|http||/1" cache.outcome="hit" cache.tier="memory"}"#;
    let bypass = r#"cache{http.route="products" cache.key="" cache.outcome="bypass" cache.reason="range"}"#;
    let expected = [miss, hit, bypass].map(|span| format!("DEBUG {span}: larder: answered"));
    assert_eq!(journal.of_cache(), expected);
}

#[tokio::test]
async fn a_handler_runs_in_the_span_of_its_fill() {
    let (journal, _guard) = Journal::listen(Level::DEBUG);
    logging().get("/1").await;
    let ran: Vec<_> = journal.lines().into_iter().filter(|line| line.contains("the handler runs")).collect();
    let spans = r#"cache{http.route="products" cache.key="u|http||/1"}:fill{cache.key="u|http||/1" cache.reason="never-stored"}"#;
    assert_eq!(ran.len(), 1);
    assert!(ran[0].contains(spans), "{ran:?}");
}

/// Records the links between spans, by their names.
#[derive(Clone, Default)]
struct Links(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Links {
    fn on_follows_from(&self, span: &Id, follows: &Id, context: Context<'_, S>) {
        let name = |id| context.span(id).map_or("gone", |span| span.name());
        self.0.lock().unwrap().push(format!("{} follows from {}", name(span), name(follows)));
    }
}

#[tokio::test]
async fn a_collapsed_request_is_linked_to_its_fill() {
    let_threads_decide();
    let links = Links::default();
    let _guard = tracing_subscriber::registry().with(links.clone()).set_default();
    let gate = Gate::new();
    let held = gate.clone();
    let shop = Shop::new(named(), move |_| Answer::ok("hello").held_at(&held));
    let (first, second) = (shop.service.clone(), shop.service.clone());
    let (first, second) = (tokio::spawn(first.oneshot(get("/1"))), tokio::spawn(second.oneshot(get("/1"))));
    gate.arrived(1).await;
    gate.open();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(shop.cache.stats().collapsed, 1);
    assert_eq!(*links.0.lock().unwrap(), ["cache follows from fill"]);
}

/// Before, the event came before the handler.
#[tokio::test]
async fn the_event_of_a_write_comes_after_its_handler() {
    let (journal, _guard) = Journal::listen(Level::DEBUG);
    let shop = logging();
    shop.send(method(Method::PUT, "/1")).await;
    let lines = journal.lines();
    let position = |text: &str| lines.iter().position(|line| line.contains(text)).expect("it is logged");
    assert!(position("the handler runs") < position("answered"), "{lines:#?}");
}

#[tokio::test]
async fn where_nobody_listens_to_its_span_a_handler_keeps_that_of_its_request() {
    let (journal, _guard) = Journal::listen(Level::INFO);
    let shop = logging();
    let span = tracing::info_span!("request", id = 7);
    shop.get("/1").instrument(span).await;
    let lines = journal.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("request{id=7}: "), "{lines:?}");
}

/// The clocks of instances differ, and then so do the ages that they see.
#[tokio::test]
async fn a_clock_that_differs_from_that_of_the_store_is_logged_once() {
    let at = |seconds| ManualClock::new().wall().saturating_add(Duration::from_secs(seconds));
    let (ahead, behind) = ("ahead_ms=3000 behind_ms=0", "ahead_ms=0 behind_ms=3000");
    for (own, of_store, expected) in [
        (at(0), at(2), None),
        (at(2), at(0), None),
        (at(3), at(0), Some(ahead)),
        (at(0), at(3), Some(behind)),
    ] {
        let (journal, _guard) = Journal::listen(Level::WARN);
        let store = MemoryStore::default();
        store.set_clock(of_store);
        let options = Cache::builder().shared_store(store.clone());
        let clock = ManualClock::new();
        clock.set_wall(own);
        let _shop =
            Shop::clocked(options, clock.clone(), MachineClock(clock), named(), |_| Answer::ok("hello"));
        store.looked().await;
        store.looked().await;
        let lines: Vec<_> =
            journal.lines().into_iter().filter(|line| line.contains("clock differs")).collect();
        assert_eq!(lines.len(), usize::from(expected.is_some()), "{lines:?}");
        assert!(lines.iter().all(|line| line.ends_with(expected.unwrap())), "{lines:?}");
    }
}

/// Each instance logs a change of the switches of all, with the name of its operator.
#[tokio::test(start_paused = true)]
async fn each_instance_logs_who_has_changed_the_switches_of_all() {
    let (journal, _guard) = Journal::listen(Level::WARN);
    let store = MemoryStore::default();
    let start = || Shop::of(Cache::builder().shared_store(store.clone()), named(), |_| Answer::ok("hello"));
    let (here, elsewhere) = (start(), start());
    let scope = SwitchScope::route("products");
    here.cache.bypass_fleet(scope.clone(), MINUTE, "ann").await.unwrap();
    eventually("it is followed", || elsewhere.cache.switches().len() == 1).await;
    let line = r#"WARN larder: cache switched off scope=route products reach="fleet" seconds=60 who="ann""#;
    assert_eq!(journal.lines(), [line; 2]);
    here.cache.resume_fleet(&scope, "bob").await.unwrap();
    eventually("it is followed", || elsewhere.cache.switches().is_empty()).await;
    let line = r#"WARN larder: cache switched on scope=route products reach="fleet" set_by="ann" who="bob""#;
    assert_eq!(journal.lines(), [line; 2]);
}

#[tokio::test]
async fn a_healthy_cache_logs_its_first_connection_and_nothing_else_above_debug() {
    let (journal, _guard) = Journal::listen(Level::INFO);
    let store = MemoryStore::default();
    let options = Cache::builder().shared_store(store.clone());
    let shop = Shop::of(options, named(), |_| Answer::ok("hello"));
    store.looked().await;
    assert_eq!(journal.lines(), ["INFO larder: shared store connected"]);
    for _ in 0..3 {
        shop.get("/1").await;
        shop.clock.advance(MINUTE / 2);
    }
    store.looked().await;
    assert_eq!(journal.lines(), Vec::<String>::new());
}

/// Reads, writes, polls and appends all fail. They are reported as one problem.
#[tokio::test]
async fn store_trouble_is_logged_when_it_begins_and_when_it_ends() {
    let (journal, _guard) = Journal::listen(Level::INFO);
    let store = MemoryStore::default();
    let options = Cache::builder().shared_store(store.clone());
    let shop = Shop::of(options, named(), |_| Answer::ok("hello"));
    store.looked().await;
    assert_eq!(journal.lines(), ["INFO larder: shared store connected"]);

    store.fail(StoreErrorKind::Unreachable);
    let before = shop.cache.stats().store_errors;
    for id in 0..5 {
        shop.get(&format!("/{id}")).await;
    }
    eventually("everything fails", || shop.cache.stats().store_errors > before + 5).await;
    let began = journal.lines();
    assert_eq!(began.len(), 1, "{began:?}");
    assert!(began[0].starts_with("WARN larder: shared store failing"), "{began:?}");
    assert!(began[0].contains("error=unreachable: as the test wants it"), "{began:?}");

    store.heal();
    store.looked().await;
    assert_eq!(journal.lines(), Vec::<String>::new(), "not at the first sign of life");
    shop.clock.advance(Duration::from_secs(1));
    store.looked().await;
    assert_eq!(journal.lines(), ["INFO larder: shared store working again"]);
    shop.send(get("/1")).await;
    store.looked().await;
    assert_eq!(journal.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_store_that_is_still_connecting_is_no_trouble() {
    let (journal, _guard) = Journal::listen(Level::INFO);
    let store = MemoryStore::default();
    store.fail(StoreErrorKind::Unreachable);
    let options = Cache::builder().shared_store(store.clone());
    let shop = Shop::of(options, named(), |_| Answer::ok("hello"));
    eventually("it is tried", || shop.cache.stats().store_errors > 1).await;
    store.heal();
    store.looked().await;
    assert_eq!(journal.lines(), ["INFO larder: shared store connected"]);
}

/// Requests need no announcements, so this is no trouble with the store.
#[tokio::test(start_paused = true)]
async fn a_refused_announcement_is_logged_once() {
    let (journal, _guard) = Journal::listen(Level::INFO);
    let store = MemoryStore::default();
    store.refuse_announcements();
    let options = Cache::builder().shared_store(store.clone());
    let shop = Shop::of(options, named(), |_| Answer::ok("hello"));
    eventually("it is refused again and again", || store.refuse_announcements() > 2).await;
    assert_eq!(
        journal.lines(),
        [
            "INFO larder: shared store connected",
            "WARN larder: instance not listed, the shared store refuses it error=refused: NOPERM",
        ]
    );
    assert_eq!(shop.cache.health().store, StoreState::Working);
    assert!(shop.cache.stats().store_errors > 2);
}
