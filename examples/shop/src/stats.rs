//! `GET /stats`: the handlers that ran, and the counters of the cache.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};

use crate::app::App;

/// The handlers that are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handler {
    Product,
    ProductUpdate,
    ProductSearch,
    Related,
    Views,
    User,
    UserUpdate,
    TopUsers,
    Me,
    Cart,
    CartUpdate,
    Countries,
}

impl Handler {
    const ALL: [Self; 12] = [
        Self::Product,
        Self::ProductUpdate,
        Self::ProductSearch,
        Self::Related,
        Self::Views,
        Self::User,
        Self::UserUpdate,
        Self::TopUsers,
        Self::Me,
        Self::Cart,
        Self::CartUpdate,
        Self::Countries,
    ];

    /// Returns the name under `handler_runs`.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::ProductUpdate => "product_update",
            Self::ProductSearch => "product_search",
            Self::Related => "related",
            Self::Views => "views",
            Self::User => "user",
            Self::UserUpdate => "user_update",
            Self::TopUsers => "top_users",
            Self::Me => "me",
            Self::Cart => "cart",
            Self::CartUpdate => "cart_update",
            Self::Countries => "countries",
        }
    }
}

/// The number of runs of each handler since the process started. A hit runs none.
#[derive(Debug, Default)]
pub(crate) struct Runs([AtomicU64; Handler::ALL.len()]);

impl Runs {
    /// Counts one run. Handlers call it first, so that failed runs count as well.
    pub(crate) fn count(&self, handler: Handler) {
        self.of(handler).fetch_add(1, Ordering::Relaxed);
    }

    fn of(&self, handler: Handler) -> &AtomicU64 {
        &self.0[handler as usize]
    }

    fn by_name(&self) -> BTreeMap<&'static str, u64> {
        Handler::ALL
            .iter()
            .map(|&handler| (handler.as_str(), self.of(handler).load(Ordering::Relaxed)))
            .collect()
    }
}

/// The response of `/stats`.
#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    handler_runs: BTreeMap<&'static str, u64>,
    /// The number of queries since the process started, without those that create the database, and
    /// without those that bring carts and views to it later.
    database_queries: u64,
    /// The counters of the cache, or null without a cache.
    cache: Option<Value>,
    /// The counters of queued writes, or null without a cache.
    write_behind: Option<Value>,
    /// The counters of the Redis server, or null if there is none or it cannot be reached.
    redis: Option<Value>,
}

/// `GET /stats`
pub(crate) async fn show(State(app): State<App>) -> Json<Stats> {
    Json(Stats {
        handler_runs: app.runs.by_name(),
        database_queries: app.database.queries(),
        cache: app.cache.stats(),
        write_behind: write_behind(&app).await,
        redis: app.cache.redis_stats().await,
    })
}

async fn write_behind(app: &App) -> Option<Value> {
    let (cart, views) = (app.carts.stats().await?, app.views.stats().await?);
    Some(json!({ "cart": cart, "views": views }))
}
