//! Warming a cache with requests, and filling it again after an invalidation.
//!
//! - `mod.rs`: the methods of [`Cache`], and the task that sends the requests
//! - `warm_options.rs`: [`WarmOptions`]
//! - `warming.rs`: [`Warming`], the requests that are under way
//! - `send_request.rs`: one request
//! - `pace.rs`: the rate of the requests
//! - `refill.rs`: the responses that are filled again after an invalidation

mod pace;
pub(crate) mod refill;
mod send_request;
pub(crate) mod warm_options;
pub(crate) mod warming;

use std::sync::Arc;

use http::{Method, Request, Response};
use http_body::Body;
use tokio::runtime::Handle;
use tokio::task::{JoinSet, yield_now};
use tower_service::Service;

use crate::cache::Cache;
use crate::cache::warm::pace::Pace;
use crate::cache::warm::refill::{Refill, RefillOptions, targets};
use crate::cache::warm::send_request::send_request;
use crate::cache::warm::warm_options::WarmOptions;
use crate::cache::warm::warming::{WarmCounters, WarmResult, Warming};
use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::Invalidation;

/// Methods that fill the cache.
impl Cache {
    /// Sends requests through a service, such as the router of the application, to fill this cache.
    ///
    /// The requests are sent in the background, as far as the [options](WarmOptions) allow. Each is
    /// handled like that of a client: a stored response answers it, concurrent requests share its
    /// fill, and the policy of its route decides what is stored. Requests of other methods than
    /// `GET` are not sent. The iterator is called when a request is due, so it can be long.
    ///
    /// Dropping the [`Warming`] stops it, and so does closing the cache. Without a Tokio runtime,
    /// nothing is sent.
    ///
    /// The requests have no credentials, unless you add some. Middleware around the cache treats
    /// them like others, so rate limits and logs see them. Send the `Host` that clients send: it is
    /// usually a part of the key.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use axum::{Router, body::Body, http::Request, routing::get};
    /// use larder::warm::WarmOptions;
    /// use larder::{Cache, Policy, ttl};
    ///
    /// let cache = Cache::default();
    /// let product = get(async || "a product").layer(cache.layer(Policy::ttl(ttl::STANDARD)));
    /// let app: Router = Router::new().route("/products/{id}", product);
    ///
    /// let product = |id| Request::get(format!("/products/{id}")).body(Body::empty()).unwrap();
    /// let options = WarmOptions::default().per_second(1_000);
    /// let mut warming = cache.warm(app, (1..=20).map(product), options);
    /// let progress = warming.finished().await;
    /// assert_eq!((progress.filled, progress.total), (20, Some(20)));
    /// # }
    /// ```
    pub fn warm<S, Q, B, I>(&self, service: S, requests: I, options: WarmOptions) -> Warming
    where
        S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Send,
        Q: Send + 'static,
        B: Body + Send + 'static,
        B::Error: Send,
        B::Data: Send,
        I: IntoIterator<Item = Request<Q>>,
        I::IntoIter: Send + 'static,
    {
        let requests = requests.into_iter();
        let total = match requests.size_hint() {
            (least, Some(most)) if least == most => u64::try_from(most).ok(),
            _ => None,
        };
        let counters = Arc::new(WarmCounters::new(total));
        let sending = send_all(service, requests, options, Arc::clone(&counters));
        let runtime = Handle::try_current().ok();
        let task = runtime.map(|runtime| runtime.spawn(self.engine.background.until_closed(sending)));
        Warming::new(counters, task)
    }

    /// Invalidates, and fills the responses again that it reached in memory here.
    ///
    /// The responses are chosen before the invalidation: those of [`RefillOptions::order`] first,
    /// and then the newest ones. After the invalidation, this sends a request for each of them
    /// through the service, like [`warm`](Self::warm). So most clients find the new responses. `Q`
    /// is the body of these requests, which is empty.
    ///
    /// A response is only filled again if its key has the whole request: the URI, and header fields
    /// that are no credentials. This excludes keys from a template or a function, and those with a
    /// cookie or partition. It also excludes variants that a credential selects. Such responses are
    /// counted, and the next request fills them.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use axum::{Router, body::Body, routing::get};
    /// use larder::warm::RefillOptions;
    /// use larder::{Cache, Policy, Tag, ttl};
    ///
    /// let cache = Cache::default();
    /// let policy = Policy::ttl(ttl::STANDARD).tag("products");
    /// let app: Router =
    ///     Router::new().route("/products", get(async || "all").layer(cache.layer(policy)));
    ///
    /// let options = RefillOptions::default().limit(50);
    /// let mut refill =
    ///     cache.invalidate_and_refill::<_, Body, _>(Tag::new("products"), app, options).await;
    /// println!("{:?}, {} fills", refill.outcome, refill.warming.finished().await.filled);
    /// # }
    /// ```
    pub async fn invalidate_and_refill<S, Q, B>(
        &self,
        what: impl Into<Invalidation>,
        service: S,
        options: RefillOptions,
    ) -> Refill
    where
        S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Send,
        Q: Default + Send + 'static,
        B: Body + Send + 'static,
        B::Error: Send,
        B::Data: Send,
    {
        let what = what.into();
        let (requests, left) = targets(self, &what, &options).await;
        let outcome = invalidate(&self.engine, what).await;
        let warming = self.warm(service, requests, options.warm);
        Refill { outcome, warming, not_rebuilt: left.not_rebuilt, left_out: left.over_limit }
    }
}

/// Sends all requests, as far as the options allow.
async fn send_all<S, Q, B>(
    service: S,
    requests: impl Iterator<Item = Request<Q>>,
    options: WarmOptions,
    counters: Arc<WarmCounters>,
) where
    S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    Q: Send + 'static,
    B: Body + Send + 'static,
    B::Error: Send,
    B::Data: Send,
{
    let mut pace = Pace::new(options.per_second);
    // Dropping it stops the requests.
    let mut running = JoinSet::new();
    for request in requests {
        if request.method() != Method::GET {
            counters.count(WarmResult::Skipped);
            yield_now().await;
            continue;
        }
        while running.len() >= options.concurrency {
            count_next(&mut running, &counters).await;
        }
        pace.wait().await;
        let (service, limit) = (service.clone(), options.request_timeout);
        running.spawn(send_request(service, request, limit));
    }
    while !running.is_empty() {
        count_next(&mut running, &counters).await;
    }
}

/// Waits until one of the requests is done, and counts it.
async fn count_next(running: &mut JoinSet<WarmResult>, counters: &WarmCounters) {
    if let Some(result) = running.join_next().await {
        // The service may have panicked.
        counters.count(result.unwrap_or(WarmResult::Failed));
    }
}
