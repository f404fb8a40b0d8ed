//! Inner services that are not ready: hits do not wait for them, and calls do.

use std::time::Duration;

use http::{Method, Request, Response};
use larder::CacheBody;
use larder_testing::{Answer, AnswerBody, Gate, Origin};
use larder_tests::http::soon;
use tokio::task::JoinHandle;
use tower::buffer::BufferLayer;
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};
use tower::load_shed::LoadShedLayer;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt as _};

use crate::support::{cache, hourly};

type Answered = Result<Response<CacheBody<AnswerBody>>, BoxError>;

/// Returns an origin that holds every request below `/slow` at the gate.
fn origin(gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::new(move |request, _| match request.uri.path().starts_with("/slow") {
        true => Answer::ok("slow").held_at(&gate),
        false => Answer::ok("quick"),
    })
}

fn call<S>(service: &S, method: Method, path: &str) -> JoinHandle<Answered>
where
    S: Service<Request<()>, Response = Response<CacheBody<AnswerBody>>, Error: Into<BoxError>>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let request = Request::builder().method(method).uri(path).body(()).unwrap();
    let service = service.clone();
    tokio::spawn(async move { service.oneshot(request).await.map_err(Into::into) })
}

async fn x_cache(answer: JoinHandle<Answered>) -> String {
    let response = soon("the answer", answer).await.unwrap().unwrap();
    response.headers()["x-cache"].to_str().unwrap().to_owned()
}

/// Fills `/quick`, and begins a request that occupies the inner service.
async fn with_busy_handler<S>(service: &S, gate: &Gate) -> JoinHandle<Answered>
where
    S: Service<Request<()>, Response = Response<CacheBody<AnswerBody>>, Error: Into<BoxError>>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    assert_eq!(x_cache(call(service, Method::GET, "/quick")).await, "MISS");
    let busy = call(service, Method::GET, "/slow");
    soon("the slow call", gate.arrived(1)).await;
    busy
}

#[tokio::test]
async fn a_hit_does_not_wait_for_a_limit_inside() {
    let (cache, gate) = (cache().0, Gate::new());
    let service = ServiceBuilder::new()
        .layer(cache.layer(hourly()))
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .service(origin(&gate));
    let busy = with_busy_handler(&service, &gate).await;
    assert_eq!(x_cache(call(&service, Method::GET, "/quick")).await, "HIT");
    let head = call(&service, Method::HEAD, "/quick");
    assert_eq!(x_cache(head).await, "HIT");
    gate.open();
    assert_eq!(x_cache(busy).await, "MISS");
}

#[tokio::test]
async fn a_hit_does_not_wait_for_a_buffer_inside() {
    let (cache, gate) = (cache().0, Gate::new());
    let service = ServiceBuilder::new()
        .layer(cache.layer(hourly()))
        .layer(BufferLayer::new(1))
        .layer(ConcurrencyLimitLayer::new(1))
        .service(origin(&gate));
    let busy = with_busy_handler(&service, &gate).await;
    // These two fill the buffer.
    let waiting = ["/1", "/2"].map(|path| call(&service, Method::GET, path));
    assert_eq!(x_cache(call(&service, Method::GET, "/quick")).await, "HIT");
    gate.open();
    assert_eq!(x_cache(busy).await, "MISS");
    for answer in waiting {
        assert_eq!(x_cache(answer).await, "MISS");
    }
}

/// A miss is shed as it is without the cache.
#[tokio::test]
async fn a_hit_is_not_shed_by_a_layer_inside() {
    let (cache, gate) = (cache().0, Gate::new());
    let service = ServiceBuilder::new()
        .layer(cache.layer(hourly()))
        .layer(LoadShedLayer::new())
        .layer(ConcurrencyLimitLayer::new(1))
        .service(origin(&gate));
    let busy = with_busy_handler(&service, &gate).await;
    assert_eq!(x_cache(call(&service, Method::GET, "/quick")).await, "HIT");
    for (method, path) in [(Method::GET, "/other"), (Method::POST, "/other"), (Method::OPTIONS, "/quick")] {
        let shed = soon("the error", call(&service, method, path)).await.unwrap();
        assert!(shed.unwrap_err().is::<tower::load_shed::error::Overloaded>());
    }
    gate.open();
    assert_eq!(x_cache(busy).await, "MISS");
}

/// The cache is always ready, so a layer around it has no reason to shed.
#[tokio::test]
async fn a_layer_outside_does_not_shed_for_a_limit_inside() {
    let (cache, gate) = (cache().0, Gate::new());
    let service = ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .layer(cache.layer(hourly()))
        .layer(ConcurrencyLimitLayer::new(1))
        .service(origin(&gate));
    let busy = with_busy_handler(&service, &gate).await;
    let waiting = [(Method::GET, "/1"), (Method::POST, "/2"), (Method::OPTIONS, "/3")];
    let waiting = waiting.map(|(method, path)| call(&service, method, path));
    assert_eq!(x_cache(call(&service, Method::GET, "/quick")).await, "HIT");
    gate.open();
    assert_eq!(x_cache(busy).await, "MISS");
    for (answer, expected) in waiting.into_iter().zip(["MISS", "BYPASS", "BYPASS"]) {
        assert_eq!(x_cache(answer).await, expected);
    }
}

/// A refresh in the background needs the slot inside while its request has the one outside.
#[tokio::test]
async fn limits_of_one_on_both_sides_do_not_block_each_other() {
    let ((cache, clock), gate) = (cache(), Gate::new());
    gate.open();
    let policy = hourly().stale_while_revalidate(Duration::from_secs(60));
    let service = ServiceBuilder::new()
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .layer(cache.layer(policy))
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .service(origin(&gate));
    for _ in 0..3 {
        let paths = ["/1", "/1", "/slow", "/2", "/2"];
        let answers = paths.map(|path| call(&service, Method::GET, path));
        let write = call(&service, Method::POST, "/3");
        for answer in answers.into_iter().chain([write]) {
            x_cache(answer).await;
        }
        clock.advance(Duration::from_secs(3601));
    }
    crate::support::counted(&cache, |stats| stats.refreshes >= 3 && stats.stored >= 6).await;
}
