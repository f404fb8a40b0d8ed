//! The same handler twice: in a bare router, and in a router with the layer.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use http::{Method, StatusCode};
use larder::Cache;
use larder_testing::Gate;
use larder_tests::http::{Site, soon};

use super::handler::{Hold, Page};
use super::seen::Seen;
use super::wire::Wire;
use crate::support::{Door, cache, hourly, secs};

/// The request that ends a connection. It bypasses the cache.
pub(super) const LAST: (Method, &str, &str) = (Method::GET, "/last", "Connection: close\r\n");

/// Two sites with the same pages. One of them has the layer.
pub(super) struct Pair {
    pub(super) bare: Site,
    pub(super) layered: Site,
    pub(super) cache: Cache,
    /// Stops the pages of the site with the layer.
    pub(super) gate: Gate,
    pub(super) door: Door,
}

impl Pair {
    /// Creates sites with numbered pages, `/page/0` and so on, without a gate.
    pub(super) async fn open(pages: Vec<Page>) -> Self {
        let pair = Self::held(pages).await;
        pair.gate.open();
        pair
    }

    /// Creates sites in which the pages behind the layer wait for the gate.
    pub(super) async fn held(pages: Vec<Page>) -> Self {
        let pages: Arc<[Arc<Page>]> = pages.into_iter().map(Arc::new).collect();
        let (gate, open, door, (cache, _)) = (Gate::new(), Gate::new(), Door::new(), cache());
        open.open();
        let policy = hourly().status(StatusCode::NOT_FOUND, secs(60));
        let layered = routes(&pages, &gate).layer(cache.layer(policy));
        Self {
            bare: Site::of(with_last(routes(&pages, &open))).await,
            layered: Site::of(with_last(door.before(layered))).await,
            cache,
            gate,
            door,
        }
    }

    /// Sends a `GET` request and a follower with this method, which join the same page. The result
    /// does not depend on time.
    pub(super) async fn joined(&self, follower: Method) -> [Vec<Seen>; 2] {
        let mut leader = Wire::open(&self.layered).await;
        leader.send(&[(Method::GET, "/page/0", ""), LAST]).await;
        soon("the leader", self.gate.arrived(1)).await;
        self.door.came(1).await;
        let mut second = Wire::open(&self.layered).await;
        second.send(&[(follower, "/page/0", ""), LAST]).await;
        self.door.came(1).await;
        self.gate.open();
        let (leader, follower) = tokio::join!(leader.finish(), second.finish());
        [leader, follower]
    }
}

fn routes(pages: &Arc<[Arc<Page>]>, gate: &Gate) -> Router {
    let (pages, gate) = (Arc::clone(pages), gate.clone());
    let handler = move |Path(number): Path<usize>| async move {
        let page = Arc::clone(&pages[number]);
        if page.hold == Hold::Handler {
            gate.pass().await;
        }
        page.response(gate).await
    };
    Router::new().route("/page/{number}", get(handler))
}

fn with_last(router: Router) -> Router {
    router.route("/last", get(|| async { "last" }))
}

/// Sends a request for a page and the last request in one piece, on a new connection.
pub(super) async fn pipelined(site: &Site, method: Method, path: &str, fields: &str) -> Vec<Seen> {
    let mut wire = Wire::open(site).await;
    wire.send(&[(method, path, fields), LAST]).await;
    wire.finish().await
}

/// Does the same, but sends the last request once `bytes` of the first body have arrived.
pub(super) async fn one_by_one(site: &Site, method: Method, path: &str, bytes: usize) -> Vec<Seen> {
    let mut wire = Wire::open(site).await;
    wire.send(&[(method, path, "")]).await;
    wire.read_head_and(bytes).await;
    wire.send(&[LAST]).await;
    wire.finish().await
}
