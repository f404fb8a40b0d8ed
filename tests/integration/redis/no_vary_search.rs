//! Requests with equivalent queries (`No-Vary-Search`), on several instances over one Redis.

use bytes::Bytes;
use http::Request;
use larder::{InvalidationOutcome, UriName};
use larder_core::http::no_vary_search::UrlVariation;
use larder_core::stored::address;
use larder_core::stored::wire::{self, Decoded};
use larder_testing::RedisCluster;
use larder_tests::redis::{Answer, Deployment, Instance, Setup, World, eventually};
use tokio::task::JoinHandle;

/// Sends this many requests at once, each with another query.
fn many(instance: &Instance, count: usize) -> Vec<JoinHandle<Answer>> {
    (0..count).map(|utm| tokio::spawn(instance.call(&format!("/searched/1?utm={utm}&page=1")))).collect()
}

async fn texts(asked: Vec<JoinHandle<Answer>>) -> Vec<String> {
    let mut texts = Vec::new();
    for answer in asked {
        texts.push(answer.await.unwrap().text().to_owned());
    }
    texts
}

async fn invalidates(instance: &Instance, uri: &str) {
    assert_eq!(instance.cache.invalidate(UriName::new(uri).unwrap()).await, InvalidationOutcome::Applied);
}

/// Waits until the response and the rules of its path are in Redis.
async fn is_shared(world: &World, path: &str) {
    eventually("the response is stored", async || {
        let stored = world.stored().await;
        let of_path = |part: &str| stored.iter().any(|name| name.contains(path) && name.contains(part));
        of_path("|n|") && of_path("}:n")
    })
    .await;
}

#[tokio::test]
async fn other_instances_and_those_that_start_again_learn_it_from_redis() {
    let world = World::new().await;
    for memory in [64 * 1024 * 1024, 0] {
        let setup = || Setup { memory, ..Setup::default() };
        let a = world.joined(setup()).await;
        let path = format!("/searched/{}", if memory == 0 { 1 } else { 2 });
        assert_eq!(a.get(&format!("{path}?utm=1&page=1")).await.outcome(), "MISS never-stored");
        is_shared(&world, &path).await;
        let b = world.joined(setup()).await;
        let shared = b.get(&format!("{path}?page=1&utm=2")).await;
        assert_eq!((shared.text(), shared.outcome().as_str()), ("v1", "HIT shared"));
        assert_eq!(b.get(&format!("{path}?page=1")).await.field("x-cache"), "HIT");
        assert_eq!(b.get(&format!("{path}?page=2")).await.outcome(), "MISS never-stored");
        assert_eq!((a.runs(), b.runs()), (1, 1));
    }
}

#[tokio::test]
async fn of_many_requests_on_two_instances_one_runs_the_handler() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.get("/searched/1?utm=0&page=0").await;
    is_shared(&world, "/searched/1").await;
    let gates = [a.hold(1), b.hold(1)];
    let asked = [many(&a, 20), many(&b, 20)];
    tokio::select! {
        () = gates[0].arrived(1) => {}
        () = gates[1].arrived(1) => {}
    }
    for gate in gates {
        gate.open();
    }
    for asked in asked {
        assert!(texts(asked).await.iter().all(|text| text == "v1"));
    }
    assert_eq!(a.runs() + b.runs(), 2);
}

/// When the first response of a path is stored, requests on other instances that wait for its lease
/// find it.
#[tokio::test]
async fn a_request_that_waits_for_the_first_response_of_a_path_finds_it() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let first = tokio::spawn(a.call("/searched/1?utm=1"));
    gate.arrived(1).await;
    let second = tokio::spawn(b.call("/searched/1?utm=1"));
    eventually("the other instance waits", async || b.cache.stats().leases_awaited == 1).await;
    gate.open();
    assert_eq!(texts(vec![first, second]).await, ["v1", "v1"]);
    assert_eq!((a.runs(), b.runs()), (1, 0));
}

/// Promise 1, on an instance that does not know the equivalent URIs, because it never requested the
/// path.
#[tokio::test]
async fn an_invalidated_uri_shows_nothing_older_on_any_instance() {
    let world = World::new().await;
    let (a, b, c) = (world.instance().await, world.instance().await, world.instance().await);
    for (round, uri) in ["/searched/1?utm=2", "http://larder.test/searched/1?utm=2"].into_iter().enumerate() {
        let (old, new) = (format!("v{}", round + 1), format!("v{}", round + 2));
        eventually("it is found", async || a.get("/searched/1?utm=1").await.text() == old).await;
        is_shared(&world, "/searched/1").await;
        let _ = world.truth.change(1);
        let d = world.instance().await;
        invalidates(&d, uri).await;
        for instance in [&d, &a, &b] {
            instance.catches_up().await;
            let answer = instance.get("/searched/1?utm=2").await;
            assert_eq!(answer.text(), new, "{}", answer.outcome());
        }
        // The other instances apply it when the URI is requested again, at the latest.
        c.shows("/searched/1?utm=3", &new).await;
        a.shows("/searched/1?utm=1", &new).await;
    }
}

#[tokio::test]
async fn a_write_to_a_uri_counts_for_its_equivalents_on_other_instances() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.get("/searched/1?utm=1").await;
    is_shared(&world, "/searched/1").await;
    b.hits("/searched/1?utm=1").await;
    assert_eq!(a.send(Request::put("/searched/1?utm=2")).await.status, 204);
    assert_eq!(a.get("/searched/1?utm=1").await.text(), "v2");
    b.shows("/searched/1?utm=1", "v2").await;
    b.shows("/searched/1", "v2").await;
}

/// A fill of an equivalent URI that began before is not joined, and not waited for. This holds
/// within the process and on another instance.
#[tokio::test]
async fn a_request_after_an_invalidation_of_its_uri_does_not_wait_for_what_began_before() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.get("/searched/2?utm=1").await;
    is_shared(&world, "/searched/2").await;
    // Both instances know the equivalent URIs of only one path.
    b.hits("/searched/2?utm=2").await;
    for (id, invalidating) in [(2, &a), (3, &b)] {
        let path = |utm: usize| format!("/searched/{id}?utm={utm}&page={id}");
        a.get(&format!("/searched/{id}?utm=9&page=9")).await;
        let gate = a.hold(id);
        let old = tokio::spawn(a.call(&path(1)));
        gate.arrived(1).await;
        let _ = world.truth.change(id);
        invalidates(invalidating, &path(2)).await;
        for instance in [invalidating, &a, &b] {
            instance.catches_up().await;
            let answer = instance.get(&path(2)).await;
            assert_eq!(answer.text(), "v2", "{}", answer.outcome());
        }
        gate.open();
        assert_eq!(texts(vec![old]).await, ["v1"], "it asked before");
        for instance in [&a, &b] {
            assert_eq!(instance.get(&path(2)).await.text(), "v2");
        }
    }
}

/// A body that has been arriving since before is not followed either.
#[tokio::test]
async fn a_request_after_an_invalidation_of_its_uri_does_not_follow_what_began_before() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.get("/searched-streams/1?page=9").await;
    let gate = a.hold(1);
    let old = tokio::spawn(a.call("/searched-streams/1?utm=1"));
    gate.arrived(1).await;
    let follower = tokio::spawn(a.call("/searched-streams/1?utm=3"));
    eventually("an equivalent follows", async || a.cache.stats().collapsed == 1).await;
    let _ = world.truth.change(1);
    // This instance does not know the equivalent URIs.
    invalidates(&b, "/searched-streams/1?utm=2").await;
    a.catches_up().await;
    let answer = a.get("/searched-streams/1?utm=2").await;
    assert_eq!(answer.text(), "v2", "{}", answer.outcome());
    gate.open();
    assert_eq!(texts(vec![old, follower]).await, ["v1", "v1"], "they asked before");
    assert_eq!(a.get("/searched-streams/1?utm=2").await.text(), "v2");
}

#[tokio::test]
async fn variants_are_shared_too() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let ask = |query: &str, language: &str| {
        Request::get(format!("/searched-in/1?{query}")).header("accept-language", language)
    };
    a.send(ask("utm=1&a=1&b=2", "de")).await;
    a.send(ask("a=1&b=2", "fr")).await;
    eventually("both variants and their list are stored", async || {
        world.stored().await.iter().filter(|name| name.contains("|n|")).count() == 3
    })
    .await;
    for language in ["de", "fr"] {
        let shared = b.send(ask("b=2&utm=7&a=1", language)).await;
        assert_eq!(
            (shared.text(), shared.outcome()),
            (&*format!("v1 in {language}"), "HIT shared".to_owned())
        );
    }
    assert_eq!(b.send(ask("b=2&a=1", "es")).await.text(), "v1 in es");
    assert_eq!(b.send(ask("b=2&a=2", "de")).await.field("x-cache"), "MISS");
    assert_eq!((a.runs(), b.runs()), (2, 2));
}

/// Random requests, invalidations and changes of the field on two instances. Each response matches
/// its query by its own field, and is not older than the last invalidation of the requested URI
/// that the instance knows.
#[tokio::test]
async fn nothing_wrong_is_ever_served() {
    const QUERIES: [&str; 8] =
        ["", "?page=1", "?page=2", "?utm=1", "?page=1&utm=1", "?utm=2&page=1", "?page=1&utm=2", "?p%61ge=1"];
    let world = World::new().await;
    let instances = [world.instance().await, world.instance().await];
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut oldest = [[0; QUERIES.len()]; 2];
    let mut hits = 0;
    for _ in 0..1_500 {
        let (at, place) = (random.usize(..2), random.usize(..QUERIES.len()));
        let path = format!("/fickle-search/1{}", QUERIES[place]);
        match random.u8(..12) {
            0 => {
                let value = world.truth.change(1);
                invalidates(&instances[at], &path).await;
                oldest[at][place] = value;
                if random.bool() {
                    instances[1 - at].catches_up().await;
                    oldest[1 - at][place] = value;
                }
            }
            _ => {
                let answer = instances[at].get(&path).await;
                let (made_for, value) = answer.text().rsplit_once(' ').unwrap();
                let value: u64 = value.parse().unwrap();
                assert!(
                    value >= oldest[at][place],
                    "{path} got {answer:?} after {}, seed {seed}",
                    oldest[at][place]
                );
                let asked = QUERIES[place].strip_prefix('?');
                let made_for = (!made_for.is_empty()).then_some(made_for);
                let answers = match UrlVariation::of(&answer.headers) {
                    None => asked == made_for,
                    Some(variation) => variation.canonical(asked) == variation.canonical(made_for),
                };
                assert!(answers, "{path} got {answer:?}, seed {seed}");
                hits += usize::from(answer.field("x-cache") == "HIT");
            }
        }
    }
    assert!(hits > 500, "{hits}, seed {seed}");
}

/// The stored rules of a path are untrusted input.
#[tokio::test]
async fn the_response_is_right_for_every_known_variation() {
    let world = World::new().await;
    let a = world.instance().await;
    a.get("/searched/1?utm=1&page=1").await;
    is_shared(&world, "/searched/1").await;
    let known = world.stored().await.into_iter().find(|name| name.ends_with("}:n")).unwrap();
    let summary = world.redis.command(&["GET", &known]).await.unwrap().as_bytes().unwrap().to_vec();
    let response = world.stored().await.into_iter().find(|name| name.contains("|n|")).unwrap();
    let response = world.redis.command(&["GET", &response]).await.unwrap().as_bytes().unwrap().to_vec();
    let mut flipped = summary.clone();
    flipped[60] ^= 1;
    let values = [&b"hello"[..], b"", &summary[..40], &flipped, &response, &vec![0xff; 100_000]];
    for (round, value) in values.into_iter().enumerate() {
        world.redis.command(&[&b"SET"[..], known.as_bytes(), value]).await.unwrap();
        let reader = world.joined(Setup { memory: 0, ..Setup::default() }).await;
        let answer = reader.get(&format!("/searched/1?utm=2{round}&page=1")).await;
        assert_eq!((answer.text(), answer.field("x-cache")), ("v1", "MISS"), "{} bytes", value.len());
        // And the rules are stored again.
        eventually("it is known again", async || {
            let other = world.joined(Setup { memory: 0, ..Setup::default() }).await;
            other.get(&format!("/searched/1?utm=3{round}&page=1")).await.outcome() == "HIT shared"
        })
        .await;
    }
}

/// The response itself decides which requests it answers, regardless of the key under which it was
/// found.
#[tokio::test]
async fn a_response_that_does_not_say_what_its_key_does_is_not_believed() {
    let world = World::new().await;
    let a = world.instance().await;
    a.get("/searched/1?utm=1&page=1").await;
    is_shared(&world, "/searched/1").await;
    let name = world.stored().await.into_iter().find(|name| name.contains("|n|")).unwrap();
    let value = world.redis.command(&["GET", &name]).await.unwrap().as_bytes().unwrap().to_vec();
    let key = address::key_of(name.strip_prefix("larder:larder:v1:").unwrap()).unwrap();
    for (field, served) in
        [("params=(\"utm\"), key-order=?0", true), ("params=(\"page\")", false), ("", false)]
    {
        let Ok(Decoded::Response(mut stored)) = wire::decode(Bytes::from(value.clone()), key) else {
            unreachable!()
        };
        stored.headers.insert("no-vary-search", field.parse().unwrap());
        stored.body = Bytes::from_static(b"planted");
        let words = [&b"SET"[..], name.as_bytes(), &wire::encode(&stored)];
        world.redis.command(&words).await.unwrap();
        let reader = world.joined(Setup { memory: 0, ..Setup::default() }).await;
        let answer = reader.get("/searched/1?utm=2&page=1").await;
        assert_eq!(answer.text(), if served { "planted" } else { "v1" }, "{field}: {}", answer.outcome());
    }
}

/// In a cluster, a path, its pages and their leases are in different slots.
#[tokio::test]
async fn a_cluster_has_them_in_many_slots() {
    let cluster = RedisCluster::start().await.unwrap();
    let deployment = Deployment::at(&cluster.url());
    let (a, b) = (deployment.instance().await, deployment.instance().await);
    for id in 1..10 {
        let gate = a.hold(id);
        let first = tokio::spawn(a.call(&format!("/searched/{id}?utm=1")));
        gate.arrived(1).await;
        let second = tokio::spawn(b.call(&format!("/searched/{id}?utm=1")));
        eventually("the other instance waits", async || b.cache.stats().leases_awaited == id as u64).await;
        gate.open();
        assert_eq!(texts(vec![first, second]).await, ["v1", "v1"]);
        assert_eq!(b.get(&format!("/searched/{id}?utm=2")).await.field("x-cache"), "HIT");
    }
    assert_eq!((a.runs(), b.runs()), (9, 0));
    let c = deployment.instance().await;
    for id in 1..10 {
        assert_eq!(c.get(&format!("/searched/{id}?utm=3")).await.outcome(), "HIT shared");
    }
}
