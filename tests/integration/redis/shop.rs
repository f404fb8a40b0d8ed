//! The demo: two shops on one database and one Redis.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use clap::Parser;
use http::Request;
use larder_testing::RedisServer;
use larder_tests::redis::{Answer, eventually, send};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A temporary database, deleted with all its files when dropped.
struct Database(PathBuf);

impl Database {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("larder-shops-{:016x}", fastrand::u64(..)));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn path(&self) -> String {
        self.0.join("shop.sqlite").display().to_string()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running shop. It stops when dropped.
struct Shop {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shop {
    async fn open(database: &Database, redis: &RedisServer) -> Self {
        let shop = Self::start(database, redis).await;
        eventually("the shop asks Redis for what it does not have", async || {
            let path = format!("/api/products?q=nothing{:x}&page=1", fastrand::u64(..));
            shop.get(&path).await.outcome() == "MISS never-stored"
        })
        .await;
        shop
    }

    async fn start(database: &Database, redis: &RedisServer) -> Self {
        let (path, url) = (database.path(), redis.url());
        let args = ["shop", "--database", &path, "--redis", &url];
        let args = shop::Args::try_parse_from(args).unwrap();
        let app = shop::app(&args).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            shop::serve(listener, app, std::future::pending()).await.unwrap();
        });
        Self { address, server }
    }

    async fn get(&self, path: &str) -> Answer {
        let answer = send(self.address, Request::get(path).body(Bytes::new()).unwrap()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.get(path).await.body).unwrap()
    }

    async fn put(&self, path: &str, body: Value) {
        let request = Request::put(path).header("content-type", "application/json");
        let answer = send(self.address, request.body(body.to_string().into()).unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    async fn queries(&self) -> u64 {
        self.json("/stats").await["database_queries"].as_u64().unwrap()
    }

    async fn runs(&self, handler: &str) -> u64 {
        self.json("/stats").await["handler_runs"][handler].as_u64().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_shops_share_and_invalidate_each_other() {
    let (database, redis) = (Database::new(), RedisServer::start().await.unwrap());
    let (a, b) = (Shop::open(&database, &redis).await, Shop::open(&database, &redis).await);

    let first = a.get("/api/products/42").await;
    assert_eq!(first.outcome(), "MISS never-stored");
    eventually("it is shared", async || b.get("/api/products/42").await.outcome() != "MISS never-stored")
        .await;
    assert_eq!(b.get("/api/products/42").await.body, first.body);
    assert_eq!(b.get("/api/products/42").await.field("x-cache"), "HIT");

    let path = "/api/products?q=renamed%20beyond%20recognition&page=1";
    for (price, shop, other) in [(101, &a, &b), (202, &b, &a)] {
        let new = json!({ "name": format!("Renamed beyond recognition {price}"), "price_cents": price });
        shop.put("/api/products/42", new.clone()).await;
        // The change is visible immediately on the writing instance, and later on the other one.
        assert_eq!(shop.json("/api/products/42").await["price_cents"], price);
        eventually("the other shop shows the new price", async || {
            other.json("/api/products/42").await["price_cents"] == price
        })
        .await;
    }

    // A list has the tag of each product in it.
    for shop in [&a, &b] {
        assert_eq!(shop.json(path).await["products"][0]["price_cents"], 202);
    }
    a.put("/api/products/42", json!({ "name": "Renamed beyond recognition", "price_cents": 303 })).await;
    assert_eq!(a.json(path).await["products"][0]["price_cents"], 303);
    eventually("the other shop's list shows it", async || {
        b.json(path).await["products"][0]["price_cents"] == 303
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_users_responses_are_shared_between_shops_and_with_nobody_else() {
    let (database, redis) = (Database::new(), RedisServer::start().await.unwrap());
    let (a, b) = (Shop::open(&database, &redis).await, Shop::open(&database, &redis).await);
    let me = |shop: &Shop, user: u32| {
        let request = Request::get("/api/me").header("authorization", format!("Bearer {user}"));
        send(shop.address, request.body(Bytes::new()).unwrap())
    };
    let id = |answer: &Answer| serde_json::from_slice::<Value>(&answer.body).unwrap()["id"].clone();
    for user in [7, 8] {
        assert_eq!(id(&me(&a, user).await), user);
    }
    for user in [7, 8] {
        eventually("the other shop has it from Redis", async || {
            let answer = me(&b, user).await;
            assert_eq!(id(&answer), user);
            answer.field("x-cache") == "HIT"
        })
        .await;
    }
    let anonymous = send(b.address, Request::get("/api/me").body(Bytes::new()).unwrap()).await;
    assert_eq!(anonymous.status, 401);

    let new = json!({ "name": "Somebody Else", "email": "else@example.org", "score": 2_000_000_000 });
    a.put("/api/users/7", new).await;
    eventually("the user's own answer is new on the other shop", async || {
        serde_json::from_slice::<Value>(&me(&b, 7).await.body).unwrap()["name"] == "Somebody Else"
    })
    .await;
    assert_eq!(id(&me(&b, 8).await), 8);
    eventually("so is the list of the highest scores", async || {
        b.json("/api/users/top").await.to_string().contains("Somebody Else")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stats_tell_what_ran_and_what_the_caches_did() {
    let (database, redis) = (Database::new(), RedisServer::start().await.unwrap());
    let a = Shop::open(&database, &redis).await;
    for _ in 0..5 {
        a.get("/api/countries").await;
    }
    assert_eq!(a.runs("countries").await, 1);
    let stats = a.json("/stats").await;
    assert!(stats["cache"]["hits_memory"].as_u64().unwrap() >= 3, "{stats}");
    assert!(stats["cache"]["fills"].as_u64().unwrap() >= 1, "{stats}");
    eventually("Redis reports its misses in time", async || {
        a.json("/stats").await["redis"]["misses"].as_u64() >= Some(1)
    })
    .await;
    let again = a.get("/stats").await;
    assert_eq!(again.field("x-cache"), "");

    // A shop waits 50 ms for Redis, which may not be enough on a busy machine.
    eventually("another shop has it from Redis", async || {
        let b = Shop::open(&database, &redis).await;
        b.get("/api/countries").await;
        let stats = b.json("/stats").await;
        stats["handler_runs"]["countries"] == 0
            && stats["cache"]["hits_shared"] == 1
            && stats["redis"]["hits"].as_u64() >= Some(1)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_serves_while_redis_hangs_dies_and_comes_back() {
    let (database, redis) = (Database::new(), RedisServer::start().await.unwrap());
    let (a, b) = (Shop::open(&database, &redis).await, Shop::open(&database, &redis).await);
    let new = |price: u32| json!({ "name": "Lamp", "price_cents": price });
    redis.pause().unwrap();
    a.put("/api/products/1", new(1)).await;
    assert_eq!(a.json("/api/products/1").await["price_cents"], 1);
    redis.resume().unwrap();
    eventually("the other shop has heard of it", async || {
        b.json("/api/products/1").await["price_cents"] == 1
    })
    .await;

    redis.kill();
    assert!(a.json("/stats").await["redis"].is_null());
    a.put("/api/products/1", new(2)).await;
    assert_eq!(a.json("/api/products/1").await["price_cents"], 2);
    redis.restart().await.unwrap();
    eventually("the other shop has heard of it", async || {
        b.json("/api/products/1").await["price_cents"] == 2
    })
    .await;
    eventually("its answers are hits again", async || {
        b.get("/api/products/1").await.field("x-cache") == "HIT"
    })
    .await;
    eventually("it asks Redis for its statistics again", async || {
        a.json("/stats").await["redis"].is_object()
    })
    .await;
}

/// Both shops show the new value, and neither asks the database for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_written_user_is_on_both_shops_without_a_query() {
    let (database, redis) = (Database::new(), RedisServer::start().await.unwrap());
    let (a, b) = (Shop::open(&database, &redis).await, Shop::open(&database, &redis).await);
    // A shop waits 50 ms for Redis, which may not be enough on a busy machine: it then asks the
    // database. So each write is of another user.
    let user = AtomicU64::new(0);
    eventually("both shops have what was written from the cache", async || {
        let id = user.fetch_add(1, Ordering::Relaxed) + 1;
        let path = format!("/api/users/{id}");
        for shop in [&a, &b] {
            shop.get(&path).await;
        }
        let name = format!("Written {id}");
        a.put(&path, json!({ "name": name, "email": "ada@example.com", "score": id })).await;
        let before = [a.queries().await, b.queries().await];
        assert_eq!(a.json(&path).await["name"], name);
        eventually("the other shop shows it", async || b.json(&path).await["name"] == name).await;
        [a.queries().await, b.queries().await] == before
    })
    .await;
    let users = &a.json("/stats").await["cache"]["values"]["user"];
    assert!(users["cached_writes"].as_u64() >= Some(1), "{users}");
}

/// The product values that the job of one shop has loaded are there for the other shop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_job_of_one_shop_has_loaded_is_there_for_the_other() {
    eventually("the other shop has all products from Redis", async || {
        let (database, redis) = (Database::new(), RedisServer::start().await.unwrap());
        let (a, b) = (Shop::open(&database, &redis).await, Shop::open(&database, &redis).await);
        assert_eq!(a.json("/api/products/1/related").await.as_array().unwrap().len(), 4);
        // The stores to Redis run in the background. The last one is the route's.
        eventually("the route is shared", async || {
            b.get("/api/products/1/related").await.field("x-cache") == "HIT"
        })
        .await;
        let before = b.queries().await;
        for id in 2..=20 {
            b.get(&format!("/api/products/{id}")).await;
        }
        let products = &b.json("/stats").await["cache"]["values"]["product"];
        b.queries().await == before && products["hits_shared"] == 19
    })
    .await;
}
