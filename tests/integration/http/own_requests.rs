//! Handlers that request their own URI, within a task and over a socket.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use larder::{Cache, Policy, Tag};
use larder_testing::{Answer, Gate, ManualClock, MemoryStore, Origin, Step};
use larder_tests::http::{Site, soon};
use tower::{Layer as _, ServiceExt as _};

use crate::support::{all, at_once, cache, counted, hourly, secs, site_behind_door};

/// Far less than the limit of a fill.
const SHORT: Duration = Duration::from_secs(10);

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(SHORT, work).await.expect("nothing waits for itself")
}

/// An application whose handlers request other pages of it.
#[derive(Default)]
struct App {
    router: OnceLock<Router>,
    runs: AtomicUsize,
}

impl App {
    fn begin(router: impl FnOnce(Arc<Self>) -> Router) -> Arc<Self> {
        let app = Arc::new(Self::default());
        assert!(app.router.set(router(Arc::clone(&app))).is_ok());
        app
    }

    /// Requests a page through the router. `x-inner` is how handlers end the recursion.
    async fn get(&self, path: &str, is_inner: bool) -> String {
        let request = Request::get(path).header("host", "shop");
        let request = if is_inner { request.header("x-inner", "1") } else { request };
        let router = self.router.get().unwrap().clone();
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    fn count(&self) -> usize {
        1 + self.runs.fetch_add(1, Ordering::SeqCst)
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

/// Returns a page that contains the inner form of `includes`, or the other page.
async fn page(app: Arc<App>, request: Request, includes: &'static [(&'static str, &'static str)]) -> String {
    let (run, path) = (app.count(), request.uri().path());
    if request.headers().contains_key("x-inner") {
        return format!("{path} {run}");
    }
    let (_, other) = includes.iter().find(|(page, _)| *page == path).unwrap();
    let is_last = includes.iter().all(|(page, _)| page == other) || path != "/a";
    format!("{path} {run} with {}", app.get(other, is_last).await)
}

fn app(policy: Policy, includes: &'static [(&'static str, &'static str)]) -> Arc<App> {
    let (cache, _) = cache();
    App::begin(|app| {
        let handler = move |request: Request| page(Arc::clone(&app), request, includes);
        Router::new().fallback(handler).layer(cache.layer(policy))
    })
}

#[tokio::test]
async fn a_handler_that_requests_its_own_uri_does_not_wait_for_itself() {
    let own = app(hourly(), &[("/a", "/a")]);
    assert_eq!(in_time(own.get("/a", false)).await, "/a 1 with /a 2");
    assert_eq!(own.get("/a", false).await, "/a 1 with /a 2", "it is stored");
    let through_another = app(hourly(), &[("/a", "/b"), ("/b", "/a")]);
    assert_eq!(in_time(through_another.get("/a", false)).await, "/a 1 with /b 2 with /a 3");
    assert_eq!(through_another.runs(), 3);
}

/// A body with one frame, which is the result of a future.
struct Later(Option<Pin<Box<dyn Future<Output = Bytes> + Send>>>);

impl http_body::Body for Later {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(later) = &mut self.0 else { return Poll::Ready(None) };
        let data = ready!(later.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

/// The handler sends the request while its body is read.
#[tokio::test]
async fn a_body_that_requests_its_own_uri_does_not_wait_for_itself() {
    for follow in [false, true] {
        let (cache, _) = cache();
        let app = App::begin(|app| {
            let handler = move |request: Request| {
                let app = Arc::clone(&app);
                let run = app.count();
                async move {
                    let is_inner = request.headers().contains_key("x-inner");
                    let body = async move {
                        tokio::task::yield_now().await;
                        if is_inner {
                            return format!("inner {run}").into();
                        }
                        format!("outer {run} with {}", app.get("/a", true).await).into()
                    };
                    Response::new(Body::new(Later(Some(Box::pin(body)))))
                }
            };
            let policy = hourly().unknown_length_wait(secs(10));
            let policy = if follow { policy.follow_unknown_length() } else { policy };
            Router::new().fallback(handler).layer(cache.layer(policy))
        });
        let text = tokio::time::timeout(Duration::from_secs(5), app.get("/a", false)).await.unwrap();
        assert_eq!(text, "outer 1 with inner 2", "{follow}");
    }
}

/// A gateway and its service in one process, with one host and one store.
#[tokio::test]
async fn a_gateway_does_not_wait_for_the_lease_that_it_holds_itself() {
    let store = MemoryStore::new();
    let cache = async || {
        let cache = Cache::builder().shared_store(store.clone()).build();
        soon("the log", cache.invalidate(Tag::new("start"))).await.require_applied().unwrap();
        cache
    };
    let origin = Origin::always(Answer::ok("page"));
    let service = cache().await.layer(hourly()).layer(origin.clone());
    let gateway = cache().await;
    let app = App::begin(|_| {
        // A new request, without anything of the old one but its address.
        let forward = move |request: Request| {
            let service = service.clone();
            async move {
                let (uri, host) = (request.uri().clone(), request.headers()["host"].clone());
                let inner = Request::get(uri).header("host", host).body(Body::empty()).unwrap();
                service.oneshot(inner).await.unwrap().map(Body::new)
            }
        };
        Router::new().fallback(forward).layer(gateway.layer(hourly()))
    });
    assert_eq!(in_time(app.get("/a", false)).await, "page");
    assert_eq!(origin.calls(), 1);
    assert_eq!(gateway.stats().leases_acquired, 1);
}

/// Returns a site whose handler requests its own URI over a socket.
async fn over_sockets(policy: Policy) -> (Arc<Site>, Arc<App>) {
    let (app, address) = (Arc::new(App::default()), Arc::new(OnceLock::<String>::new()));
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let handler = {
        let (app, address) = (Arc::clone(&app), Arc::clone(&address));
        move |request: Request| {
            let run = app.count();
            let (client, address) = (client.clone(), Arc::clone(&address));
            async move {
                if request.headers().contains_key("x-inner") {
                    return format!("inner {run}");
                }
                let uri = format!("http://{}{}", address.get().unwrap(), request.uri().path());
                let inner = Request::get(uri).header("x-inner", "1").body(Empty::new()).unwrap();
                let body = client.request(inner).await.unwrap().into_body();
                let body = body.collect().await.unwrap().to_bytes();
                format!("outer {run} with {}", String::from_utf8_lossy(&body))
            }
        }
    };
    let (cache, _) = cache();
    let site = Site::of(Router::new().fallback(handler).layer(cache.layer(policy))).await;
    address.set(site.host()).unwrap();
    (Arc::new(site), app)
}

#[tokio::test]
async fn a_handler_that_requests_its_own_uri_over_a_socket_waits_for_a_second() {
    let (site, app) = over_sockets(hourly()).await;
    assert_eq!(in_time(site.get("/a")).await.text(), "outer 1 with inner 2");
    assert!(site.get("/a").await.is("HIT", "outer 1 with inner 2"));
    assert_eq!(app.runs(), 2);
    // That the handler waited for a second does not mean that it is slow.
    assert_eq!(in_time(site.get("/b")).await.text(), "outer 3 with inner 4");
}

/// The request that runs the handler may be one of the others. Its run then sends another one.
#[tokio::test]
async fn the_clients_of_a_handler_that_requests_its_own_uri_all_get_a_response() {
    let (site, app) = over_sockets(hourly().own_request_wait(Duration::from_millis(100))).await;
    let pages = in_time(all(at_once(&site, "/a", 20))).await;
    assert!(pages.iter().all(|page| page.text().contains("inner")), "{pages:?}");
    assert!(app.runs() <= 4, "{}", app.runs());
}

/// A slow handler is no handler that waits for itself.
#[tokio::test]
async fn a_slow_handler_runs_once_more_until_it_is_known_to_be_slow() {
    const WAIT: Duration = Duration::from_millis(20);
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).build();
    let gates = [Gate::new(), Gate::new(), Gate::new()];
    let origin = Origin::new({
        let gates = gates.clone();
        move |_, call| Answer::ok("page").held_at(&gates[call.min(3) - 1])
    });
    let (site, door) = site_behind_door(&cache, hourly().own_request_wait(WAIT), &origin).await;
    let waiting = at_once(&site, "/a", 50);
    door.came(50).await;
    // One of them may be the handler's own request.
    soon("one more run", gates[1].arrived(1)).await;
    tokio::time::sleep(5 * WAIT).await;
    assert_eq!(origin.calls(), 2);
    clock.advance(secs(3));
    gates[0].open();
    counted(&cache, |stats| stats.stored == 1).await;
    gates[1].open();
    assert!(all(waiting).await.iter().all(|page| page.is("MISS", "page")));
    // From now on, it is known that handlers take three seconds.
    let waiting = at_once(&site, "/b", 50);
    door.came(50).await;
    tokio::time::sleep(5 * WAIT).await;
    assert_eq!(origin.calls(), 3);
    gates[2].open();
    assert!(all(waiting).await.iter().all(|page| page.is("MISS", "page")));
    assert_eq!(origin.calls(), 3);
}

/// The first run may wait for one of these requests, so none of them may wait for its end.
#[tokio::test]
async fn what_one_more_run_has_stored_is_served_to_all_that_wait() {
    let (cache, _) = cache();
    let first = Gate::new();
    let origin = Origin::new({
        let first = first.clone();
        move |_, call| {
            let answer = Answer::ok(call.to_string());
            if call == 1 { answer.held_at(&first) } else { answer }
        }
    });
    let policy = hourly().own_request_wait(Duration::from_millis(20)).fill_timeout(secs(60));
    let (site, door) = site_behind_door(&cache, policy, &origin).await;
    let leading = at_once(&site, "/a", 1);
    soon("the first run", first.arrived(1)).await;
    door.came(1).await;
    let waiting = at_once(&site, "/a", 20);
    door.came(20).await;
    assert!(in_time(all(waiting)).await.iter().all(|page| page.text() == "2"));
    assert_eq!(origin.calls(), 2);
    first.open();
    assert!(all(leading).await[0].is("MISS", "1"));
}

/// Once the head is there, the handler does not wait for anything.
#[tokio::test]
async fn a_request_that_waits_for_a_body_does_not_run_the_handler_again() {
    const WAIT: Duration = Duration::from_millis(20);
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| {
            let steps = [Step::data("call "), Step::Hold(gate.clone()), Step::data(call.to_string())];
            Answer::status(StatusCode::OK).steps(steps)
        }
    });
    let policy = hourly().own_request_wait(WAIT).unknown_length_wait(secs(10));
    let (site, door) = site_behind_door(&cache, policy, &origin).await;
    let mut pages = at_once(&site, "/a", 1);
    soon("the body", gate.arrived(1)).await;
    door.came(1).await;
    pages.extend(at_once(&site, "/a", 5));
    door.came(5).await;
    tokio::time::sleep(5 * WAIT).await;
    assert_eq!(origin.calls(), 1);
    gate.open();
    assert!(all(pages).await.iter().all(|page| page.text() == "call 1"));
}
