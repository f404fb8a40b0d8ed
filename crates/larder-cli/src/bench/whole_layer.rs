//! Requests through the layer: misses, hits from Redis and hits from memory.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use larder::{Cache, Policy};
use larder_redis::RedisStore;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::bench::bench_report::Row;
use crate::bench::load_loop::{Load, Until, run};
use crate::bench::plan::Plan;
use crate::cli_error::CliError;
use crate::scratch::EXPIRY;

const READY_LIMIT: Duration = Duration::from_secs(10);

/// Two instances with one Redis: one without memory, and one with enough for all keys.
pub(super) struct Caches {
    redis_alone: Cache,
    with_memory: Cache,
    body: Bytes,
}

impl Caches {
    pub(super) fn new(store: &RedisStore, plan: &Plan) -> Self {
        // A response takes more than its body.
        let memory = plan.bytes_of_all_keys().saturating_add(plan.keys * 4_096).saturating_mul(2);
        let build = |memory| Cache::builder().shared_store(store.clone()).max_memory_bytes(memory).build();
        let length = usize::try_from(plan.bytes).unwrap_or_default();
        Self { redis_alone: build(0), with_memory: build(memory), body: Bytes::from(vec![b'x'; length]) }
    }

    /// Closes both caches and their store.
    pub(super) async fn close(&self) {
        for cache in [&self.redis_alone, &self.with_memory] {
            let _ = cache.close().await;
        }
    }
}

pub(super) async fn measure(caches: &Caches, plan: &Plan) -> Result<Vec<Row>, CliError> {
    for cache in [&caches.redis_alone, &caches.with_memory] {
        let ready = cache.ready(READY_LIMIT).await;
        ready.map_err(|error| CliError::failed(format!("the log cannot be read: {error}")))?;
    }
    let calls = Arc::new(AtomicU64::new(0));
    let mut rows = Vec::new();
    let once = || Until::each_key_once(plan.time, plan.keys);
    let all = || Until::each_key_once(Duration::from_secs(30), plan.keys);
    let redis_alone = |until: Until| send(&caches.redis_alone, caches, &calls, plan, until);
    let with_memory = |until: Until| send(&caches.with_memory, caches, &calls, plan, until);
    rows.push(row("miss, stored in Redis", &calls, redis_alone(once())).await?);
    // Keys that had no turn in time, and those that are not in memory yet.
    redis_alone(all()).await?;
    rows.push(row("hit in Redis", &calls, redis_alone(Until::time(plan.time))).await?);
    with_memory(all()).await?;
    rows.push(row("hit in memory", &calls, with_memory(Until::time(plan.time))).await?);
    Ok(rows)
}

/// Measures, and counts the calls of the handler.
async fn row(
    operation: &'static str,
    calls: &AtomicU64,
    sending: impl Future<Output = Result<Load, CliError>>,
) -> Result<Row, CliError> {
    let before = calls.load(Ordering::Relaxed);
    let load = sending.await?;
    let row = Row::new("layer", operation, None, &load);
    Ok(row.with_handler_calls(calls.load(Ordering::Relaxed) - before))
}

async fn send(
    cache: &Cache,
    caches: &Caches,
    calls: &Arc<AtomicU64>,
    plan: &Plan,
    until: Until,
) -> Result<Load, CliError> {
    let (body, calls) = (caches.body.clone(), Arc::clone(calls));
    let handler = service_fn(move |_: Request<()>| {
        calls.fetch_add(1, Ordering::Relaxed);
        let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
        let response = response.body(Full::new(body.clone())).unwrap_or_default();
        async move { Ok::<_, Infallible>(response) }
    });
    // A lifetime that differs from key to key would end during a measurement.
    let service = cache.layer(Policy::ttl(EXPIRY).jitter(0.0).tag("bench")).layer(handler);
    let tasks = usize::try_from(plan.tasks).unwrap_or(1);
    let operation = || {
        let service = service.clone();
        move |index: u64| answered(service.clone(), index)
    };
    run((0..tasks).map(|_| operation()).collect(), plan.keys, &until).await
}

/// Sends a request, and reads the response to its end. Returns whether it was answered.
async fn answered<S, B>(service: S, index: u64) -> bool
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body,
{
    let request = Request::get(format!("/products/{index:08}")).header(header::HOST, "shop.example").body(());
    let Ok(request) = request else { return false };
    let Ok(response) = service.oneshot(request).await;
    response.status().is_success() && response.into_body().collect().await.is_ok()
}
