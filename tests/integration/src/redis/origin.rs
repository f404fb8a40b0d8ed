//! The handlers behind the instances, which all read the same values.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_RANGE, ETAG, LAST_MODIFIED, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use larder::{Cache, Policy, ReadYourWrites, ttl};
use larder_testing::{Answer, Gate, Step};
use tower::ServiceExt;

/// The header field of `/hasty`, whose requests do not wait for the log. Requests of `/seen` do,
/// and use a cookie.
pub const TOKEN: HeaderName = HeaderName::from_static("larder-token");

/// The maximum lag of the replica that `/replicas` reads, by the clock of the instances.
pub const REPLICA_LAG: Duration = Duration::from_secs(20);

/// The number of values of a [`Truth`].
pub const VALUES: usize = 64;

/// Values that only grow, in place of a database. Clones share them.
#[derive(Debug, Clone)]
pub struct Truth {
    primary: Arc<[AtomicU64; VALUES]>,
    /// A replica. It lags until the test makes it catch up.
    replica: Arc<[AtomicU64; VALUES]>,
}

impl Default for Truth {
    fn default() -> Self {
        let values = || Arc::new(std::array::from_fn(|_| AtomicU64::new(1)));
        Self { primary: values(), replica: values() }
    }
}

impl Truth {
    /// Returns the current value.
    #[must_use]
    pub fn read(&self, id: usize) -> u64 {
        self.primary[id].load(Ordering::SeqCst)
    }

    /// Returns the value that the replica shows.
    #[must_use]
    pub fn read_replica(&self, id: usize) -> u64 {
        self.replica[id].load(Ordering::SeqCst)
    }

    /// Lets the replica catch up with a value.
    pub fn replicate(&self, id: usize) {
        self.replica[id].store(self.read(id), Ordering::SeqCst);
    }

    /// Changes a value and returns the new one, without an invalidation.
    #[must_use]
    pub fn change(&self, id: usize) -> u64 {
        self.primary[id].fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// The handlers of one instance.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) cache: Cache,
    pub(super) truth: Truth,
    pub(super) runs: Arc<AtomicUsize>,
    /// The gate at which the next run waits between reading the value and answering, by value.
    pub(super) holds: Arc<Mutex<HashMap<usize, Gate>>>,
}

impl Origin {
    pub(super) fn routes(self) -> Router {
        let standard = || Policy::ttl(ttl::STANDARD).jitter(0.0).tag("value:{id}");
        let by_fields = || Policy::rfc9111().honor_request_directives().tag("value:{id}");
        let window = Duration::from_secs(600);
        let hasty = ReadYourWrites::header(TOKEN).wait(Duration::ZERO);
        let seen = ReadYourWrites::cookie("seen").wait(Duration::from_secs(10));
        let route = |policy: Policy| self.cache.layer(policy);
        Router::new()
            .route("/values/{id}", get(show).put(update).layer(route(standard())))
            .route("/by-key/{id}", get(show).layer(route(standard().key("by-key:{id}"))))
            .route("/languages/{id}", get(language).layer(route(standard())))
            .route("/bodies/{id}", get(body).layer(route(standard())))
            .route("/dated/{id}", get(dated).layer(route(standard())))
            .route(
                "/patient/{id}",
                get(show).layer(route(standard().stale_while_revalidate(window).stale_if_error(window))),
            )
            .route("/fickle/{id}", get(fickle).layer(route(standard())))
            .route("/fickle-patient/{id}", get(fickle).layer(route(standard().stale_if_error(window))))
            .route(
                "/failing/{id}",
                get(fickle).layer(route(
                    standard().stale_if_error(window).retry_after_error(Duration::from_secs(60)),
                )),
            )
            .route("/ranged/{id}", get(ranged).layer(route(standard().store_partial())))
            .route("/searched/{id}", get(searched).put(update).layer(route(standard().no_vary_search())))
            .route(
                "/searched-streams/{id}",
                get(searched_streams).layer(route(standard().no_vary_search().follow_unknown_length())),
            )
            .route("/fickle-search/{id}", get(fickle_search).layer(route(standard().no_vary_search())))
            .route("/searched-in/{id}", get(searched_in).layer(route(standard().no_vary_search())))
            .route("/tracked/{id}", get(show).layer(route(standard().query_ignoring(["utm"]))))
            .route("/replicas/{id}", get(replica).layer(route(standard().replica_lag(REPLICA_LAG))))
            .route("/private/{id}", get(private).layer(route(standard())))
            .route("/own/{id}", get(private).layer(route(standard().per_user(user))))
            .route("/brief/{id}", get(brief).layer(route(standard())))
            .route("/polite/{id}", get(show).layer(route(standard().honor_request_directives())))
            .route("/headed/{id}", get(headed).layer(route(by_fields())))
            .route("/streams/{id}", get(streams).layer(route(standard().follow_unknown_length())))
            .route(
                "/probe/{name}",
                get(async || "probe").layer(route(Policy::ttl(ttl::STANDARD).jitter(0.0))),
            )
            .route("/hasty/{id}", get(show).put(update).layer(route(standard().read_your_writes(hasty))))
            .route("/seen/{id}", get(show).put(update).layer(route(standard().read_your_writes(seen))))
            .with_state(self)
    }

    async fn read(&self, id: usize) -> u64 {
        let (value, gate) = self.begin(id);
        if let Some(gate) = gate {
            gate.pass().await;
        }
        value
    }

    /// Reads immediately, and lets the handler decide where to wait.
    fn begin(&self, id: usize) -> (u64, Option<Gate>) {
        self.runs.fetch_add(1, Ordering::SeqCst);
        (self.truth.read(id), self.holds.lock().unwrap().remove(&id))
    }
}

async fn show(State(origin): State<Origin>, Path(id): Path<usize>) -> String {
    format!("v{}", origin.read(id).await)
}

/// Writes and then waits, so that a client can leave between the write and the invalidation by the
/// layer.
async fn update(State(origin): State<Origin>, Path(id): Path<usize>) -> StatusCode {
    let _ = origin.truth.change(id);
    let gate = origin.holds.lock().unwrap().remove(&id);
    if let Some(gate) = gate {
        gate.pass().await;
    }
    StatusCode::NO_CONTENT
}

async fn language(
    State(origin): State<Origin>,
    Path(id): Path<usize>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let language = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let text = format!("v{} in {}", origin.read(id).await, language.unwrap_or("any"));
    ([(VARY, "Accept-Language")], text)
}

/// Returns a body that is larger than one read from a socket, without a pattern that could hide an
/// error.
async fn body(State(origin): State<Origin>, Path(id): Path<usize>) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(origin.read(id).await);
    std::iter::repeat_with(|| random.u8(..)).take(700_000).collect()
}

/// Has a validator that is the same for two versions, like `Last-Modified` within one second.
async fn dated(State(origin): State<Origin>, Path(id): Path<usize>, headers: HeaderMap) -> Response {
    let value = origin.read(id).await;
    let date = HeaderValue::from_static("Thu, 01 Jan 2026 00:00:00 GMT");
    if headers.get("if-modified-since") == Some(&date) {
        return (StatusCode::NOT_MODIFIED, [(LAST_MODIFIED, date)]).into_response();
    }
    ([(LAST_MODIFIED, date)], format!("v{value}")).into_response()
}

/// Fails if the value is even, and panics if it is a multiple of three.
async fn fickle(State(origin): State<Origin>, Path(id): Path<usize>) -> Response {
    match origin.read(id).await {
        // This avoids the panic hook. Its output would block the thread, which runs the whole test,
        // for longer than the lifetime of a lease.
        value if value % 3 == 0 => resume_unwind(Box::new(format!("v{value}, as the test wants it"))),
        value if value % 2 == 0 => (StatusCode::SERVICE_UNAVAILABLE, format!("v{value}")).into_response(),
        value => format!("v{value}").into_response(),
    }
}

/// Returns ten characters, or a range of them. An even value has the entity tag of the value before
/// it, so that only the log distinguishes them.
async fn ranged(State(origin): State<Origin>, Path(id): Path<usize>, headers: HeaderMap) -> Response {
    let value = origin.read(id).await;
    let (text, tag) = (format!("{value:010}"), format!("\"{}\"", value.div_ceil(2)));
    let range = headers.get("range").and_then(|range| range.to_str().ok()?.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return ([(ETAG, tag)], text).into_response();
    };
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let place = format!("bytes {first}-{last}/10");
    let part = text[first..=last].to_owned();
    (StatusCode::PARTIAL_CONTENT, [(ETAG, tag), (CONTENT_RANGE, place)], part).into_response()
}

/// Returns the same response for every value of the parameter `utm`.
async fn searched(State(origin): State<Origin>, Path(id): Path<usize>) -> impl IntoResponse {
    ([("no-vary-search", "params=(\"utm\")")], format!("v{}", origin.read(id).await))
}

/// Waits within its body.
async fn searched_streams(state: State<Origin>, id: Path<usize>) -> impl IntoResponse {
    ([("no-vary-search", "params=(\"utm\")")], streams(state, id).await)
}

/// Sends another `No-Vary-Search` with each value.
async fn fickle_search(State(origin): State<Origin>, Path(id): Path<usize>, uri: Uri) -> impl IntoResponse {
    let fields = ["params=(\"utm\")", "", "params=(\"utm\")", "except=(\"page\")", "key-order", "except=()"];
    let value = origin.read(id).await;
    let field = usize::try_from(value).map_or("", |value| fields[value % fields.len()]);
    ([("no-vary-search", field)], format!("{} {value}", uri.query().unwrap_or_default()))
}

/// Also negotiates the language.
async fn searched_in(state: State<Origin>, id: Path<usize>, headers: HeaderMap) -> impl IntoResponse {
    ([("no-vary-search", "params=(\"utm\"), key-order")], language(state, id, headers).await)
}

/// Reads the replica, and then waits.
async fn replica(State(origin): State<Origin>, Path(id): Path<usize>) -> String {
    let value = origin.truth.read_replica(id);
    let (_, gate) = origin.begin(id);
    if let Some(gate) = gate {
        gate.pass().await;
    }
    format!("v{value}")
}

/// Returns a response for one client alone.
async fn private(State(origin): State<Origin>, Path(id): Path<usize>) -> impl IntoResponse {
    ([(CACHE_CONTROL, "private")], format!("v{}", origin.read(id).await))
}

/// Returns the user of a request of `/own`.
fn user(parts: &Parts) -> Option<String> {
    Some(parts.headers.get("x-user")?.to_str().ok()?.to_owned())
}

/// Is stored, but never fresh.
async fn brief(State(origin): State<Origin>, Path(id): Path<usize>) -> impl IntoResponse {
    ([(CACHE_CONTROL, "max-age=0"), (ETAG, "\"one\"")], format!("v{}", origin.read(id).await))
}

/// Has the value in a field. An even value has the entity tag of the value before it, because its
/// body is the same.
async fn headed(State(origin): State<Origin>, Path(id): Path<usize>) -> Response {
    let value = origin.read(id).await;
    let tag = format!("\"{}\"", value.div_ceil(2));
    ([("cache-control", "max-age=60"), ("etag", &*tag), ("x-value", &*value.to_string())], "body")
        .into_response()
}

/// Waits within its body.
async fn streams(State(origin): State<Origin>, Path(id): Path<usize>) -> Response<Body> {
    let (value, gate) = origin.begin(id);
    let held = gate.map(Step::Hold);
    let steps = [Step::data("v")].into_iter().chain(held).chain([Step::data(value.to_string())]);
    let scripted = larder_testing::Origin::always(Answer::ok("").steps(steps));
    scripted.oneshot(Request::new(())).await.unwrap().map(Body::new)
}
