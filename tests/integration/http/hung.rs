//! Handlers that hang, and clients that leave.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use larder::{Cache, Policy};
use larder_testing::{Answer, Gate, ManualClock, Origin};
use larder_tests::http::{Site, soon};
use tower_http::timeout::TimeoutLayer;

use crate::support::{all, at_once, cache, counted, hourly, secs, site_behind_door};

/// The minimum limit. These tests wait for it in real time, and no result depends on its length.
const LIMIT: Duration = Duration::from_millis(100);

fn limited() -> Policy {
    hourly().fill_timeout(LIMIT)
}

/// Returns an origin whose first calls hang at a gate until it opens or they are dropped.
fn hanging(calls: usize, gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::new(move |_, call| {
        let answer = Answer::ok(call.to_string());
        if call <= calls { answer.held_at(&gate) } else { answer }
    })
}

#[tokio::test]
async fn a_handler_that_hung_once_costs_its_key_one_limit() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = hanging(1, &gate);
    let timeout = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, LIMIT / 10);
    let router = Router::new().fallback_service(origin.clone()).layer(cache.layer(limited())).layer(timeout);
    let site = Site::of(router).await;
    assert_eq!(site.get("/x").await.status, StatusCode::GATEWAY_TIMEOUT);
    for method in [Method::GET, Method::HEAD] {
        let answered = async {
            loop {
                let page = site.ask(method.clone(), "/x").send().await;
                if page.status == StatusCode::OK {
                    return page;
                }
            }
        };
        soon("a page", answered).await;
    }
    assert!(site.get("/x").await.is("HIT", "2"));
    assert_eq!(cache.stats().not_stored["fill-timeout"], 1);
    soon("the first run's end", async {
        while origin.running() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The fill's own client waits as it would without the layer. The late response is not stored, and
/// the reason is reported.
#[tokio::test]
async fn a_late_response_is_for_its_own_client_alone() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = hanging(1, &gate);
    let (site, door) = site_behind_door(&cache, limited(), &origin).await;
    let late = at_once(&site, "/x", 1);
    door.came(1).await;
    let others = all(at_once(&site, "/x", 50)).await;
    assert!(others.iter().all(|page| ("2"..="6").contains(&page.text().as_str())), "{others:?}");
    assert!(origin.calls() <= 6, "one for all, or four at once: {}", origin.calls());
    counted(&cache, |stats| stats.not_stored.contains_key("fill-timeout")).await;
    gate.open();
    let late = all(late).await.remove(0);
    assert_eq!(late.text(), "1");
    assert!(late.cache_status().contains("not stored: fill-timeout"), "{}", late.cache_status());
    assert_eq!(site.get("/x").await.x_cache(), "HIT");
}

/// A follower waits for one limit in total, and then continues as it would without the layer.
#[tokio::test]
async fn followers_wait_for_one_limit_however_many_leaders_hang() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = hanging(usize::MAX, &gate);
    let (site, door) = site_behind_door(&cache, limited(), &origin).await;
    let pages = at_once(&site, "/x", 20);
    door.came(20).await;
    soon("all of them at the handler", gate.arrived(20)).await;
    gate.open();
    assert_eq!(all(pages).await.len(), 20);
}

/// If handlers fail without a response, only few requests at once run them again.
#[tokio::test]
async fn four_at_once_run_the_handler_again_where_it_panics() {
    let (cache, _) = cache();
    let running = Arc::new(tokio::sync::Semaphore::new(0));
    let most = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let handler = {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        move || {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                running.add_permits(1);
                most.fetch_max(running.available_permits(), std::sync::atomic::Ordering::Relaxed);
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                running.acquire().await.unwrap().forget();
                assert!(running.is_closed(), "on purpose");
            }
        }
    };
    let router = Router::new().route("/x", axum::routing::get(handler)).layer(cache.layer(hourly()));
    let router = router.layer(tower_http::catch_panic::CatchPanicLayer::new());
    let site = Arc::new(Site::of(router).await);
    for page in all(at_once(&site, "/x", 40)).await {
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    }
    let most = most.load(std::sync::atomic::Ordering::Relaxed);
    assert!(most <= 5, "{most} at once");
}

/// A refresh that hangs releases its slot, and the next request refreshes its key.
#[tokio::test]
async fn a_refresh_that_hangs_ends() {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).max_concurrent_refreshes(1).build();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| {
            let answer = Answer::ok(call.to_string());
            if call == 2 { answer.held_at(&gate) } else { answer }
        }
    });
    let policy = limited().stale_while_revalidate(secs(3600)).early_refresh(0.0);
    let (site, _) = site_behind_door(&cache, policy, &origin).await;
    assert!(site.get("/x").await.is("MISS", "1"));
    clock.advance(secs(3601));
    assert!(site.get("/x").await.is("STALE", "1"));
    soon("the refresh", gate.arrived(1)).await;
    counted(&cache, |stats| stats.not_stored.contains_key("fill-timeout")).await;
    soon("another refresh", async { while !site.get("/x").await.is("HIT", "3") {} }).await;
    assert_eq!(origin.running(), 0);
}

/// Disconnects the client of each of these requests once they have reached the handler.
async fn leave(site: &Arc<Site>, gate: &Gate, paths: std::ops::Range<usize>, method: &Method) {
    let arrived = paths.end;
    let clients: Vec<_> = paths
        .map(|number| {
            let (site, method) = (Arc::clone(site), method.clone());
            tokio::spawn(async move { site.ask(method, &format!("/{number}")).send().await })
        })
        .collect();
    soon("the handlers", gate.arrived(arrived)).await;
    clients.iter().for_each(tokio::task::JoinHandle::abort);
}

async fn running(origin: &Origin, count: usize) {
    soon("handlers to end", async {
        while origin.running() != count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn only_so_many_fills_go_on_without_a_client() {
    let cache = Cache::builder().max_abandoned_fills(5).build();
    let gate = Gate::new();
    let origin = hanging(usize::MAX, &gate);
    let (site, _) = site_behind_door(&cache, hourly(), &origin).await;
    leave(&site, &gate, 0..100, &Method::GET).await;
    running(&origin, 5).await;
    assert_eq!(cache.stats().not_stored["abandoned"], 95);
    gate.open();
    counted(&cache, |stats| stats.stored == 5).await;
    // And other requests find room.
    let hits = all((0..100).flat_map(|number| at_once(&site, &format!("/{number}"), 1)).collect()).await;
    assert_eq!(hits.iter().filter(|page| page.x_cache() == "HIT").count(), 5);
}

/// There are a thousand requests on one connection, each for another URI, and each is reset before
/// its response.
#[tokio::test]
async fn streams_that_are_reset_leave_no_more_handlers_running_than_the_limit() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = hanging(usize::MAX, &gate);
    let (site, _) = site_behind_door(&cache, hourly(), &origin).await;
    let stream = tokio::net::TcpStream::connect(site.host()).await.unwrap();
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut begun = 0;
    for method in [Method::GET, Method::HEAD] {
        for wave in 0..10 {
            let streams: Vec<_> = (0..100)
                .map(|number| {
                    let uri = format!("http://test/{method}/{wave}/{number}");
                    let request = Request::builder().method(method.clone()).uri(uri);
                    let mut client: SendRequest<Empty<Bytes>> = client.clone();
                    tokio::spawn(client.send_request(request.body(Empty::new()).unwrap()))
                })
                .collect();
            begun += streams.len();
            soon("the handlers", gate.arrived(begun)).await;
            streams.iter().for_each(tokio::task::JoinHandle::abort);
            running(&origin, 64.min(begun)).await;
        }
    }
    assert_eq!(cache.stats().not_stored["abandoned"], 1_000 - 64);
}

/// A follower keeps a fill alive after the fill's own client has left.
#[tokio::test]
async fn a_fill_goes_on_for_its_followers() {
    let cache = Cache::builder().max_abandoned_fills(0).build();
    let gate = Gate::new();
    let origin = hanging(usize::MAX, &gate);
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let leader = at_once(&site, "/0", 1);
    soon("the handler", gate.arrived(1)).await;
    door.came(1).await;
    let follower = at_once(&site, "/0", 1);
    door.came(1).await;
    leader.iter().for_each(tokio::task::JoinHandle::abort);
    door.left(1).await;
    assert_eq!(origin.running(), 1);
    follower.iter().for_each(tokio::task::JoinHandle::abort);
    running(&origin, 0).await;
    assert_eq!(cache.stats().not_stored["abandoned"], 1);
}

/// A fill without clients ends at the limit.
#[tokio::test]
async fn an_abandoned_fill_ends_in_time() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = hanging(usize::MAX, &gate);
    let (site, _) = site_behind_door(&cache, limited(), &origin).await;
    leave(&site, &gate, 0..10, &Method::GET).await;
    running(&origin, 0).await;
    assert_eq!(cache.stats().not_stored["fill-timeout"], 10);
}

/// A request that cannot fill for others ends with its client, as it does without the layer.
#[tokio::test]
async fn a_request_that_fills_for_nobody_ends_with_its_client() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = hanging(usize::MAX, &gate);
    let (site, _) = site_behind_door(&cache, hourly(), &origin).await;
    leave(&site, &gate, 0..20, &Method::HEAD).await;
    running(&origin, 0).await;
    let clients: Vec<_> = ["authorization", "cookie", "range", "if-match"]
        .into_iter()
        .map(|name| {
            let site = Arc::clone(&site);
            let value = if name == "range" { "bytes=0-1" } else { "a=b" };
            tokio::spawn(async move { site.ask(Method::GET, "/a").with(name, value).send().await })
        })
        .collect();
    soon("the handlers", gate.arrived(24)).await;
    assert_eq!(origin.running(), 4);
    clients.iter().for_each(tokio::task::JoinHandle::abort);
    running(&origin, 0).await;
}
