use larder_core::invalidation::last_appends::LastAppends;
use larder_core::invalidation::log_page::Cursor;
use larder_core::invalidation::position::{LogId, Position, Watermark};
use larder_core::invalidation::selector::Event;
use larder_core::lease::{Claim, ClaimReply, Holder, LeaseId, Leases, Release};
use larder_core::store::InvalidationLog;
use larder_core::stored::wire;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn position(store: &MemoryStore, log: u64) -> Position {
    let watermark = Watermark { log: LogId::new(log, 0), local: 0 };
    Position { incarnation: lock(&store.state).log.incarnation(), watermark }
}

/// Returns the smallest value of this position.
fn value(store: &MemoryStore, log: u64) -> Bytes {
    wire::encode_variants(&[], "key", &position(store, log))
}

fn id(byte: u8) -> LeaseId {
    LeaseId::from_bytes([byte; 16])
}

fn claim(store: &MemoryStore, by: u8, awaiting: Option<u8>) -> Claim<'static> {
    Claim {
        address: "key",
        holder: Holder { id: id(by), position: position(store, 0) },
        ttl: Duration::from_secs(1),
        known_fingerprint: None,
        awaiting: awaiting.map(id),
        take_over: false,
        may_retry_later: false,
    }
}

#[tokio::test(start_paused = true)]
async fn a_lower_position_replaces_nothing_of_its_incarnation() {
    let store = MemoryStore::new();
    let (low, high) = (value(&store, 1), value(&store, 2));
    for (bytes, stored) in [(&high, &high), (&low, &high)] {
        store.set("key", bytes.clone(), MINUTE).await.unwrap();
        assert_eq!(store.get("key").await.unwrap().as_ref(), Some(stored));
    }
    store.restart();
    let fresh = value(&store, 1);
    store.set("key", fresh.clone(), MINUTE).await.unwrap();
    assert_eq!(store.clone().get("key").await.unwrap(), Some(fresh));
    tokio::time::advance(MINUTE).await;
    assert!(store.is_empty(), "it has expired");
}

#[tokio::test(start_paused = true)]
async fn many_values_come_in_the_order_of_their_keys() {
    let store = MemoryStore::new();
    for (key, log) in [("a", 1), ("b", 2)] {
        store.set(key, value(&store, log), MINUTE).await.unwrap();
    }
    let values = store.get_many(&["b", "c", "a", "b"]).await.unwrap();
    let [a, b] = [1, 2].map(|log| Some(value(&store, log)));
    assert_eq!(values, [b.clone(), None, a, b]);
    let too_many = vec!["a"; MAX_KEYS + 1];
    assert_eq!(store.get_many(&too_many).await.unwrap_err().kind(), StoreErrorKind::Refused);
    store.fail(StoreErrorKind::Timeout);
    assert_eq!(store.get_many(&["a"]).await.unwrap_err().kind(), StoreErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_lease_has_one_holder_until_it_is_released_or_expires() {
    let store = MemoryStore::new();
    assert_eq!(store.claim(claim(&store, 1, None)).await.unwrap(), ClaimReply::Acquired);
    let first = claim(&store, 1, None).holder;
    assert_eq!(store.claim(claim(&store, 2, None)).await.unwrap(), ClaimReply::HeldBy(first));
    assert!(!store.extend("key", id(2), MINUTE).await.unwrap());
    assert!(store.extend("key", id(1), MINUTE).await.unwrap());
    tokio::time::advance(MINUTE / 2).await;
    assert_eq!(store.claim(claim(&store, 2, Some(1))).await.unwrap(), ClaimReply::HeldBy(first));

    let result = Bytes::from_static(b"result");
    store.release("key", id(1), Release::WithResult(result.clone(), MINUTE)).await.unwrap();
    assert_eq!(store.claim(claim(&store, 2, Some(1))).await.unwrap(), ClaimReply::Finished(result));
    assert_eq!(store.claim(claim(&store, 3, None)).await.unwrap(), ClaimReply::Acquired);
    store.release("key", id(3), Release::Uncacheable(MINUTE)).await.unwrap();
    assert_eq!(store.claim(claim(&store, 2, None)).await.unwrap(), ClaimReply::Uncacheable);
    tokio::time::advance(MINUTE).await;
    assert_eq!(store.claim(claim(&store, 2, None)).await.unwrap(), ClaimReply::Acquired);
    let taken_over = Claim { take_over: true, ..claim(&store, 4, Some(2)) };
    assert_eq!(store.claim(taken_over).await.unwrap(), ClaimReply::Acquired);

    let stored = value(&store, 1);
    store.set_and_release("key", stored.clone(), MINUTE, "key", id(4)).await.unwrap();
    assert_eq!(store.claim(claim(&store, 5, None)).await.unwrap(), ClaimReply::Stored(stored.clone()));
    let known = Claim { known_fingerprint: wire::fingerprint(&stored), ..claim(&store, 5, None) };
    assert_eq!(store.claim(known).await.unwrap(), ClaimReply::Acquired);
}

#[tokio::test(start_paused = true)]
async fn the_log_wakes_its_readers_and_begins_again_after_a_restart() {
    let store = MemoryStore::new();
    let incarnation = position(&store, 0).incarnation;
    let cursor = Cursor {
        incarnation,
        after: LogId::ZERO,
        broken: false,
        capacity: 100,
        replaying: true,
        appends: LastAppends::default(),
    };
    let (woken, appended) =
        tokio::join!(store.wait_for_news(cursor, MINUTE), store.append(&[Event::EVERYTHING]));
    woken.unwrap();
    assert_eq!(appended.unwrap(), (incarnation, LogId::new(1, 0)));
    let page = store.poll(cursor).await.unwrap();
    assert_eq!(page.entries, [(LogId::new(1, 0), vec![Event::EVERYTHING])]);
    assert_eq!(store.poll(Cursor { after: page.last, ..cursor }).await.unwrap().entries, []);

    store.restart();
    let page = store.poll(Cursor { after: page.last, ..cursor }).await.unwrap();
    assert_ne!(page.incarnation, incarnation);
    assert_eq!((page.last, page.entries), (LogId::ZERO, vec![]));
}

#[tokio::test]
async fn it_fails_on_demand() {
    let store = MemoryStore::new();
    store.fail(StoreErrorKind::Unreachable);
    assert_eq!(store.get("key").await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    assert!(store.append(&[]).await.is_err());
    assert!(store.claim(claim(&store, 1, None)).await.is_err());
    store.heal();
    assert!(store.get("key").await.is_ok());
}
