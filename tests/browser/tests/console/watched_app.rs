//! An application whose API can be held up, and whose live feeds are counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use http_body_util::BodyExt;
use larder::{Cache, Policy, ttl};
use larder_browser::{Browser, Console};
use tokio::net::TcpListener;

const PATH: &str = "/ops/cache";
const TOKEN: &str = "a-token-of-an-operator";

/// The application.
pub(crate) struct WatchedApp {
    addr: SocketAddr,
    watch: Arc<Watch>,
}

#[derive(Default)]
struct Watch {
    is_held: AtomicBool,
    held: Arc<AtomicUsize>,
    held_feeds: Arc<AtomicUsize>,
    open_feeds: Arc<AtomicUsize>,
}

impl WatchedApp {
    /// Serves until the runtime ends.
    pub(crate) async fn serve() -> Result<Self> {
        let cache = Cache::builder().count_top_keys().build();
        let policy = Policy::ttl(ttl::STANDARD).tag("hello");
        let app = Router::new().route("/hello", get(async || "hello").layer(cache.layer(policy)));
        let admin = larder_admin::router(&cache).application(app.clone()).bearer_token::<()>(TOKEN);
        let watch = Arc::<Watch>::default();
        let admin = admin.layer(from_fn_with_state(Arc::clone(&watch), pass));
        let app = app.nest_service(PATH, admin);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { addr, watch })
    }

    pub(crate) fn console<'a>(&self, browser: &'a Browser) -> Console<'a> {
        Console::new(browser, self.addr, PATH, TOKEN)
    }

    /// From now on, requests to the API get no answer.
    pub(crate) fn hold(&self) {
        self.watch.is_held.store(true, Ordering::SeqCst);
    }

    /// From now on, new requests get an answer again. Those that were held get none.
    pub(crate) fn release(&self) {
        self.watch.is_held.store(false, Ordering::SeqCst);
    }

    /// Returns the number of live feeds whose connection is open.
    pub(crate) fn open_feeds(&self) -> usize {
        self.watch.open_feeds.load(Ordering::SeqCst)
    }

    /// Returns the number of requests that are waiting now.
    pub(crate) fn held(&self) -> usize {
        self.watch.held.load(Ordering::SeqCst)
    }

    /// Returns the number of requests for a live feed that are waiting now.
    pub(crate) fn held_feeds(&self) -> usize {
        self.watch.held_feeds.load(Ordering::SeqCst)
    }
}

async fn pass(State(watch): State<Arc<Watch>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_feed = path.ends_with("/api/invalidations");
    if path.contains("/api/") && watch.is_held.load(Ordering::SeqCst) {
        let _held = Counted::new(&watch.held);
        let _held_feed = is_feed.then(|| Counted::new(&watch.held_feeds));
        return std::future::pending().await;
    }
    let response = next.run(request).await;
    if !is_feed {
        return response;
    }
    let counted = Counted::new(&watch.open_feeds);
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            // The server drops the body when the connection ends.
            let _ = &counted;
            frame
        }))
    })
}

/// Counts until it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
