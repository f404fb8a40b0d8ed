//! The forms of values in the shared store, and values that have none.

use std::collections::HashMap;
use std::time::Duration;

use larder::Cache;
use larder::values::{Cached, Codec, CodecError, Json, Values};
use larder_testing::MemoryStore;
use larder_tests::http::soon;
use serde::{Deserialize, Serialize};

use crate::support::{Database, builder, get, misses, names, over, spawn_get};

async fn is_stored(store: &MemoryStore) {
    soon("it is stored", async {
        while store.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Price {
    Free,
    Cents { amount: u64, currency: String },
}

#[tokio::test]
async fn any_type_of_serde_survives_the_store() {
    let store = MemoryStore::new();
    let (a, b) = (over(&store).await, over(&store).await);
    let prices = |cache: &Cache| cache.values::<(u32, String), Price>("price").build().unwrap();
    let key = (7, "EU|{1}".to_owned());
    let price = || Price::Cents { amount: 150, currency: "€".into() };
    prices(&a).get_or_load(&key, async || Ok::<_, ()>(price())).await.unwrap();
    is_stored(&store).await;
    assert_eq!(*prices(&b).get(&key).await.into_value().unwrap(), price());
    assert_eq!(prices(&b).get(&(7, "EU".to_owned())).await, Cached::Nothing);
    assert_ne!(price(), Price::Free);
}

/// During a deploy, instances of two schemas share a store.
#[tokio::test]
async fn a_value_of_another_schema_or_codec_is_a_miss() {
    /// Names as plain text.
    struct Plain;

    impl Codec<String> for Plain {
        const FORMAT: u8 = 64;

        fn encode(&self, value: &String) -> Result<Vec<u8>, CodecError> {
            Ok(value.clone().into_bytes())
        }

        fn decode(&self, bytes: &[u8]) -> Result<String, CodecError> {
            String::from_utf8(bytes.to_vec()).map_err(CodecError::new)
        }
    }

    let (store, database) = (MemoryStore::new(), Database::with(1, "Ada"));
    let caches = [over(&store).await, over(&store).await, over(&store).await];
    let old = names(&caches[0]);
    let new = builder(&caches[1]).schema(2).build().unwrap();
    let plain = builder(&caches[2]).codec(Plain).build().unwrap();
    get(&old, &database, 1).await;
    is_stored(&store).await;
    for other in [&new, &plain] {
        assert_eq!(other.get(&1).await, Cached::Nothing);
        assert_eq!(get(other, &database, 1).await.as_deref(), Some("Ada"));
        assert_eq!(misses(&other.stats()), "schema 2");
    }
    assert_eq!(database.loads(), 3);
}

/// A value that cannot be decoded is a miss, and makes room for one that can.
#[tokio::test]
async fn a_value_that_does_not_decode_is_a_miss() {
    /// Writes nothing that it could read.
    struct Broken;

    impl Codec<String> for Broken {
        const FORMAT: u8 = <Json as Codec<String>>::FORMAT;

        fn encode(&self, _: &String) -> Result<Vec<u8>, CodecError> {
            Ok(b"{".to_vec())
        }

        fn decode(&self, _: &[u8]) -> Result<String, CodecError> {
            Err(CodecError::new("on purpose"))
        }
    }

    let (store, database) = (MemoryStore::new(), Database::with(1, "Ada"));
    let (a, b) = (over(&store).await, over(&store).await);
    let broken = builder(&a).codec(Broken).build().unwrap();
    let names = names(&b);
    get(&broken, &database, 1).await;
    is_stored(&store).await;
    assert_eq!(names.get(&1).await, Cached::Nothing);
    assert_eq!(misses(&names.stats()), "unreadable 1");
    assert!(store.is_empty(), "it was removed");
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Ada"));
    is_stored(&store).await;
}

/// It is returned and kept in memory. The instance that waits for it loads at once.
#[tokio::test]
async fn a_value_that_cannot_be_encoded_stays_in_memory() {
    let store = MemoryStore::new();
    let cache = over(&store).await;
    // JSON has only texts as keys of objects.
    let maps: Values<u64, HashMap<(u8, u8), u8>> = cache.values("map").build().unwrap();
    let load = async || Ok::<_, ()>(HashMap::from([((1, 2), 3)]));
    assert_eq!(maps.get_or_load(&1, load).await.unwrap().unwrap()[&(1, 2)], 3);
    assert!(maps.get_cached(&1).is_cached());
    assert!(store.is_empty());
    let stats = maps.stats();
    assert_eq!((stats.not_shared["not-encodable"], stats.stored), (1, 1));
}

#[tokio::test]
async fn a_value_over_the_limit_stays_in_memory() {
    let (store, database) = (MemoryStore::new(), Database::with(1, "Ada"));
    database.set(2, &"x".repeat(100));
    let cache = over(&store).await;
    let names = builder(&cache).max_value_bytes(50).build().unwrap();
    get(&names, &database, 2).await;
    assert!(names.get_cached(&2).is_cached());
    assert_eq!(names.stats().not_shared["too-large"], 1);
    assert!(store.is_empty());
    get(&names, &database, 1).await;
    is_stored(&store).await;
}

/// Without a store and with a function for the weight, values need no encoding at all.
#[tokio::test]
async fn values_are_not_encoded_for_nothing() {
    let cache = Cache::default();
    let maps: Values<u64, HashMap<(u8, u8), u8>> =
        cache.values("map").weigh(|map: &HashMap<_, _>| 8 * map.len() as u64).build().unwrap();
    let load = async || Ok::<_, ()>(HashMap::from([((1, 2), 3)]));
    maps.get_or_load(&1, load).await.unwrap();
    assert!(maps.get_cached(&1).is_cached());
    assert!(maps.stats().not_shared.is_empty());
}

/// The instances that wait for a load that is not shared do not wait in turn.
#[tokio::test]
async fn instances_that_wait_for_a_value_that_is_not_shared_load_at_once() {
    let (store, database) = (MemoryStore::new(), Database::with(1, "Ada"));
    let mut caches = Vec::new();
    for _ in 0..3 {
        caches.push(over(&store).await);
    }
    let call = |cache: &Cache| {
        let names = builder(cache).max_value_bytes(1).build().unwrap();
        spawn_get(&names, &database, 1)
    };
    let first_gate = database.hold();
    let first = call(&caches[0]);
    first_gate.arrived(1).await;
    let second_gate = database.hold();
    let others = [call(&caches[1]), call(&caches[2])];
    soon("they wait for the lease", async {
        while caches.iter().map(|cache| cache.stats().leases_awaited).sum::<u64>() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    first_gate.open();
    // Both load at the same time.
    soon("both load", second_gate.arrived(2)).await;
    second_gate.open();
    first.await.unwrap();
    for other in others {
        assert_eq!(other.await.unwrap().as_deref(), Some("Ada"));
    }
    assert_eq!(database.loads(), 3);
}

/// The lifetime in the store is limited to that of the reader.
#[tokio::test]
async fn a_lower_lifetime_applies_to_values_that_are_stored_already() {
    let (store, database) = (MemoryStore::new(), Database::with(1, "Ada"));
    let (a, b) = (over(&store).await, over(&store).await);
    get(&names(&a), &database, 1).await;
    is_stored(&store).await;
    let shorter = builder(&b).ttl(Duration::from_secs(5)).build().unwrap();
    let rest = shorter.ttl_of(&1).await.unwrap();
    assert!(rest <= Duration::from_secs(5), "{rest:?}");
}
