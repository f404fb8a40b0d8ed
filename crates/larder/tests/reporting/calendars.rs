//! Instances whose calendars differ. The calendar of the shared store counts.

use std::time::{Duration, SystemTime};

use larder::advice::AdviceKind;
use larder::fleet::Fleet;
use larder::time::{BootTime, Clock, WallTime};
use larder::{Cache, Policy, SwitchScope};
use larder_testing::{Answer, Gate, ManualClock};
use tower::ServiceExt as _;

use crate::shop::{Shop, eventually, get};
use crate::store::MemoryStore;

const MINUTE: Duration = Duration::from_secs(60);
const HALF: Duration = Duration::from_secs(30);

/// A clock that tests move, with a calendar like that of a machine.
#[derive(Clone)]
pub(crate) struct MachineClock(pub(crate) ManualClock);

impl Clock for MachineClock {
    fn wall(&self) -> WallTime {
        self.0.wall()
    }

    fn boot(&self) -> BootTime {
        self.0.boot()
    }
}

/// Returns the date of the store, and a date of an instance.
fn dates(behind: bool) -> (WallTime, WallTime) {
    let (early, late) = (ManualClock::new().wall(), ManualClock::new().wall().saturating_add(MINUTE * 10));
    if behind { (late, early) } else { (early, late) }
}

fn shop(store: &MemoryStore, wall: WallTime) -> Shop {
    shop_answering(store, wall, || Answer::ok("hello"))
}

fn shop_answering(
    store: &MemoryStore,
    wall: WallTime,
    answer: impl Fn() -> Answer + Send + Sync + 'static,
) -> Shop {
    let clock = ManualClock::new();
    clock.set_wall(wall);
    let options = Cache::builder().shared_store(store.clone());
    let policy = Policy::ttl(MINUTE).jitter(0.0);
    Shop::clocked(options, clock.clone(), MachineClock(clock), policy, move |_| answer())
}

/// A store with the right time, and the times of a writer and of a reader. One of them is wrong.
struct Case {
    name: String,
    store: MemoryStore,
    right: WallTime,
    clocks: [WallTime; 2],
}

/// Returns all cases: which of the two is wrong, and in which direction.
fn cases() -> impl Iterator<Item = Case> {
    let all = [(true, true), (true, false), (false, true), (false, false)];
    all.into_iter().map(|(writer_is_off, behind)| {
        let (right, wrong) = dates(behind);
        let store = MemoryStore::default();
        store.set_clock(right);
        let clocks = if writer_is_off { [wrong, right] } else { [right, wrong] };
        Case { name: format!("writer is off: {writer_is_off}, behind: {behind}"), store, right, clocks }
    })
}

/// Waits until both instances have polled the log.
async fn read_the_log(store: &MemoryStore) {
    for _ in 0..4 {
        store.looked().await;
    }
}

/// Without the store's calendar, the response would be fresh for ten minutes more, or never.
#[tokio::test]
async fn the_age_of_a_shared_response_does_not_depend_on_the_clocks_of_its_writer_and_reader() {
    for Case { name: case, store, right, clocks: [writer, reader] } in cases() {
        let (writer, reader) = (shop(&store, writer), shop(&store, reader));
        read_the_log(&store).await;
        writer.get("/").await;
        store.has_response().await;
        store.set_clock(right.saturating_add(HALF));
        for shop in [&writer, &reader] {
            shop.clock.advance(HALF);
        }
        read_the_log(&store).await;
        let answer = reader.get("/").await;
        assert_eq!(answer.headers()["x-cache"], "HIT", "{case}");
        assert_eq!(answer.headers()["age"], "30", "{case}");
        store.set_clock(right.saturating_add(MINUTE));
        reader.clock.advance(HALF);
        read_the_log(&store).await;
        let status = reader.get("/").await.headers()["cache-status"].to_str().unwrap().to_owned();
        assert!(status.contains("fwd=stale"), "{case}: {status}");
    }
}

/// A failure is only for requests that came before it. Without the store's calendar, an instance
/// takes one that has just happened for an earlier one.
#[tokio::test]
async fn a_failure_is_shared_whatever_the_clocks_of_its_writer_and_reader_say() {
    for (writer_is_off, behind) in [(true, true), (true, false), (false, true), (false, false)] {
        let case = format!("writer is off: {writer_is_off}, behind: {behind}");
        let (right, wrong) = dates(behind);
        let (store, gate) = (MemoryStore::default(), Gate::new());
        store.set_clock(right);
        let [writer, reader] = if writer_is_off { [wrong, right] } else { [right, wrong] }.map(|wall| {
            let gate = gate.clone();
            let failure = Answer::status(http::StatusCode::SERVICE_UNAVAILABLE);
            shop_answering(&store, wall, move || failure.clone().held_at(&gate))
        });
        read_the_log(&store).await;
        let filling = tokio::spawn(writer.service.clone().oneshot(get("/")));
        gate.arrived(1).await;
        let waiting = tokio::spawn(reader.service.clone().oneshot(get("/")));
        eventually("the reader waits", || reader.cache.stats().leases_awaited == 1).await;
        // So short that both still trust the log, and that no calendar seems to differ more.
        for shop in [&writer, &reader] {
            shop.clock.advance(Duration::from_millis(900));
        }
        gate.open();
        for task in [filling, waiting] {
            assert_eq!(task.await.unwrap().unwrap().status(), 503, "{case}");
        }
        assert_eq!(writer.origin.calls() + reader.origin.calls(), 1, "{case}");
    }
}

/// Advice shows by how much, whichever of the two clocks is ahead.
#[tokio::test]
async fn clocks_that_differ_by_more_than_two_seconds_are_advised_about() {
    let at = |seconds| ManualClock::new().wall().saturating_add(Duration::from_secs(seconds));
    for (own, of_store, expected) in
        [(0, 2, None), (2, 0, None), (0, 3, Some(3.0)), (3, 0, Some(3.0)), (600, 0, Some(600.0))]
    {
        let store = MemoryStore::default();
        store.set_clock(at(of_store));
        let shop = shop(&store, at(own));
        read_the_log(&store).await;
        let advice = shop.cache.advice().await;
        let found = advice.iter().find(|one| one.kind == AdviceKind::ClocksDiffer);
        assert_eq!(found.map(|one| one.evidence["difference_seconds"]), expected, "{own} {of_store}");
    }
}

/// Checks that a switch of a minute, which was set now, ends in a minute on this instance.
async fn ends_in_a_minute(store: &MemoryStore, right: WallTime, shop: &Shop, case: &str) {
    eventually("the switch is known", || !shop.cache.switches().is_empty()).await;
    let own = SystemTime::from(shop.clock.wall());
    assert_eq!(shop.cache.switches()[0].until.duration_since(own).unwrap(), MINUTE, "{case}");
    assert_eq!(shop.cache.switches()[0].since, own, "{case}");
    store.set_clock(right.saturating_add(MINUTE));
    shop.clock.advance(MINUTE - Duration::from_secs(1));
    assert_eq!(shop.cache.switches().len(), 1, "{case}");
    shop.clock.advance(Duration::from_secs(1));
    assert_eq!(shop.cache.switches(), [], "{case}");
    store.set_clock(right);
}

/// The record has the dates of the store, whose time an instance knows from its first poll.
#[tokio::test(start_paused = true)]
async fn a_switch_ends_at_one_moment_whatever_the_clocks_of_its_writer_and_reader_say() {
    for Case { name: case, store, right, clocks: [writer, reader] } in cases() {
        let writer = shop(&store, writer);
        writer.cache.bypass_fleet(SwitchScope::All, MINUTE, "ann").await.unwrap();
        ends_in_a_minute(&store, right, &shop(&store, reader), &case).await;
    }
}

/// An operator's handle asks for the time of the store first.
#[tokio::test(start_paused = true)]
async fn a_switch_ends_at_one_moment_whatever_the_clock_of_the_operator_says() {
    let (right, wrong) = dates(true);
    let store = MemoryStore::default();
    store.set_clock(right);
    let fleet = Fleet::new(store.clone());
    fleet.bypass(SwitchScope::All, MINUTE, "ann").await.unwrap();
    ends_in_a_minute(&store, right, &shop(&store, wrong), "an operator").await;
    let shown = fleet.switches().await.unwrap();
    let left = shown[0].until.duration_since(SystemTime::now()).unwrap();
    assert!(left <= MINUTE && left > HALF, "{left:?}");
}
