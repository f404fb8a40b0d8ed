//! The view of operators on instances that share a store in this process, and on policies.

use std::time::Duration;

use larder::advice::AdviceKind;
use larder::fleet::Fleet;
use larder::store::{LogId, StoreErrorKind};
use larder::{Cache, InstanceState, Policy, Tag, ttl};
use larder_testing::{Answer, ManualClock, MemoryStore, Origin};
use tokio::time::advance;
use tower::Layer as _;

use crate::support::hourly;

/// Returns an instance of this store, which has announced itself.
async fn instance(store: &MemoryStore, host: &str) -> Cache {
    instance_at(store, host, ManualClock::new()).await
}

async fn instance_at(store: &MemoryStore, host: &str, clock: ManualClock) -> Cache {
    let options = Cache::builder().shared_store(store.clone()).instance_host(host).clock(clock);
    let cache = options.build();
    while !hosts(&cache).await.contains(&host.to_owned()) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    cache
}

/// Returns the hosts of the listed instances.
async fn hosts(cache: &Cache) -> Vec<String> {
    let mut hosts: Vec<_> =
        cache.instances().await.unwrap().into_iter().map(|instance| instance.record.host).collect();
    hosts.sort();
    hosts
}

async fn state_of(cache: &Cache, host: &str) -> InstanceState {
    let instances = cache.instances().await.unwrap();
    instances.iter().find(|instance| instance.record.host == host).unwrap().state()
}

/// Lets time pass. The background tasks run in each second of it.
async fn pass(seconds: u64) {
    for _ in 0..seconds {
        advance(Duration::from_secs(1)).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_listed_while_it_lives_and_for_a_minute_after_a_sudden_end() {
    let store = MemoryStore::new();
    let (a, b) = (instance(&store, "a").await, instance(&store, "b").await);
    pass(300).await;
    assert_eq!(hosts(&a).await, ["a", "b"]);
    for instance in b.instances().await.unwrap() {
        assert_eq!(instance.state(), InstanceState::Following);
        assert!(instance.seen_ago <= Duration::from_secs(7), "{:?}", instance.seen_ago);
    }
    drop(b);
    pass(20).await;
    assert_eq!(state_of(&a, "b").await, InstanceState::Silent);
    assert_eq!(state_of(&a, "a").await, InstanceState::Following);
    pass(45).await;
    assert_eq!(hosts(&a).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_instance_is_not_listed_and_lists_nothing() {
    let store = MemoryStore::new();
    let (a, b) = (instance(&store, "a").await, instance(&store, "b").await);
    assert!(b.close().await.is_clean());
    assert_eq!(hosts(&a).await, ["a"]);
    pass(30).await;
    assert_eq!(hosts(&a).await, ["a"], "it does not come back");
    assert_eq!(b.instances().await.unwrap_err().kind(), StoreErrorKind::Unreachable);
    assert_eq!(b.store_stats().await.unwrap_err().kind(), StoreErrorKind::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_announced_to_again_when_it_works() {
    let store = MemoryStore::new();
    let (a, b) = (instance(&store, "a").await, instance(&store, "b").await);
    store.fail(StoreErrorKind::Timeout);
    pass(90).await;
    assert_eq!(a.instances().await.unwrap_err().kind(), StoreErrorKind::Timeout);
    store.heal();
    pass(7).await;
    assert_eq!(hosts(&b).await, ["a", "b"]);
    drop(a);
}

#[tokio::test(start_paused = true)]
async fn the_health_has_the_age_of_the_confirmation_by_its_limit() {
    let store = MemoryStore::new();
    let clock = ManualClock::new();
    let a = instance_at(&store, "a", clock.clone()).await;
    assert_eq!(a.health().staleness_ratio(), Some(0.0));
    clock.advance(Duration::from_secs(3));
    let health = a.health();
    assert_eq!((health.staleness_ratio(), health.max_staleness), (Some(1.5), Duration::from_secs(2)));
    assert_eq!(health.circuit, None, "this store has no circuit breaker");
    // The next poll confirms the later time, within a quarter of the bound.
    pass(2).await;
    assert_eq!(a.health().staleness_ratio(), Some(0.0));
    assert_eq!(Cache::default().health().staleness_ratio(), None);
}

#[tokio::test(start_paused = true)]
async fn statistics_and_positions_are_those_of_the_log() {
    let store = MemoryStore::new();
    let a = instance(&store, "a").await;
    let _ = a.invalidate(Tag::new("x")).await;
    assert_eq!(a.store_stats().await.unwrap().log_length, Some(1));
    pass(7).await;
    let instances = a.instances().await.unwrap();
    let own = &instances[0];
    assert_eq!((own.record.id, own.lag), (a.instance_id(), Some(Duration::ZERO)));
    assert!(own.record.position > LogId::ZERO, "{:?}", own.record);
    assert_eq!(own.record.version, env!("CARGO_PKG_VERSION"));
}

/// The clock of this store begins in 1970.
#[tokio::test]
async fn a_handle_of_operators_advises_about_the_clock_of_its_machine() {
    let advice = Fleet::new(MemoryStore::new()).advice().await.unwrap();
    let kinds: Vec<_> = advice.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [AdviceKind::ClocksDiffer]);
    assert!(advice[0].evidence["difference_seconds"] > 1e9, "{advice:?}");
}

#[tokio::test]
async fn without_a_shared_store_an_instance_is_alone() {
    let cache = Cache::builder().instance_host("alone").build();
    let instances = cache.instances().await.unwrap();
    let [own] = &instances[..] else { panic!("{instances:?}") };
    assert_eq!((own.record.id, own.state()), (cache.instance_id(), InstanceState::Following));
    assert_eq!(cache.store_stats().await.unwrap_err().kind(), StoreErrorKind::Unsupported);
    let json = serde_json::to_value(&instances).unwrap();
    assert_eq!((&json[0]["host"], &json[0]["state"]), (&"alone".into(), &"following".into()));
    assert_eq!(json[0]["id"], cache.instance_id().to_string());
    assert_eq!((&json[0]["lag_seconds"], &json[0]["circuits"]), (&0.0.into(), &serde_json::json!([])));
}

#[tokio::test]
async fn the_policies_in_effect_are_those_of_layers_that_exist() {
    let cache = Cache::builder().max_memory_bytes(1 << 20).build();
    assert_eq!(cache.policies(), []);
    let named = cache.layer(Policy::ttl(ttl::STATIC).name("logo").max_body(1_000));
    let origin = Origin::new(|_, _| Answer::ok("hello"));
    let service = cache.layer(hourly().tag("thing")).layer(origin);
    let described = |cache: &Cache| -> Vec<_> {
        cache.policies().into_iter().map(|policy| (policy.name, policy.class, policy.routes)).collect()
    };
    let logo = (Some("logo".to_owned()), "static".to_owned(), vec![]);
    let hour = |routes| (None, "standard".to_owned(), routes);
    assert_eq!(described(&cache), [logo.clone(), hour(vec![])]);
    assert_eq!((cache.policies()[0].max_body, cache.policies()[1].tags.len()), (1_000, 1));

    let request = http::Request::get("/a").body(()).unwrap();
    tower::ServiceExt::oneshot(service.clone(), request).await.unwrap();
    assert_eq!(described(&cache), [logo, hour(vec!["unnamed".to_owned()])]);
    drop(named);
    assert_eq!(cache.clone().policies().len(), 1);
    drop(service);
    assert_eq!(cache.policies(), []);
}
