//! Closing a cache over Redis, and refreshing responses from there.

use std::time::Duration;

use larder::{Cache, InvalidationOutcome, Policy, Tag};
use larder_redis::RedisStore;
use larder_testing::Direction::ToServer;
use larder_testing::{Answer, Gate, ManualClock, Origin, Proxy, RedisServer};
use larder_tests::http::{Page, Site, soon};
use larder_tests::redis::{EVENTS, RESPONSE, eventually};
use tower::Layer as _;

const HOUR: Duration = Duration::from_secs(3600);

/// An instance whose client sends one `Host`. All instances share a clock.
struct Shop {
    cache: Cache,
    site: Site,
    proxy: Proxy,
    origin: Origin,
}

struct Setup {
    memory: u64,
    close_within: Duration,
    clock: ManualClock,
}

impl Default for Setup {
    fn default() -> Self {
        Self { memory: 1 << 26, close_within: HOUR, clock: ManualClock::new() }
    }
}

impl Setup {
    async fn joined(self, redis: &RedisServer, origin: Origin) -> Shop {
        let proxy = Proxy::start(redis.address()).unwrap();
        let url = redis.url_at(proxy.address());
        let store = RedisStore::builder(&url).command_timeout(Duration::from_secs(10)).connect().unwrap();
        let cache = Cache::builder()
            .shared_store(store)
            .max_memory_bytes(self.memory)
            .close_timeout(self.close_within)
            .clock(self.clock)
            .build();
        let policy = Policy::ttl(HOUR).jitter(0.0).early_refresh(1000.0).tag("thing");
        let service = cache.layer(policy).layer(origin.clone());
        let site = Site::of(axum::Router::new().fallback_service(service)).await;
        let shop = Shop { cache, site, proxy, origin };
        shop.joins().await;
        shop
    }
}

impl Shop {
    /// Waits until it has read the log by its clock and uses Redis. Returns the requested path,
    /// whose response may still be on its way to Redis.
    async fn joins(&self) -> String {
        let mut asked = String::new();
        eventually("the instance has joined", async || {
            asked = format!("/probe/{:x}", fastrand::u64(..));
            self.get(&asked).await.cache_status().ends_with("never-stored")
        })
        .await;
        asked
    }

    async fn get(&self, path: &str) -> Page {
        let ask = self.site.ask(http::Method::GET, path);
        ask.with("host", "shop").send().await
    }

    /// Returns how often the handler ran for this path.
    fn runs(&self, path: &str) -> usize {
        self.origin.requests().iter().filter(|request| request.uri.path() == path).count()
    }
}

/// Returns an origin that answers `v1` at first.
fn plain() -> Origin {
    Origin::always(Answer::ok("v1"))
}

/// Returns the number of client connections of the server, without the one that asks.
async fn clients(redis: &RedisServer) -> usize {
    redis.command(&["CLIENT", "LIST"]).await.unwrap().as_str().unwrap().lines().count() - 1
}

/// Whether a response for this path is stored. Its lease has a longer name.
async fn is_stored(redis: &RedisServer, path: &str) -> bool {
    let names = redis.command(&["KEYS", &format!("larder:*{path}*")]).await.unwrap();
    names.as_array().unwrap().iter().any(|name| !name.as_str().unwrap().contains(":lease"))
}

async fn log_length(redis: &RedisServer) -> i64 {
    redis.command(&["XLEN", EVENTS]).await.unwrap().as_integer().unwrap()
}

#[tokio::test]
async fn a_store_under_way_is_waited_for_and_no_connection_is_left() {
    let redis = RedisServer::start().await.unwrap();
    let shop = Setup::default().joined(&redis, plain()).await;
    eventually("the probes are stored", async || {
        shop.cache.stats().stored > 0 && is_stored(&redis, "probe").await
    })
    .await;
    eventually("all connections are up", async || clients(&redis).await == 4).await;
    let gate = shop.proxy.hold(ToServer, RESPONSE);
    assert_eq!(shop.get("/a").await.x_cache(), "MISS");
    soon("the response on its way to Redis", gate.arrived(1)).await;
    let closing = tokio::spawn({
        let cache = shop.cache.clone();
        async move { cache.close().await }
    });
    gate.open();
    let closed = soon("the end", closing).await.unwrap();
    assert!(closed.is_clean(), "{closed}");
    assert!(is_stored(&redis, "/a").await, "before the end, not some time after");
    eventually("the server has seen it", async || clients(&redis).await == 0).await;
}

#[tokio::test]
async fn a_deferred_invalidation_is_appended_when_redis_comes_back() {
    let redis = RedisServer::start().await.unwrap();
    let shop = Setup::default().joined(&redis, plain()).await;
    let before = log_length(&redis).await;
    shop.proxy.refuse();
    shop.proxy.cut().await;
    for tag in ["one", "two"] {
        assert_eq!(shop.cache.invalidate(Tag::new(tag)).await, InvalidationOutcome::Deferred);
    }
    let closing = tokio::spawn({
        let cache = shop.cache.clone();
        async move { cache.close().await }
    });
    // The operation begins when it is polled.
    tokio::task::yield_now().await;
    shop.proxy.pass();
    let closed = soon("the end", closing).await.unwrap();
    assert!(closed.is_clean(), "{closed}");
    assert!(log_length(&redis).await > before);
    let log = format!("{:?}", redis.command(&["XRANGE", EVENTS, "-", "+"]).await.unwrap());
    assert!(log.contains("t:one") && log.contains("t:two"), "{log}");
}

#[tokio::test]
async fn without_redis_it_ends_in_time_and_tells_what_is_lost() {
    for hangs in [false, true] {
        let redis = RedisServer::start().await.unwrap();
        let setup = Setup { close_within: Duration::from_secs(1), ..Setup::default() };
        let shop = setup.joined(&redis, plain()).await;
        let last = shop.joins().await;
        eventually("nothing is on its way", async || is_stored(&redis, &last).await).await;
        // Redis sends the replies of a batch after it has executed all of it. When it executes a
        // later command, all replies are sent.
        assert!(is_stored(&redis, &last).await);
        if hangs {
            redis.pause().unwrap();
        } else {
            redis.kill();
        }
        assert_eq!(shop.cache.invalidate(Tag::new("one")).await, InvalidationOutcome::Deferred);
        let closed = soon("the end", shop.cache.close()).await;
        assert_eq!((closed.tasks, closed.invalidations), (0, 1), "hangs: {hangs}");
        if hangs {
            redis.resume().unwrap();
            eventually("the server has seen it", async || clients(&redis).await == 0).await;
        }
    }
}

#[tokio::test]
async fn a_closed_cache_asks_the_handler_and_never_redis() {
    let redis = RedisServer::start().await.unwrap();
    let clock = ManualClock::new();
    let setup = Setup { clock: clock.clone(), ..Setup::default() };
    let origin = Origin::new(|_, call| Answer::ok(format!("v{call}")));
    let shop = setup.joined(&redis, origin).await;
    let first = shop.get("/a").await.text();
    let errors = shop.cache.stats().store_errors;
    assert!(soon("the end", shop.cache.close()).await.is_clean());
    eventually("the server has seen it", async || clients(&redis).await == 0).await;
    assert!(shop.get("/a").await.is("HIT", &first), "as long as the log is known");
    assert_eq!(shop.cache.invalidate(Tag::new("thing")).await, InvalidationOutcome::Deferred);
    let page = shop.get("/a").await;
    assert_eq!((page.status.as_u16(), page.x_cache().as_str()), (200, "MISS"));
    assert_ne!(page.text(), first);
    // After the bound on staleness, old responses are not trusted, but the newly filled one is.
    clock.advance(Duration::from_secs(3));
    assert_eq!(shop.get("/a").await.x_cache(), "MISS");
    assert_eq!(shop.get("/a").await.x_cache(), "HIT");
    assert_eq!(shop.site.ask(http::Method::PUT, "/a").send().await.status, 200);
    assert_eq!(shop.cache.stats().store_errors, errors);
    assert_eq!(clients(&redis).await, 0);
}

/// Returns an origin whose first run of `/a` takes a minute. The second one waits at the gate.
fn costly(clock: &ManualClock, gate: &Gate) -> Origin {
    let (clock, gate) = (clock.clone(), gate.clone());
    let runs = std::sync::atomic::AtomicUsize::new(0);
    Origin::new(move |request, _| {
        if request.uri.path() != "/a" {
            return Answer::ok("probe");
        }
        match runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => {
                clock.advance(Duration::from_secs(60));
                Answer::ok("v1")
            }
            _ => Answer::ok("v2").held_at(&gate),
        }
    })
}

/// A hit in Redis knows the cost of its response, regardless of the instance that filled it. This
/// holds with and without a memory tier.
#[tokio::test]
async fn a_response_from_redis_is_refreshed_early() {
    for memory in [0, 1 << 26] {
        let redis = RedisServer::start().await.unwrap();
        let (clock, gate) = (ManualClock::new(), Gate::new());
        let setup = || Setup { memory, clock: clock.clone(), ..Setup::default() };
        let one = setup().joined(&redis, costly(&clock, &gate)).await;
        let other = setup()
            .joined(
                &redis,
                Origin::new({
                    let gate = gate.clone();
                    move |request, _| match request.uri.path() {
                        "/a" => Answer::ok("v2").held_at(&gate),
                        _ => Answer::ok("probe"),
                    }
                }),
            )
            .await;
        assert!(one.get("/a").await.is("MISS", "v1"));
        eventually("it is shared", async || is_stored(&redis, "/a").await).await;
        clock.advance(HOUR - Duration::from_secs(60) - Duration::from_millis(1));
        other.joins().await;
        let page = other.get("/a").await;
        assert!(page.is("HIT", "v1") && page.cache_status().ends_with("shared"), "{}", page.cache_status());
        soon("the refresh", gate.arrived(1)).await;
        for _ in 0..5 {
            assert!(other.get("/a").await.is("HIT", "v1"), "memory {memory}");
        }
        gate.open();
        eventually("what is new", async || other.get("/a").await.is("HIT", "v2")).await;
        for _ in 0..5 {
            assert!(other.get("/a").await.is("HIT", "v2"), "memory {memory}");
        }
        assert_eq!((one.runs("/a"), other.runs("/a")), (1, 1), "memory {memory}");
        assert_eq!(other.cache.stats().refreshes, 1);
    }
}
