//! An application with a cache and an admin router.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use larder::redis::RedisStore;
use larder::{Cache, Policy, ttl};
use larder_admin::Role;
use larder_testing::RedisServer;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{OPERATOR, Program, READER};

/// The host of all pages.
pub(crate) const HOST: &str = "shop.example";

/// An application that serves until the test ends.
pub(crate) struct Application {
    pub(crate) cache: Cache,
    pub(crate) address: SocketAddr,
}

impl Application {
    /// Starts an application with a cache in its memory.
    pub(crate) async fn start() -> Self {
        Self::serve(Cache::builder().count_top_keys().build()).await
    }

    /// Starts an application that shares its cache in Redis.
    pub(crate) async fn with_redis(redis: &RedisServer) -> Self {
        let store =
            RedisStore::builder(&redis.url()).command_timeout(Duration::from_secs(10)).connect().unwrap();
        let application = Self::serve(Cache::builder().shared_store(store).build()).await;
        while !application.cache.health().is_ready() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        application
    }

    async fn serve(cache: Cache) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = router(&cache);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { cache, address }
    }

    pub(crate) fn admin_url(&self) -> String {
        format!("http://{}/ops/cache", self.address)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the program with this application as its target, and a token that permits all.
    pub(crate) fn program(&self) -> Program {
        Program::new().env("LARDER_URL", self.admin_url()).env("LARDER_TOKEN", OPERATOR)
    }

    /// Returns the number of warm-up jobs that the application knows.
    pub(crate) async fn jobs(&self) -> usize {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head =
            format!("GET /ops/cache/api/warm HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {READER}\r\n");
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        // A client that asks too often gets no list.
        body["jobs"].as_array().map_or(0, Vec::len)
    }

    /// Requests pages, so that they are stored.
    pub(crate) async fn fill(&self, paths: &[&str]) {
        let run = Program::new().args(["warm", "--from", "-", "--host", HOST, "--to", &self.url()]);
        let run = run.input(&paths.join("\n")).run().await;
        assert_eq!(run.code, Some(0), "{run:?}");
    }
}

/// Returns an application with cached routes, and one that is not.
pub(crate) fn router(cache: &Cache) -> Router {
    let products = Policy::ttl(ttl::STANDARD).tag("product:{id}");
    let carts = get(async || "a cart").layer(cache.layer(Policy::ttl(ttl::STANDARD).key_cookie("session")));
    let failing = get(async || (StatusCode::INTERNAL_SERVER_ERROR, "broken"));
    let app = Router::new()
        .route("/products/{id}", get(async || "a product").layer(cache.layer(products)))
        .route("/carts/{id}", carts)
        .route("/pages/{page}", get(async || "a page").layer(cache.layer(Policy::ttl(ttl::STANDARD))))
        .route("/broken", failing.layer(cache.layer(Policy::ttl(ttl::STANDARD))))
        .route("/open", get(async || "not cached"));
    let admin = larder_admin::router(cache)
        .application(app.clone())
        .token("dashboard", Role::Read, READER)
        .token("on-call", Role::Purge, OPERATOR);
    app.nest("/ops/cache", admin.build().unwrap())
}
