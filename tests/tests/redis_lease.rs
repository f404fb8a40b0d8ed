//! One fill per key over all instances: who has the lease, who waits for it, and what becomes of it when its holder does
//! not end as it should.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Tests fail loudly; the helpers here are not known as tests to the lint.

use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use larder::{Cache, Invalidated, Invalidation, Policy, ttl};
use larder_redis::RedisStore;
use larder_testing::Direction::ToClient;
use larder_testing::Gate;
use larder_tests::redis::{Answer, HOST, Instance, Setup, World, eventually, hang_up, send};
use tokio::task::JoinHandle;
use tower::{Layer, ServiceExt};

/// Asks in a task of its own.
fn ask(instance: &Instance, path: &str) -> JoinHandle<Answer> {
    let request = Request::get(path).body(Bytes::new()).unwrap();
    tokio::spawn(send(instance.address, request))
}

/// So many ask, each in a task of its own.
fn many(count: usize, instance: &Instance, path: &str) -> Vec<JoinHandle<Answer>> {
    (0..count).map(|_| tokio::spawn(instance.call(path))).collect()
}

async fn answers(asked: Vec<JoinHandle<Answer>>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await.unwrap());
    }
    answers
}

/// Waits until the instance has waited for so many fills of others.
async fn waits(instance: &Instance, times: u64) {
    eventually("the instance waits for another one's fill", async || {
        instance.cache.stats().leases_awaited == times
    })
    .await;
}

async fn three(world: &World) -> [Instance; 3] {
    [world.instance().await, world.instance().await, world.instance().await]
}

/// The instance of these whose handler is held at the gates that [`hold`] gave.
async fn holder(gates: &[Gate; 3]) -> usize {
    tokio::select! {
        () = gates[0].arrived(1) => 0,
        () = gates[1].arrived(1) => 1,
        () = gates[2].arrived(1) => 2,
    }
}

fn runs(instances: &[Instance]) -> usize {
    instances.iter().map(Instance::runs).sum()
}

/// The leases that there are in Redis.
async fn leases(world: &World) -> Vec<String> {
    let reply = world.redis.command(&["KEYS", "*:lease"]).await.unwrap();
    reply.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

async fn all_are_given_up(world: &World) {
    eventually("all leases are given up", async || leases(world).await.is_empty()).await;
}

/// The lease of the response whose address contains this. Those of what was asked before may not be given up yet.
async fn lease_of(world: &World, part: &str) -> String {
    let mut found = leases(world).await;
    found.retain(|name| name.contains(part));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_requests_on_each_of_three_instances_run_the_handler_once() {
    let world = World::new().await;
    let instances = three(&world).await;
    let gates = instances.each_ref().map(|instance| instance.hold(1));
    let asked: Vec<_> = instances.iter().flat_map(|instance| many(500, instance, "/values/1")).collect();
    let holder = holder(&gates).await;
    for (index, instance) in instances.iter().enumerate() {
        waits(instance, u64::from(index != holder)).await;
    }
    gates[holder].open();
    for answer in answers(asked).await {
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "v1"));
    }
    assert_eq!(runs(&instances), 1);
    all_are_given_up(&world).await;
}

/// What a client sees of it: the same as if it had waited for a fill of its own instance.
#[tokio::test]
async fn a_response_that_another_instance_was_waited_for_is_a_collapsed_miss_and_then_a_hit() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let first = ask(&a, "/values/1");
    gate.arrived(1).await;
    let second = ask(&b, "/values/1");
    waits(&b, 1).await;
    gate.open();
    assert_eq!(first.await.unwrap().outcome(), "MISS never-stored");
    let second = second.await.unwrap();
    assert_eq!((second.text(), second.outcome().as_str()), ("v1", "MISS never-stored"));
    assert!(second.field("cache-status").contains("collapsed"), "{second:?}");
    assert_eq!(b.get("/values/1").await.outcome(), "HIT memory");
    let stats = [a.cache.stats(), b.cache.stats()];
    assert_eq!(stats.each_ref().map(|stats| stats.leases_taken_over), [0, 0]);
    assert_eq!(stats.each_ref().map(|stats| stats.collapsed), [0, 1]);
    assert_eq!(b.runs(), 0);
}

/// What it waited for was made for it as much as for the other one.
#[tokio::test]
async fn a_request_that_wants_nothing_stored_takes_what_it_waited_for() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let first = ask(&a, "/polite/1");
    gate.arrived(1).await;
    let wary = Request::get("/polite/1").header("cache-control", "no-cache").body(Bytes::new()).unwrap();
    let second = tokio::spawn(send(b.address, wary));
    waits(&b, 1).await;
    gate.open();
    assert_eq!(first.await.unwrap().text(), "v1");
    assert_eq!(second.await.unwrap().text(), "v1");
    assert_eq!((a.runs(), b.runs()), (1, 0));
}

#[tokio::test]
async fn without_memory_one_instance_fills_for_all_too() {
    let world = World::new().await;
    let setup = || Setup { memory: 0, ..Setup::default() };
    let (a, b) = (world.joined(setup()).await, world.joined(setup()).await);
    let gate = a.hold(1);
    let first = ask(&a, "/values/1");
    gate.arrived(1).await;
    let second = many(20, &b, "/values/1");
    waits(&b, 1).await;
    gate.open();
    assert_eq!(first.await.unwrap().text(), "v1");
    for answer in answers(second).await {
        assert_eq!(answer.text(), "v1");
    }
    assert_eq!((a.runs(), b.runs()), (1, 0));
}

/// The lease is that of the key as long as nobody knows that its responses vary; each variant has one of its own.
#[tokio::test]
async fn each_variant_is_filled_once() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let speaks = |instance: &Instance, language: &str| {
        let request = Request::get("/languages/1").header("accept-language", language);
        tokio::spawn(send(instance.address, request.body(Bytes::new()).unwrap()))
    };
    let gate = a.hold(1);
    let english = speaks(&a, "en");
    gate.arrived(1).await;
    let others = [speaks(&b, "en"), speaks(&b, "de")];
    waits(&b, 1).await;
    gate.open();
    assert_eq!(english.await.unwrap().text(), "v1 in en");
    let [english, german] = others.map(|asked| async { asked.await.unwrap().body });
    assert_eq!((&*english.await, &*german.await), (&b"v1 in en"[..], &b"v1 in de"[..]));
    assert_eq!((a.runs(), b.runs()), (1, 1));
    all_are_given_up(&world).await;
}

/// Three lives' worth of extensions are seen while one body goes on.
#[tokio::test]
async fn a_fill_that_takes_longer_than_its_lease_keeps_it() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let first = ask(&a, "/streams/1");
    gate.arrived(1).await;
    let second = ask(&b, "/streams/1");
    waits(&b, 1).await;
    let lease = lease_of(&world, "/streams/1").await;
    let (mut last, mut extended) = (i64::MAX, 0);
    eventually("the lease was extended four times", async || {
        let left = world.redis.command(&["PTTL", &lease]).await.unwrap().as_integer().unwrap();
        extended += u32::from(left > last);
        last = left;
        extended == 4
    })
    .await;
    gate.open();
    assert_eq!(first.await.unwrap().text(), "v1");
    assert_eq!(second.await.unwrap().text(), "v1");
    assert_eq!((a.runs(), b.runs()), (1, 0));
}

#[tokio::test]
async fn the_answer_of_a_failing_handler_reaches_all_who_waited_and_nobody_else() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    assert_eq!(world.truth.change(1), 2);
    let gate = a.hold(1);
    let mut asked = many(20, &a, "/fickle/1");
    gate.arrived(1).await;
    asked.extend(many(20, &b, "/fickle/1"));
    waits(&b, 1).await;
    gate.open();
    for answer in answers(asked).await {
        assert_eq!((answer.status.as_u16(), answer.text()), (503, "v2"));
    }
    assert_eq!((a.runs(), b.runs()), (1, 0));
    for instance in [&a, &b] {
        // In the background: who comes before that joins what has just ended.
        all_are_given_up(&world).await;
        assert_eq!(instance.get("/fickle/1").await.status, 503);
        assert_eq!(instance.runs(), 1 + usize::from(instance.address == a.address));
    }
}

#[tokio::test]
async fn where_the_handler_fails_what_is_stale_stands_in_on_every_instance_that_waited() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.get("/fickle-patient/1").await;
    world.stored_as("/fickle-patient/1").await;
    b.hits("/fickle-patient/1").await;
    assert_eq!(world.truth.change(1), 2);
    let soft = Invalidation::tag("value:1").soft();
    assert_eq!(a.cache.invalidate(soft).await, Invalidated::Applied);
    b.catches_up().await;

    let gate = a.hold(1);
    let first = ask(&a, "/fickle-patient/1");
    gate.arrived(1).await;
    let second = ask(&b, "/fickle-patient/1");
    waits(&b, 1).await;
    gate.open();
    for answer in [first.await.unwrap(), second.await.unwrap()] {
        assert_eq!((answer.text(), answer.outcome().as_str()), ("v1", "STALE shared, stale-if-error"));
    }
    assert_eq!((a.runs(), b.runs()), (2, 0));
}

#[tokio::test]
async fn what_cannot_be_stored_lets_all_go_at_once_and_is_remembered_on_every_instance() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let first = ask(&a, "/private/1");
    gate.arrived(1).await;
    let others = many(20, &b, "/private/1");
    waits(&b, 1).await;
    // The first of them to run is held: the others do not wait for it.
    let held = b.hold(1);
    gate.open();
    held.arrived(1).await;
    eventually("the others have run", async || b.runs() == 20).await;
    held.open();
    assert_eq!(first.await.unwrap().text(), "v1");
    answers(others).await;
    for instance in [&a, &b] {
        assert_eq!(instance.get("/private/1").await.outcome(), "MISS pass, not stored: private");
    }
    // Who comes later learns it from Redis.
    let c = world.instance().await;
    let before = c.cache.stats().leases_taken;
    c.get("/private/1").await;
    assert_eq!(c.cache.stats().leases_taken, before);
    assert_eq!(c.get("/private/1").await.outcome(), "MISS pass, not stored: private");
    assert_eq!(c.cache.stats().leases_awaited, 0);
}

/// One fill after the other would make the last instance wait for all of them.
#[tokio::test]
async fn what_is_never_fresh_lets_all_go_at_once() {
    let world = World::new().await;
    let [a, b, c] = three(&world).await;
    let gate = a.hold(1);
    let first = ask(&a, "/brief/1");
    gate.arrived(1).await;
    let held = [b.hold(1), c.hold(1)];
    let others = [ask(&b, "/brief/1"), ask(&c, "/brief/1")];
    waits(&b, 1).await;
    waits(&c, 1).await;
    gate.open();
    for gate in &held {
        gate.arrived(1).await;
    }
    let taken_over = [&b, &c].map(|instance| instance.cache.stats().leases_taken_over);
    assert_eq!(taken_over, [0, 0], "without a lease");
    held.iter().for_each(Gate::open);
    for answer in [first].into_iter().chain(others) {
        assert_eq!(answer.await.unwrap().text(), "v1");
    }
}

#[tokio::test]
async fn one_of_three_instances_refreshes_what_all_serve_stale() {
    let world = World::new().await;
    let instances = three(&world).await;
    for instance in &instances {
        instance.hits("/patient/1").await;
    }
    let before = runs(&instances);
    let _ = world.truth.change(1);
    let soft = Invalidation::tag("value:1").soft();
    assert_eq!(instances[0].cache.invalidate(soft).await, Invalidated::Applied);
    let gates = instances.each_ref().map(|instance| instance.hold(1));
    for instance in &instances {
        instance.catches_up().await;
        assert_eq!(instance.get("/patient/1").await.field("x-cache"), "STALE");
    }
    let holder = holder(&gates).await;
    for (index, instance) in instances.iter().enumerate() {
        waits(instance, u64::from(index != holder)).await;
    }
    gates[holder].open();
    for instance in &instances {
        instance.shows("/patient/1", "v2").await;
        assert_eq!(instance.get("/patient/1").await.outcome(), "HIT memory");
    }
    assert_eq!(runs(&instances) - before, 1);
}

/// An instance that still holds what is stale finds what another one has made of it since.
#[tokio::test]
async fn what_was_refreshed_on_another_instance_is_not_refreshed_again() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.hits("/patient/1").await;
    b.hits("/patient/1").await;
    let _ = world.truth.change(1);
    let soft = Invalidation::tag("value:1").soft();
    assert_eq!(a.cache.invalidate(soft).await, Invalidated::Applied);
    b.catches_up().await;
    a.shows("/patient/1", "v2").await;
    all_are_given_up(&world).await;

    let before = b.runs();
    assert_eq!(b.get("/patient/1").await.text(), "v1");
    b.shows("/patient/1", "v2").await;
    assert_eq!(b.runs(), before);
}

/// Its outcome would be refused in the end, and make who waits as slow as two.
#[tokio::test]
async fn nobody_waits_for_a_fill_from_before_an_invalidation() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let slow = ask(&a, "/values/1");
    gate.arrived(1).await;
    assert_eq!(b.update(1).await, Invalidated::Applied);
    assert_eq!(b.get("/values/1").await.text(), "v2");
    let stats = b.cache.stats();
    assert_eq!((stats.leases_awaited, stats.leases_taken_over), (0, 1));
    gate.open();
    assert_eq!(slow.await.unwrap().text(), "v1");
    a.catches_up().await;
    assert_eq!(a.get("/values/1").await.text(), "v2");
}

/// How often something was given up in Redis. What expires does not count.
async fn given_up(world: &World) -> u64 {
    let stats = world.redis.command(&["INFO", "commandstats"]).await.unwrap();
    let stats = stats.as_str().unwrap();
    let unlinks = stats.lines().find_map(|line| line.strip_prefix("cmdstat_unlink:calls="));
    unlinks.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_holder_whose_handler_panics_gives_its_lease_up() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let _ = world.truth.change(1);
    assert_eq!(world.truth.change(1), 3);
    all_are_given_up(&world).await;
    let before = given_up(&world).await;
    let gates = [a.hold(1), b.hold(1)];
    let panics = tokio::spawn(a.call("/fickle/1"));
    gates[0].arrived(1).await;
    let other = ask(&b, "/fickle/1");
    waits(&b, 1).await;
    for _ in 0..4 {
        let _ = world.truth.change(1);
    }
    gates[0].open();
    assert!(panics.await.unwrap_err().is_panic());
    gates[1].arrived(1).await;
    assert_eq!(given_up(&world).await - before, 1);
    gates[1].open();
    assert_eq!(other.await.unwrap().text(), "v7");
}

/// It has the lease, and does not know it.
#[tokio::test]
async fn a_client_that_leaves_while_the_lease_is_asked_for_leaves_none_behind() {
    let world = World::new().await;
    let a = world.instance().await;
    // One that fails gives its lease up, so that Redis knows the script: it cannot answer that it does not.
    let _ = world.truth.change(2);
    assert_eq!(a.get("/fickle/2").await.status, 503);
    all_are_given_up(&world).await;
    let answer = a.proxy.hold(ToClient, b"taken");
    let arrives = async {
        answer.arrived(1).await;
        world.command(&["PEXPIRE", &lease_of(&world, "/values/1").await, "60000"]).await;
    };
    hang_up(a.address, "GET", "/values/1", arrives).await;
    all_are_given_up(&world).await;
    answer.open();
    assert_eq!(a.runs(), 1, "nobody was there to run it for");
}

/// The client that waits on behalf of others leaves: another one of them waits on.
#[tokio::test]
async fn who_waits_with_a_client_that_leaves_waits_on() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let gate = a.hold(1);
    let first = ask(&a, "/values/1");
    gate.arrived(1).await;
    hang_up(b.address, "GET", "/values/1", waits(&b, 1)).await;
    let second = ask(&b, "/values/1");
    waits(&b, 2).await;
    gate.open();
    assert_eq!(first.await.unwrap().text(), "v1");
    assert_eq!(second.await.unwrap().text(), "v1");
    assert_eq!((a.runs(), b.runs()), (1, 0));
}

/// The answer that it has the lease is late, so that it fills without knowing. The others are told by Redis.
#[tokio::test]
async fn who_may_have_the_lease_fills_as_if_it_had() {
    let world = World::new().await;
    let setup = Setup { command_timeout: Duration::from_millis(500), ..Setup::default() };
    let (a, b) = (world.joined(setup).await, world.instance().await);
    all_are_given_up(&world).await;
    let late = a.proxy.hold(ToClient, b"taken");
    let gate = a.hold(1);
    let first = ask(&a, "/values/1");
    gate.arrived(1).await;
    late.open();
    let second = ask(&b, "/values/1");
    waits(&b, 1).await;
    gate.open();
    assert_eq!(first.await.unwrap().text(), "v1");
    assert_eq!(second.await.unwrap().text(), "v1");
    assert_eq!((a.runs(), b.runs()), (1, 0));
    all_are_given_up(&world).await;
}

/// A lease that nobody holds any more, as a process that was killed leaves it.
#[tokio::test]
async fn a_lease_without_a_holder_is_taken_over_when_it_ends() {
    let world = World::new().await;
    let [a, b, c] = three(&world).await;
    let gate = a.hold(1);
    let first = ask(&a, "/values/1");
    gate.arrived(1).await;
    let lease = &*lease_of(&world, "/values/1").await;
    // Another's: whoever runs cannot extend it, nor give it up. What it says of the log stays.
    world.command(&["SETRANGE", lease, "0", "0123456789abcdef"]).await;
    world.command(&["PEXPIRE", lease, "60000"]).await;
    let others = [ask(&b, "/values/1"), ask(&c, "/values/1")];
    waits(&b, 1).await;
    waits(&c, 1).await;
    world.command(&["PEXPIRE", lease, "1"]).await;
    for answer in others {
        assert_eq!(answer.await.unwrap().text(), "v1");
    }
    assert_eq!(runs(&[a, b, c]), 2);
    gate.open();
    assert_eq!(first.await.unwrap().text(), "v1");
}

/// Where the process that is killed finds Redis.
const REDIS: &str = "LARDER_TEST_REDIS";
/// What it says once its handler runs.
const FILLING: &str = "filling";

/// No test: the process that the next one kills.
#[tokio::test]
#[ignore = "the next test starts it as a process of its own"]
async fn process_that_never_ends_its_fill() {
    let url = std::env::var(REDIS).unwrap();
    // A slow machine makes no difference.
    let patient = RedisStore::builder(&url).command_timeout(Duration::from_secs(10));
    let cache = Cache::builder().shared(patient.connect().unwrap()).build();
    let handler = tower::service_fn(async |request: Request<()>| {
        if request.uri().path().starts_with("/values/") {
            println!("{FILLING}");
            std::future::pending::<()>().await;
        }
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("probe")))
    });
    let service = cache.layer(Policy::ttl(ttl::STANDARD)).layer(handler);
    let call = async |path: &str| {
        let request = Request::get(path).header("host", HOST).body(()).unwrap();
        service.clone().oneshot(request).await.unwrap()
    };
    eventually("it asks Redis for what it does not have", async || {
        let response = call(&format!("/probe/{:x}", fastrand::u64(..))).await;
        response.headers()["cache-status"].to_str().unwrap().contains("never-stored")
    })
    .await;
    call("/values/1").await;
}

/// Ended when dropped, whatever became of the test.
struct Process(Child);

impl Process {
    fn start(world: &World) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "process_that_never_ends_its_fill", "--ignored", "--nocapture"]);
        Self(command.env(REDIS, world.redis.url()).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// Waits until its handler runs.
    async fn fills(&mut self) {
        let output = BufReader::new(self.0.stdout.take().unwrap());
        let waiting = tokio::task::spawn_blocking(|| {
            assert!(output.lines().any(|line| line.unwrap().contains(FILLING)), "it ended before");
        });
        waiting.await.unwrap();
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn when_the_process_that_fills_is_killed_one_of_those_who_wait_fills() {
    let world = World::new().await;
    let (b, c) = (world.instance().await, world.instance().await);
    let mut process = Process::start(&world);
    process.fills().await;
    let others = [ask(&b, "/values/1"), ask(&c, "/values/1")];
    waits(&b, 1).await;
    waits(&c, 1).await;
    process.kill();
    let killed = Instant::now();
    for answer in others {
        assert_eq!(answer.await.unwrap().text(), "v1");
    }
    // Its life is a second. Without an end of it, the wait's own bound would come, after ten.
    assert!(killed.elapsed() < Duration::from_secs(8), "{:?}", killed.elapsed());
    assert_eq!(b.runs() + c.runs(), 1);
    let taken_over = [&b, &c].map(|instance| instance.cache.stats().leases_taken_over);
    assert_eq!(taken_over.iter().sum::<u64>(), 1);
}

/// Promise 2: the handler answers, and no request waits for Redis any longer than it may.
#[tokio::test]
async fn where_redis_goes_away_who_waits_fills() {
    let world = World::new().await;
    let a = world.instance().await;
    for fault in ["cut", "blackhole"] {
        let path = format!("/values/{}", fault.len());
        let setup = Setup { command_timeout: Duration::from_millis(500), ..Setup::default() };
        let b = world.joined(setup).await;
        let gate = a.hold(fault.len());
        let first = ask(&a, &path);
        gate.arrived(1).await;
        let second = ask(&b, &path);
        waits(&b, 1).await;
        match fault {
            "cut" => {
                b.proxy.refuse();
                b.proxy.cut().await;
            }
            _ => b.proxy.blackhole(),
        }
        assert_eq!(second.await.unwrap().text(), "v1", "{fault}");
        assert_eq!(b.runs(), 1, "{fault}");
        gate.open();
        assert_eq!(first.await.unwrap().text(), "v1", "{fault}");
    }
}
