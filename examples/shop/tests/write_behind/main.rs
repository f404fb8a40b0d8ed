//! Carts and page views with a real Redis, on both databases: what is pending survives the end of
//! the process that wrote it.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used, clippy::panic)]
#![cfg(unix)]

#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/process.rs"]
mod process;
mod stalled_sink;
#[path = "../support/table.rs"]
mod table;

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use larder_testing::RedisServer;
use serde_json::{Value, json};

use self::postgres::Postgres;
use self::process::{Folder, Shop, ask_to_end, call, listening, start_with};
use self::table::Tables;

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Redis whose replies say that a write is on the disk.
async fn durable_redis() -> RedisServer {
    RedisServer::builder().config("appendonly yes").config("appendfsync always").start().await.unwrap()
}

fn shop(database: &str, redis: &RedisServer) -> Shop {
    listening(start_with(database, &["--redis", &redis.url()]))
}

/// Returns the status and the body.
fn send(shop: &Shop, method: &str, path: &str, body: &str) -> (u16, Value) {
    let answer = call(shop, method, path, body);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// Reads until there is an answer: on a busy machine, Redis may take too long.
async fn get(shop: &Shop, path: &str) -> Value {
    answered(shop, "GET", path, "").await
}

/// Repeats a request until its status is not 503, and returns the body.
async fn answered(shop: &Shop, method: &str, path: &str, body: &str) -> Value {
    let mut answer = (503, Value::Null);
    until(path, async || {
        answer = send(shop, method, path, body);
        answer.0 != 503
    })
    .await;
    assert!(answer.0 < 300, "{method} {path}: {answer:?}");
    answer.1
}

fn cart(quantity: u32) -> Value {
    json!({"items": [{"product": 42, "quantity": quantity}]})
}

async fn save(shop: &Shop, cart: &Value) {
    let saved = answered(shop, "PUT", "/api/users/7/cart", &cart.to_string()).await;
    assert_eq!(saved, *cart);
}

async fn shown(shop: &Shop) -> Value {
    get(shop, "/api/users/7/cart").await
}

/// Polls until the condition holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn until_flushed(tables: &mut Tables, cart: &Value) {
    let items = Some(Some(cart["items"].to_string()));
    until("the flush", async || tables.cart(7).await == items).await;
}

#[tokio::test]
async fn a_cart_survives_the_process_that_wrote_it_on_sqlite() {
    let folder = Folder::new("carts");
    let database = folder.database().display().to_string();
    let redis = durable_redis().await;
    let writer = shop(&database, &redis);
    a_cart_survives(&database, &redis, writer, Tables::sqlite(&folder.database()).await).await;
}

#[tokio::test]
async fn a_cart_survives_the_process_that_wrote_it_on_postgres() {
    let postgres = Postgres::start(&["fsync=off"]);
    let database = postgres.create("carts");
    let redis = durable_redis().await;
    let writer = shop(&database, &redis);
    a_cart_survives(&database, &redis, writer, Tables::postgres(&database).await).await;
}

async fn a_cart_survives(database: &str, redis: &RedisServer, writer: Shop, mut tables: Tables) {
    // The writer is alone for now, so it reads all partitions, and goes on doing so.
    let (first, second) = (cart(1), cart(2));
    save(&writer, &first).await;
    until_flushed(&mut tables, &first).await;
    let other = shop(database, redis);
    assert_eq!(shown(&other).await, first);
    // This one asks for the cart only after the end of the writer.
    let third = shop(database, redis);

    tables.lock().await;
    save(&writer, &second).await;
    assert_eq!(shown(&writer).await, second, "an instance reads its own writes");
    until("the new cart", async || shown(&other).await == second).await;
    // This kills it. The flush waits for the lock, so nothing can have come of it.
    drop(writer);
    for reader in [&other, &third] {
        assert_eq!(shown(reader).await, second, "while it is pending");
    }
    assert_eq!(tables.cart(7).await, Some(Some(first["items"].to_string())));

    tables.unlock().await;
    until_flushed(&mut tables, &second).await;
    until("the end of the queue", async || queue_length(&other, "cart").await == Some(0)).await;
    for reader in [&other, &third] {
        assert_eq!(shown(reader).await, second, "after the flush");
    }

    answered(&other, "DELETE", "/api/users/7/cart", "").await;
    assert_eq!(shown(&other).await, json!({"items": []}));
    until("the deletion", async || tables.cart(7).await == Some(None)).await;
}

/// Returns the number of writes in the queue of a collection, or `None` if Redis does not answer.
async fn queue_length(shop: &Shop, collection: &str) -> Option<u64> {
    get(shop, "/stats").await["write_behind"][collection]["queue"]["entries"].as_u64()
}

#[tokio::test]
async fn each_view_counts_once_if_the_flusher_is_killed_on_sqlite() {
    let folder = Folder::new("views");
    let database = folder.database().display().to_string();
    let redis = durable_redis().await;
    let flusher = shop(&database, &redis);
    each_view_counts_once(&database, &redis, flusher, Tables::sqlite(&folder.database()).await).await;
}

#[tokio::test]
async fn each_view_counts_once_if_the_flusher_is_killed_on_postgres() {
    let postgres = Postgres::start(&["fsync=off"]);
    let database = postgres.create("views");
    let redis = durable_redis().await;
    let flusher = shop(&database, &redis);
    each_view_counts_once(&database, &redis, flusher, Tables::postgres(&database).await).await;
}

/// The flusher is killed between its commit and the removal from the queue, so that its views come
/// again.
async fn each_view_counts_once(database: &str, redis: &RedisServer, flusher: Shop, mut tables: Tables) {
    // The flusher is alone for now, so it reads all partitions, and goes on doing so.
    let mut sent = 0;
    let mut view = async || {
        get(&flusher, "/api/products/42").await;
        sent += 1;
    };
    until("the first view", async || {
        view().await;
        tables.views(42).await > 0
    })
    .await;
    let other = shop(database, redis);
    until("a removal", async || queue_length(&other, "views").await == Some(0)).await;
    assert!(get(&other, "/api/products/42/views").await["views"].as_i64() > Some(0));

    tables.lock().await;
    let before = tables.views(42).await;
    until("five more pushes", async || {
        view().await;
        views(&flusher).await["queued"].as_i64() >= Some(before + 5)
    })
    .await;
    let possible = settled(&flusher, sent).await;
    redis.pause().unwrap();
    tables.unlock().await;
    until("a commit", async || tables.views(42).await > before).await;
    drop(flusher);
    redis.resume().unwrap();

    until("the end of the queue", async || queue_length(&other, "views").await == Some(0)).await;
    let counted = tables.views(42).await;
    assert!(possible.contains(&counted), "{counted} of {possible:?}");
    assert!(views(&other).await["ignored"].as_u64().unwrap() > 0, "no view came again");
    until("the invalidation", async || get(&other, "/api/products/42/views").await["views"] == counted).await;
}

/// Waits until this number of views is queued or lost. Returns the possible counts.
///
/// If Redis is slow, a view that counts as lost may be in the queue.
async fn settled(shop: &Shop, sent: i64) -> RangeInclusive<i64> {
    let mut possible = 0..=0;
    until("the last push", async || {
        let views = views(shop).await;
        let (queued, lost) = (views["queued"].as_i64().unwrap(), views["lost"].as_i64().unwrap());
        possible = queued..=queued + lost;
        *possible.end() >= sent
    })
    .await;
    assert_eq!(*possible.end(), sent, "more views than requests");
    possible
}

async fn views(shop: &Shop) -> Value {
    get(shop, "/stats").await["write_behind"]["views"].clone()
}

/// Each `GET` of a product that exists is a view, and nothing else is.
#[tokio::test]
async fn hits_and_misses_are_views() {
    let (folder, redis) = (Folder::new("hits"), RedisServer::start().await.unwrap());
    let shop = shop(&folder.database().display().to_string(), &redis);
    for outcome in ["MISS", "HIT", "HIT"] {
        assert!(call(&shop, "GET", "/api/products/42", "").contains(&format!("x-cache: {outcome}\r\n")));
    }
    for (method, path) in [
        ("HEAD", "/api/products/42"),
        ("GET", "/api/products/42/related"),
        ("GET", "/api/products/42/views"),
        ("GET", "/api/products/10001"),
        ("GET", "/api/products/042"),
    ] {
        call(&shop, method, path, "");
    }
    call(&shop, "PUT", "/api/products/42", r#"{"name": "Lamp", "price_cents": 1}"#);
    let possible = settled(&shop, 3).await;
    let shown = async || {
        let shown = get(&shop, "/api/products/42/views").await["views"].as_i64().unwrap();
        possible.contains(&shown)
    };
    until("the flush", shown).await;
    assert_eq!(send(&shop, "GET", "/api/products/10001/views", "").0, 404);
}

/// Without `appendonly yes`, a cart is refused: its queue would not survive a crash of Redis.
#[tokio::test]
async fn a_redis_that_is_not_durable_takes_carts_only_if_memory_is_enough() {
    let (folder, redis) = (Folder::new("durability"), RedisServer::start().await.unwrap());
    let database = folder.database().display().to_string();
    let strict = shop(&database, &redis);
    // Views take any Redis. So a slow Redis is not the reason why no cart is saved.
    until("a view", async || {
        get(&strict, "/api/products/42").await;
        views(&strict).await["queued"].as_u64() >= Some(1)
    })
    .await;
    for _ in 0..5 {
        let refused = send(&strict, "PUT", "/api/users/7/cart", &cart(1).to_string());
        assert_eq!(refused, (503, json!({"error": "this cannot be saved at the moment"})));
    }
    assert_eq!(shown(&strict).await, json!({"items": []}));
    drop(strict);

    let arguments = ["--redis", &redis.url(), "--cart-durability", "memory"];
    let shop = listening(start_with(&database, &arguments));
    save(&shop, &cart(1)).await;
    until_flushed(&mut Tables::sqlite(&folder.database()).await, &cart(1)).await;
}

#[tokio::test]
async fn without_redis_a_cart_is_refused_and_not_read_from_the_database() {
    let (folder, redis) = (Folder::new("away"), durable_redis().await);
    let shop = shop(&folder.database().display().to_string(), &redis);
    save(&shop, &cart(1)).await;
    redis.kill();
    assert_eq!(send(&shop, "PUT", "/api/users/7/cart", &cart(2).to_string()).0, 503);
    let unread = send(&shop, "GET", "/api/users/8/cart", "");
    assert_eq!(unread, (503, json!({"error": "this cannot be read at the moment"})));
    // The view is lost, and the product is there.
    assert_eq!(send(&shop, "GET", "/api/products/42", "").0, 200);
    until("the loss", async || views(&shop).await["lost"] == 1).await;
    redis.restart().await.unwrap();
    save(&shop, &cart(3)).await;
    assert_eq!(shown(&shop).await, cart(3));
}

/// Without Redis, the queue is in the process. The end of the process waits for the flush.
#[tokio::test]
async fn without_a_redis_carts_and_views_are_flushed_before_the_end() {
    let folder = Folder::new("in-process");
    let mut shop = listening(start_with(folder.database(), &[]));
    let mut tables = Tables::sqlite(&folder.database()).await;
    save(&shop, &cart(1)).await;
    until_flushed(&mut tables, &cart(1)).await;

    tables.lock().await;
    save(&shop, &cart(2)).await;
    assert_eq!(shown(&shop).await, cart(2), "while it is pending");
    for _ in 0..3 {
        get(&shop, "/api/products/42").await;
    }
    until("three views", async || views(&shop).await["queued"] == 3).await;
    assert_eq!((tables.cart(7).await, tables.views(42).await), (Some(Some(cart(1)["items"].to_string())), 0));
    ask_to_end(&shop);
    tables.unlock().await;
    assert!(shop.process.wait().unwrap().success());
    assert_eq!((tables.cart(7).await, tables.views(42).await), (Some(Some(cart(2)["items"].to_string())), 3));
}
