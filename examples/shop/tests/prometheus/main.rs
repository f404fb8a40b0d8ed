//! The alerts and the dashboard of `ops` with a real Prometheus, which scrapes two shops.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(unix)]

mod panels;
// Clients of these tests accept that a request fails, so they have their own function.
#[allow(dead_code)]
#[path = "../support/process.rs"]
mod process;
mod server;
mod short_times;
mod site;

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use self::process::{ask_to_end, call};
use self::site::{Client, Request, Site, until};

const HIT_RATIO: [&str; 1] = ["LarderHitRatioFalling"];
const QUEUE: [&str; 2] = ["LarderQueueGrowing", "LarderQueueStuck"];
const REDIS: [&str; 4] =
    ["LarderRedisDown", "LarderInstanceDetached", "LarderInvalidationsDeferred", "LarderStoreErrors"];
const REDIS_MEMORY: [&str; 1] = ["LarderRedisMemoryFull"];
const SLOW_POLLS: [&str; 1] = ["LarderSlowPolls"];
const DEAD_WRITES: [&str; 1] = ["LarderDeadWrites"];
const ABSENT: [&str; 1] = ["LarderMetricsAbsent"];

/// Panels without data before their fault: counters of what fails.
const FAILED_FLUSHES: &str = "Failed flushes";
const REDIS_ERRORS: &str = "Errors";

const CART: &str = r#"{"items": [{"product": 42, "quantity": 2}]}"#;

#[tokio::test]
#[ignore = "takes three minutes: run `cargo xtask alerts`"]
async fn panels_have_data_and_alerts_fire_for_their_faults() {
    let site = Site::start().await;
    let clients = site.shops.each_ref().map(|shop| Client::start(shop, save_cart_or_miss));
    site.until_data(|panel| ![FAILED_FLUSHES, REDIS_ERRORS].contains(&panel)).await;
    until_there_is_a_good_hit_ratio(&site).await;
    // A slow poll depends on the load of the machine.
    let all = [&HIT_RATIO[..], &QUEUE, &REDIS, &REDIS_MEMORY, &ABSENT, &DEAD_WRITES].concat();
    site.until_quiet(&all).await;

    hit_ratio_falls(&site).await;
    queue_grows(&site).await;
    redis_hangs(&site).await;
    redis_is_full(&site).await;
    polls_are_slow(&site).await;
    site.until_quiet(&all).await;
    sink_refuses_a_write(&site).await;
    drop(clients);
    shops_end(&site).await;
}

/// Most requests save a cart. One in ten asks for a product that does not exist, which is not
/// stored.
fn save_cart_or_miss(number: u32) -> Request {
    match number % 10 {
        0 => ("GET", "/api/products/10001".to_owned(), ""),
        _ => ("PUT", format!("/api/users/{}/cart", number % 500 + 1), CART),
    }
}

/// Waits until an earlier hit ratio is known that can fall.
async fn until_there_is_a_good_hit_ratio(site: &Site) {
    let earlier = r#"larder:hit_ratio:5m{route="/api/countries"} offset 20s > 0.9"#;
    let is_there = until(async || !site.prometheus.query(earlier).is_empty());
    assert!(is_there.await, "{:?}", site.prometheus.query("larder:hit_ratio:5m"));
}

/// Clients send a new parameter with a different value in each request.
async fn hit_ratio_falls(site: &Site) {
    site.until_quiet(&HIT_RATIO).await;
    let visits = site
        .shops
        .each_ref()
        .map(|shop| Client::start(shop, |number| ("GET", format!("/api/countries?visit={number}"), "")));
    site.until_firing(&HIT_RATIO).await;
    drop(visits);
}

/// The database accepts no writes, and clients go on writing.
async fn queue_grows(site: &Site) {
    site.until_quiet(&QUEUE).await;
    let options = SqliteConnectOptions::new().filename(site.folder.database());
    let mut database = options.connect().await.unwrap();
    run(&mut database, "BEGIN IMMEDIATE").await;
    site.until_firing(&QUEUE).await;
    site.until_data(|panel| panel == FAILED_FLUSHES).await;
    run(&mut database, "COMMIT").await;
}

async fn run(database: &mut SqliteConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(database).await.unwrap();
}

async fn redis_hangs(site: &Site) {
    site.until_quiet(&REDIS).await;
    site.redis.pause().unwrap();
    site.until_firing(&REDIS).await;
    site.until_data(|panel| panel == REDIS_ERRORS).await;
    site.redis.resume().unwrap();
}

/// The limit of Redis is below what it uses.
async fn redis_is_full(site: &Site) {
    site.until_quiet(&REDIS_MEMORY).await;
    site.redis.command(&["CONFIG", "SET", "maxmemory", "1mb"]).await.unwrap();
    site.until_firing(&REDIS_MEMORY).await;
    site.redis.command(&["CONFIG", "SET", "maxmemory", "256mb"]).await.unwrap();
}

/// Redis answers polls late, but in time. A poll writes a heartbeat, so it waits for the pause.
async fn polls_are_slow(site: &Site) {
    site.until_quiet(&SLOW_POLLS).await;
    let pauses = async {
        loop {
            site.redis.command(&["CLIENT", "PAUSE", "250", "WRITE"]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        () = pauses => {}
        () = site.until_firing(&SLOW_POLLS) => {}
    }
}

/// The database refuses the cart of one user. The shop cannot take it out of the quarantine, so
/// this fault does not end.
async fn sink_refuses_a_write(site: &Site) {
    let options = SqliteConnectOptions::new().filename(site.folder.database());
    let mut database = options.connect().await.unwrap();
    run(
        &mut database,
        "CREATE TRIGGER refusal BEFORE INSERT ON carts WHEN new.user_id = 501
         BEGIN SELECT RAISE(ABORT, 'the test refuses this cart'); END",
    )
    .await;
    // On a busy machine, Redis may be too slow for a write. Once there is one, another write of
    // this cart would take its place, and be tried as often again.
    let mut saved = String::new();
    let is_saved = until(async || {
        saved = call(&site.shops[0], "PUT", "/api/users/501/cart", CART);
        saved.starts_with("HTTP/1.1 200 OK\r\n")
    });
    assert!(is_saved.await, "{saved}");
    site.until_firing(&DEAD_WRITES).await;
}

async fn shops_end(site: &Site) {
    site.until_quiet(&ABSENT).await;
    site.shops.iter().for_each(|shop| ask_to_end(shop));
    site.until_firing(&ABSENT).await;
}
