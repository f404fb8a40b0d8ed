//! Pushes that also append the events of their keys, and poll the log.

use std::future::Future as _;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::{Event, Mode, Selector};
use larder_core::store::{InvalidationLog, StoreErrorKind};
use larder_core::time::BootTime;
use larder_core::write_queue::{
    LogFollower, LoggedEvent, LoggedPush, PartitionId, PollStart, PushError, PushWrite, Pushed, PushedPage,
    QueueLimits, WriteQueue,
};
use larder_redis::RedisStore;
use larder_testing::RedisServer;

use crate::helpers::{UNLIMITED, name, pending, push, queued, read_all, value, write};
use crate::support::{EVENTS, RECORD, after, event, joined, patient, start, store};

const SENT: BootTime = BootTime::from_nanos(5);
const ANSWERED: BootTime = BootTime::from_nanos(9);

/// A follower that remembers what it gets.
struct Recorder {
    cursor: Mutex<Cursor>,
    got: Mutex<Vec<(LogId, Option<LogPage>)>>,
}

impl Recorder {
    fn at(cursor: Cursor) -> Arc<Self> {
        Arc::new(Self { cursor: Mutex::new(cursor), got: Mutex::default() })
    }

    fn take(&self) -> Vec<(LogId, Option<LogPage>)> {
        std::mem::take(&mut self.got.lock().unwrap())
    }

    /// Returns the one page that it got.
    fn page(&self) -> LogPage {
        let [(_, Some(page))] = &self.take()[..] else { panic!("not one page") };
        page.clone()
    }
}

impl LogFollower for Recorder {
    fn begin_poll(&self) -> PollStart {
        PollStart { cursor: *self.cursor.lock().unwrap(), sent: SENT }
    }

    fn appended(&self, incarnation: Incarnation, id: LogId, page: Option<PushedPage>) -> Appended {
        if let Some(PushedPage { start, page }) = &page {
            assert_eq!(start.sent, SENT);
            *self.cursor.lock().unwrap() = after(page);
        }
        self.got.lock().unwrap().push((id, page.map(|pushed| pushed.page)));
        Appended { incarnation, id, answered: ANSWERED }
    }
}

/// Returns a store, and a follower that has read its log to the end.
async fn follower(server: &RedisServer) -> (RedisStore, Arc<Recorder>) {
    let store = store(server).await;
    push(&store, "warm", value("up")).await;
    let page = store.poll(start()).await.unwrap();
    (store, Recorder::at(after(&page)))
}

async fn push_logged(store: &RedisStore, follower: &Arc<Recorder>, write: PushWrite<'_>) -> LoggedPush {
    let follower: Arc<dyn LogFollower> = Arc::clone(follower) as _;
    store.push_logged(write, &follower).await.unwrap()
}

/// Pushes all of these at the same moment: the first one alone, and the others as one batch.
async fn push_all(
    store: &RedisStore,
    writes: Vec<(PushWrite<'_>, Arc<Recorder>)>,
) -> Vec<Result<LoggedPush, PushError>> {
    let mut pushing = Vec::new();
    for (write, follower) in writes {
        let follower: Arc<dyn LogFollower> = follower;
        let mut push = Box::pin(async move { store.push_logged(write, &follower).await });
        assert!(push.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        pushing.push(push);
    }
    let mut results = Vec::new();
    for push in pushing {
        results.push(push.await);
    }
    results
}

fn key_event(key: &str) -> Event {
    Event { mode: Mode::Hard, selector: Selector::Key(key.into()) }
}

/// Returns all entries of the log.
async fn entries(store: &RedisStore) -> Vec<(LogId, Vec<Event>)> {
    store.poll(start()).await.unwrap().entries
}

#[tokio::test]
async fn a_push_appends_the_event_of_its_key_and_returns_the_page_of_a_poll() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    assert_eq!(WriteQueue::store_id(&store), InvalidationLog::store_id(&store));
    let LoggedPush { pushed, event } = push_logged(&store, &follower, write("a b", value("1"))).await;
    queued(pushed);
    let LoggedEvent { appended, has_rival } = event.unwrap();
    assert!(!has_rival && appended.answered == ANSWERED);
    let (page, polled) = (follower.page(), store.poll(start()).await.unwrap());
    assert_eq!(page.entries, [(appended.id, vec![key_event("a b")])]);
    assert_eq!((page.incarnation, page.last), (appended.incarnation, appended.id));
    assert_eq!((polled.incarnation, polled.last, polled.floor), (page.incarnation, page.last, page.floor));
    assert_eq!(polled.entries[1..], page.entries);
    assert!(!page.more && !page.is_busy);
    assert_eq!(pending(&store, "a b").await.unwrap(), "1");
}

/// The script does not return the entry of its own writes. The page has it nevertheless.
#[tokio::test]
async fn the_writes_of_a_batch_share_an_entry_and_the_page_shows_it_as_it_is() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    let before = entries(&store).await.len();
    let keys: Vec<String> = (0..50).map(|number| format!("k{number}")).collect();
    let writes = keys.iter().map(|key| (write(key, value("1")), Arc::clone(&follower))).collect();
    let results = push_all(&store, writes).await;
    assert!(results.iter().all(|result| matches!(
        result,
        Ok(LoggedPush { pushed: Pushed::Queued(_), event: Some(LoggedEvent { has_rival: false, .. }) })
    )));
    let entries = entries(&store).await.split_off(before);
    assert!(entries.len() <= 4, "{} entries", entries.len());
    let pages: Vec<_> = follower.take().into_iter().flat_map(|(_, page)| page.unwrap().entries).collect();
    assert_eq!(pages, entries);
    let named: Vec<Event> = entries.into_iter().flat_map(|(_, events)| events).collect();
    assert_eq!(named, keys.iter().map(|key| key_event(key)).collect::<Vec<_>>());
    for (key, result) in keys.iter().zip(results) {
        let at = result.unwrap().event.unwrap().appended.id;
        let (_, events) = pages.iter().find(|(id, _)| *id == at).unwrap();
        assert!(events.contains(&key_event(key)));
    }
}

#[tokio::test]
async fn two_writes_of_one_key_in_one_entry_are_rivals() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    let keys = ["first", "a", "b", "a"].map(|key| (write(key, value("1")), Arc::clone(&follower)));
    let results = push_all(&store, keys.into()).await;
    let events: Vec<_> = results.into_iter().map(|result| result.unwrap().event.unwrap()).collect();
    assert_eq!(events[1].appended.id, events[3].appended.id, "one batch");
    assert_eq!(events.iter().map(|event| event.has_rival).collect::<Vec<_>>(), [false, true, false, true]);
}

#[tokio::test]
async fn only_writes_that_are_queued_have_an_event() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    let known = write("known", value("0"));
    store.push(known.clone()).await.unwrap();
    let limits = QueueLimits { entries: 3, bytes: UNLIMITED.bytes };
    let limited = |key| PushWrite { limits, ..write(key, value("1")) };
    let known = PushWrite { limits, ..known };
    let writes = [limited("first"), known, limited("full"), limited("first")];
    let results = push_all(&store, writes.map(|write| (write, Arc::clone(&follower))).into()).await;
    let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert!(results[0].event.is_some() && results[3].event.is_some());
    assert!(matches!(results[1], LoggedPush { pushed: Pushed::Duplicate(_), event: None }));
    assert!(matches!(results[2], LoggedPush { pushed: Pushed::Full, event: None }));
    assert!(!results[3].event.unwrap().has_rival, "the other one has another entry");
    let named: Vec<_> = entries(&store).await.into_iter().flat_map(|(_, events)| events).collect();
    assert_eq!(named, [key_event("first"), key_event("first")]);
}

#[tokio::test]
async fn the_page_has_the_events_of_others_before_its_own() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    let (_, first) = store.append(&[event("x"), event("y")]).await.unwrap();
    let (_, second) = store.append(&[event("z")]).await.unwrap();
    let own = push_logged(&store, &follower, write("a", value("1"))).await.event.unwrap().appended.id;
    let expected =
        [(first, vec![event("x"), event("y")]), (second, vec![event("z")]), (own, vec![key_event("a")])];
    assert_eq!(follower.page().entries, expected);
}

/// If entries are left, the next poll has to bring them, and the own entry after them.
#[tokio::test]
async fn a_page_that_is_full_does_not_have_its_own_entry() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    for _ in 0..600 {
        store.append(&[event("x")]).await.unwrap();
    }
    let own = push_logged(&store, &follower, write("a", value("1"))).await.event.unwrap().appended.id;
    let page = follower.page();
    assert!(page.more && page.last == own);
    assert!(page.entries.iter().all(|(id, events)| *id < own && *events == [event("x")]));
}

/// Only an ordinary poll returns the facts that such a follower needs.
#[tokio::test]
async fn a_follower_that_has_not_read_the_log_gets_no_page() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    let known = *follower.cursor.lock().unwrap();
    let other = Incarnation::from_bytes([7; 16]);
    for cursor in [
        Cursor { replaying: true, ..known },
        Cursor { broken: true, ..known },
        Cursor { incarnation: other, ..known },
    ] {
        let follower = Recorder::at(cursor);
        let event = push_logged(&store, &follower, write("a", value("1"))).await.event.unwrap();
        assert_eq!(event.appended.incarnation, known.incarnation);
        assert_eq!(follower.take(), [(event.appended.id, None)]);
    }
}

#[tokio::test]
async fn a_lost_log_begins_with_the_event() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    let known = follower.cursor.lock().unwrap().incarnation;
    server.command(&["DEL", EVENTS]).await.unwrap();
    let event = push_logged(&store, &follower, write("a", value("1"))).await.event.unwrap();
    assert_ne!(event.appended.incarnation, known);
    assert_eq!(follower.take(), [(event.appended.id, None)]);
    let page = store.poll(start()).await.unwrap();
    assert_eq!(page.incarnation, event.appended.incarnation);
    assert_eq!(page.entries[1..], [(event.appended.id, vec![key_event("a")])]);
}

/// The write is queued before that. So its caller has to append the event.
#[tokio::test]
async fn if_the_log_fails_the_write_is_queued_without_an_event() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    let record = server.command(&["GET", RECORD]).await.unwrap();
    let incarnation = record.as_str().unwrap().split(' ').next().unwrap().to_owned();
    server.command(&["DEL", EVENTS]).await.unwrap();
    // No id is left after this one.
    let last = format!("{}-{}", u64::MAX, u64::MAX);
    server.command(&["XADD", EVENTS, &last, "i", &incarnation]).await.unwrap();
    let LoggedPush { pushed, event } = push_logged(&store, &follower, write("a", value("1"))).await;
    queued(pushed);
    assert_eq!(event, None);
    assert!(follower.take().is_empty());
    assert_eq!(pending(&store, "a").await.unwrap(), "1");
}

/// If the push fails, there is no event that would say that it did not.
#[tokio::test]
async fn a_push_that_fails_has_no_event() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    server.command(&["DEL", &name("ids")]).await.unwrap();
    server.command(&["SET", &name("ids"), "no sorted set"]).await.unwrap();
    let before = entries(&store).await;
    let shared: Arc<dyn LogFollower> = Arc::clone(&follower) as _;
    let error = store.push_logged(write("a", value("1")), &shared).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert_eq!(entries(&store).await, before);
    assert!(follower.take().is_empty());
}

/// An entry has room for the keys of a batch, if they are not too long.
#[tokio::test]
async fn the_event_of_a_long_key_is_left_to_the_caller() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    let key = "k".repeat(257);
    let LoggedPush { pushed, event } = push_logged(&store, &follower, write(&key, value("1"))).await;
    queued(pushed);
    assert_eq!(event, None);
    assert!(push_logged(&store, &follower, write(&key[1..], value("1"))).await.event.is_some());
}

/// Two caches may share a store. The page belongs to the cursor of one of them.
#[tokio::test]
async fn of_several_followers_one_gets_the_page() {
    let server = RedisServer::start().await.unwrap();
    let (store, one) = follower(&server).await;
    let other = Recorder::at(*one.cursor.lock().unwrap());
    let writes = [("first", &one), ("a", &one), ("b", &other), ("c", &one)];
    let writes = writes.map(|(key, follower)| (write(key, value("1")), Arc::clone(follower)));
    let results = push_all(&store, writes.into()).await;
    let ids: Vec<_> = results.into_iter().map(|result| result.unwrap().event.unwrap().appended.id).collect();
    assert!(ids[1] == ids[2] && ids[2] == ids[3], "one batch");
    assert_eq!(other.take(), [(ids[1], None)]);
    let pages = one.take();
    assert!(pages.len() == 2 && pages.iter().all(|(_, page)| page.is_some()));
}

/// Then the log has a connection of its own, and an event counts only with the replicas.
#[tokio::test]
async fn where_replicas_have_to_acknowledge_the_log_no_push_appends() {
    let server = RedisServer::start().await.unwrap();
    let settings = patient(&server.url()).wait_for_replicas(1, Duration::from_millis(50));
    let store = joined(settings).await;
    assert_eq!((WriteQueue::store_id(&store), InvalidationLog::store_id(&store)), (None, None));
    let follower = Recorder::at(start());
    let LoggedPush { pushed, event } = push_logged(&store, &follower, write("a", value("1"))).await;
    queued(pushed);
    assert_eq!(event, None);
}

/// All partitions of all collections share a batch, and its entry.
#[tokio::test]
async fn the_partitions_share_an_entry() {
    let server = RedisServer::start().await.unwrap();
    let (store, follower) = follower(&server).await;
    let partition = |number| PartitionId { collection: "user", number, count: 4 };
    let keys = ["first", "a", "b", "c", "d"];
    let writes = keys.iter().zip([0, 0, 1, 2, 3]).map(|(key, number)| {
        (PushWrite { partition: partition(number), ..write(key, value("1")) }, Arc::clone(&follower))
    });
    let results = push_all(&store, writes.collect()).await;
    let mut ids: Vec<_> =
        results.into_iter().map(|result| result.unwrap().event.unwrap().appended.id).collect();
    ids.dedup();
    // A partition that is new needs a second exchange.
    assert!(ids.len() <= 3, "{ids:?}");
    let named: Vec<_> = entries(&store).await.into_iter().flat_map(|(_, events)| events).collect();
    assert_eq!(named.len(), keys.len());
    assert!(read_all(&store).await.len() == 1, "the one that was there before");
}
