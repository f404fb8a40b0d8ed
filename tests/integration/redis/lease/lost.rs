//! Lease holders that fail, and a Redis that goes away.

use std::convert::Infallible;
use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use http::Request;
use http::Response;
use http_body_util::Full;
use larder::Cache;
use larder::Policy;
use larder::ttl;
use larder_redis::RedisStore;
use larder_testing::Direction::ToClient;
use larder_tests::redis::HOST;
use larder_tests::redis::Setup;
use larder_tests::redis::World;
use larder_tests::redis::eventually;
use larder_tests::redis::hang_up;
use tower::Layer;
use tower::ServiceExt;

use super::support::{all_are_given_up, ask, given_up, lease_of, runs, three, waits};

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

/// The fill has the lease without knowing it.
#[tokio::test]
async fn a_client_that_leaves_while_the_lease_is_asked_for_leaves_none_behind() {
    let world = World::new().await;
    let a = world.instance().await;
    // A failed fill gives up its lease. After it, Redis knows the script, and cannot answer that it
    // does not.
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
    assert_eq!(a.runs(), 1, "there was no request to run it for");
}

/// The client that waits on behalf of others leaves, and another one continues to wait.
#[tokio::test]
async fn a_request_that_waits_with_a_client_that_leaves_waits_on() {
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

/// The reply that grants the lease is late, so the instance fills without knowing that it has the
/// lease. The other instances wait for the lease in Redis.
#[tokio::test]
async fn an_instance_that_may_have_the_lease_fills_as_if_it_had() {
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

/// A lease without a holder, as after the death of a process.
#[tokio::test]
async fn a_lease_without_a_holder_is_taken_over_when_it_ends() {
    let world = World::new().await;
    let [a, b, c] = three(&world).await;
    let gate = a.hold(1);
    let first = ask(&a, "/values/1");
    gate.arrived(1).await;
    let lease = &*lease_of(&world, "/values/1").await;
    // With another holder's id, the running instance cannot extend or release the lease. The rest
    // of the lease does not change.
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

/// The variable with the address of Redis, for the process that is killed.
const REDIS: &str = "LARDER_TEST_REDIS";
/// The output of that process once its handler runs.
const FILLING: &str = "filling";

/// Not a test: the process that the next test kills.
#[tokio::test]
#[ignore = "the next test starts it as a process of its own"]
async fn process_that_never_ends_its_fill() {
    let url = std::env::var(REDIS).unwrap();
    // Long, so that a slow machine does not matter.
    let patient = RedisStore::builder(&url).command_timeout(Duration::from_secs(10));
    let cache = Cache::builder().shared_store(patient.connect().unwrap()).build();
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

/// A process that is killed when dropped.
struct Process(Child);

impl Process {
    fn start(world: &World) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            "lease::lost::process_that_never_ends_its_fill",
            "--ignored",
            "--nocapture",
        ]);
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
    // The lease expires after one second. Without that, the limit of ten seconds would apply.
    assert!(killed.elapsed() < Duration::from_secs(8), "{:?}", killed.elapsed());
    assert_eq!(b.runs() + c.runs(), 1);
    let taken_over = [&b, &c].map(|instance| instance.cache.stats().leases_taken_over);
    assert_eq!(taken_over.iter().sum::<u64>(), 1);
}

/// Promise 2: the handler answers, and no request waits for Redis longer than the limit.
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
