//! Where views are counted: a collection of operations, or without a cache the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::values::{LoadingValues, Operations};
use larder::write_queue::Durability;
use larder::{Cache, ConfigError, Invalidation, ttl};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::caching::Caching;
use crate::cart_store::READER_LEASE;
use crate::collections::{ABSENCE_TTL, Found};
use crate::database::Database;
use crate::extract::Id;
use crate::queue_stats::queue_counters;
use crate::views::{View, Views};

/// The number of views that may be on their way to the queue. Further ones are not counted.
///
/// So a Redis that hangs costs the shop a few tasks, and no request waits for it.
const MAX_PUSHING: u32 = 64;

/// How long the end of the shop waits for views that are on their way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The counter of views.
#[derive(Debug, Clone)]
pub(crate) struct ViewCounter {
    /// `None` with `--no-cache`.
    operations: Option<Operations<i64, View>>,
    counts: LoadingValues<i64, Views, sqlx::Error>,
    database: Database,
    pushing: Arc<Semaphore>,
    lost: Arc<AtomicU64>,
}

impl ViewCounter {
    /// Creates the collection of views, if there is a cache, and the collection of their counts.
    ///
    /// A view is worth less than a cart, so it does not wait for the disk.
    ///
    /// # Errors
    ///
    /// Fails if an option of a collection is invalid.
    pub(crate) fn open(caching: &Caching, database: &Database) -> Result<Self, ConfigError> {
        let counts = counts(caching.cache(), database.clone())?;
        let operations = if caching.is_enabled() {
            let shown = counts.clone();
            let views = caching.cache().operations("views");
            let views = views.invalidates(move |product| Invalidation::of(shown.selector(product)));
            let views = views.sink(database.clone()).reader_lease(READER_LEASE);
            let views =
                if caching.has_redis() { views.durability(Durability::Memory) } else { views.in_process() };
            Some(views.build()?)
        } else {
            None
        };
        let pushing = Arc::new(Semaphore::new(MAX_PUSHING as usize));
        Ok(Self { operations, counts, database: database.clone(), pushing, lost: Arc::default() })
    }

    /// Counts a view in a task of its own. If it cannot be queued, it is lost.
    pub(crate) fn count(&self, product: Id) {
        let Ok(permit) = Arc::clone(&self.pushing).try_acquire_owned() else {
            self.lose();
            return;
        };
        let counter = self.clone();
        tokio::spawn(async move {
            if !counter.push(product).await {
                counter.lose();
            }
            drop(permit);
        });
    }

    /// Returns whether the view is queued, or without a queue, counted.
    async fn push(&self, product: Id) -> bool {
        match &self.operations {
            Some(views) => views.push(&product.get(), &View).await.is_ok(),
            None => self.database.add_view(product).await.is_ok(),
        }
    }

    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often a product was viewed, unless it does not exist.
    pub(crate) async fn find(&self, product: Id) -> Found<Views> {
        self.counts.load(&product.get()).await
    }

    /// Waits for the views that are on their way to the queue.
    pub(crate) async fn close(&self) {
        if timeout(CLOSE_TIMEOUT, self.pushing.acquire_many(MAX_PUSHING)).await.is_err() {
            tracing::warn!("some views of products are not counted");
        }
    }

    /// Returns the counters of the operations and of the queue, if there is one.
    pub(crate) async fn stats(&self) -> Option<Value> {
        let views = self.operations.as_ref()?;
        let mut counters = queue_counters(views.write_stats(), views.queue_stats().await.ok());
        counters["lost"] = json!(self.lost.load(Ordering::Relaxed));
        Some(counters)
    }
}

/// The counts, cache-aside: each flush of views invalidates those that it has changed.
fn counts(cache: &Cache, database: Database) -> Result<LoadingValues<i64, Views, sqlx::Error>, ConfigError> {
    cache
        .values("view_count")
        .ttl(ttl::STANDARD)
        .negative_ttl(ABSENCE_TTL)
        .loader(move |product| {
            let database = database.clone();
            async move { database.views(product).await }
        })
        .build()
}
