//! Handlers that panic, fail, or break off.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::Full;
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::{Site, soon};
use tower::{Layer as _, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

use crate::support::{Door, all, at_once, cache, hourly, site, site_behind_door};

/// Whether a client's connection breaks off, as it does without a cache.
async fn breaks_off(site: Arc<Site>) -> bool {
    site.ask(Method::GET, "/a").head().await.is_err()
}

#[tokio::test]
async fn a_panic_with_fifty_waiters_hangs_nobody_and_looks_as_without_the_cache() {
    let gate = Gate::new();
    let origin = Origin::always(Answer::panicking("on purpose").held_at(&gate));
    let (cache, _) = cache();
    let door = Door::new();
    let bare = Site::of(Router::new().fallback_service(origin.clone())).await;
    let cached = door.before(Router::new().fallback_service(cache.layer(hourly()).layer(origin.clone())));
    let cached = Arc::new(Site::of(cached).await);

    let waiting: Vec<_> = (0..50).map(|_| tokio::spawn(breaks_off(Arc::clone(&cached)))).collect();
    door.came(50).await;
    assert_eq!(origin.calls(), 1);
    gate.open();
    assert!(breaks_off(Arc::new(bare)).await, "without the cache");
    assert!(all(waiting).await.iter().all(|broken| *broken));
    // A panic cannot be shared, so each follower may run the handler once.
    assert!(origin.calls() <= 51, "{}", origin.calls());
}

#[tokio::test]
async fn a_key_works_again_after_a_panic() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            1 => Answer::panicking("on purpose").held_at(&gate),
            _ => Answer::ok("well again"),
        }
    });
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let first = tokio::spawn(breaks_off(Arc::clone(&site)));
    soon("the first", gate.arrived(1)).await;
    door.came(1).await;
    let waiting = at_once(&site, "/a", 49);
    door.came(49).await;
    gate.open();
    assert!(first.await.unwrap());
    // One of the followers takes over, and the others wait for it.
    assert!(all(waiting).await.iter().all(|page| page.text() == "well again"));
    assert_eq!(origin.calls(), 2);
    assert_eq!(site.get("/a").await.x_cache(), "HIT");
}

/// A layer outside of the cache catches panics.
#[tokio::test]
async fn a_panic_reaches_the_layers_outside() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::panicking("on purpose"));
    let router =
        Router::new().fallback_service(cache.layer(hourly()).layer(origin)).layer(CatchPanicLayer::new());
    let site = Site::of(router).await;
    assert_eq!(site.get("/a").await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

/// A panic in a body ends the connection, and no request hangs.
#[tokio::test]
async fn a_panic_in_a_body_breaks_the_connection_off() {
    let (cache, _) = cache();
    let handler = || async { Body::new(Panics(0)) };
    let site = Site::of(Router::new().route("/a", get(handler).layer(cache.layer(hourly())))).await;
    for _ in 0..2 {
        let read = site.raw("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await.to_end().await;
        assert!(!read.ends_with("0\r\n\r\n"), "it looks whole: {read}");
    }
    assert_eq!(cache.stats().stored, 0);
}

/// A body that sends a frame, yields to the runtime, and panics.
struct Panics(u8);

impl http_body::Body for Panics {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0 += 1;
        match self.0 {
            1 => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"some "))))),
            2 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => unreachable!("on purpose"),
        }
    }
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_waited_for_it_and_by_nobody_else() {
    for status in [500, 502, 503, 504] {
        let (cache, _) = cache();
        let gate = Gate::new();
        let status = StatusCode::from_u16(status).unwrap();
        let origin =
            Origin::always(Answer::status(status).header("x-why", "trouble").body("oh").held_at(&gate));
        let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
        let waiting = at_once(&site, "/a", 50);
        door.came(50).await;
        gate.open();
        for page in all(waiting).await {
            assert_eq!(
                (page.status, page.text().as_str(), page.field("x-why").as_str()),
                (status, "oh", "trouble")
            );
            assert_eq!(page.x_cache(), "MISS");
            assert!(page.field("etag").is_empty());
        }
        assert_eq!(origin.calls(), 1);
        assert_eq!(site.get("/a").await.x_cache(), "MISS");
        assert_eq!(origin.calls(), 2, "a failure is not stored");
        assert_eq!(cache.stats().stored, 0);
    }
}

/// A response that sets a cookie is for one client.
#[tokio::test]
async fn a_failure_that_is_for_one_is_not_shared() {
    for (name, value) in [("set-cookie", "session=1"), ("cache-control", "private"), ("vary", "*")] {
        let (cache, _) = cache();
        let gate = Gate::new();
        let failing = Answer::status(StatusCode::INTERNAL_SERVER_ERROR).header(name, value).held_at(&gate);
        let origin = Origin::always(failing);
        let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
        let waiting = at_once(&site, "/a", 5);
        door.came(5).await;
        gate.open();
        all(waiting).await;
        assert_eq!(origin.calls(), 5, "{name}");
    }
}

/// An error of the service is returned unchanged to every client.
#[tokio::test]
async fn an_error_of_the_service_breaks_the_connection_off_and_is_not_kept() {
    let calls = Arc::new(AtomicUsize::new(0));
    let gate = Gate::new();
    let service = service_fn({
        let (calls, gate) = (Arc::clone(&calls), gate.clone());
        move |_: Request<hyper::body::Incoming>| {
            let (calls, gate) = (Arc::clone(&calls), gate.clone());
            async move {
                let call = 1 + calls.fetch_add(1, Ordering::SeqCst);
                gate.pass().await;
                if call <= 50 {
                    Err("no database")
                } else {
                    Ok(Response::new(Full::new(Bytes::from("page"))))
                }
            }
        }
    });
    let (cache, _) = cache();
    let site = Arc::new(Site::of_service(cache.layer(hourly()).layer(service)).await);
    let waiting: Vec<_> = (0..50).map(|_| tokio::spawn(breaks_off(Arc::clone(&site)))).collect();
    soon("the first", gate.arrived(1)).await;
    gate.open();
    assert!(all(waiting).await.iter().all(|broken| *broken));
    assert!(calls.load(Ordering::SeqCst) <= 50);
    calls.store(50, Ordering::SeqCst);
    assert_eq!(site.get("/a").await.summary(), ("MISS".into(), "page".into()));
    assert_eq!(site.get("/a").await.x_cache(), "HIT");
}

#[tokio::test]
async fn a_write_that_fails_invalidates_nothing() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, call| match request.method {
        Method::GET => Answer::ok(format!("read {call}")),
        _ => Answer::status(StatusCode::CONFLICT),
    });
    let site = site(&cache, hourly(), &origin).await;
    assert!(site.get("/a").await.is("MISS", "read 1"));
    assert_eq!(site.ask(Method::DELETE, "/a").send().await.status, StatusCode::CONFLICT);
    assert!(site.get("/a").await.is("HIT", "read 1"));
}
