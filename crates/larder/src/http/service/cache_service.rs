//! The Tower service: where each request enters the cache.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use larder_core::key::buf::KeyBuf;
use larder_core::outcome::{BypassReason, Outcome};
use tower_service::Service;

use crate::engine::switches::layer_flags::LayerFlag;
use crate::http::body::CacheBody;
use crate::http::body::erased_body::ErasedRequestBody;
use crate::http::body::service_bounds::CacheableService;
use crate::http::erased_service::{ErasedService, erase_call};
use crate::http::fill::refresh::{is_due, spawn_early_refresh};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::{Eligibility, RequestTraits, classify};
use crate::http::lookup::from_memory::{is_store_only, lookup_memory};
use crate::http::lookup::from_store::KeyAndAddress;
use crate::http::lookup::only_if_cached::forbids_bypass;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::nesting::{self, Nesting, OuterRun, RoutePath};
use crate::http::ready_service::Call;
use crate::http::request::axum_route::matched_path;
use crate::http::request::{SplitRequest, body_hint};
use crate::http::serve;
use crate::http::serve::record::{count_bypass, record_bypass};
use crate::http::service::before_lookup::{BeforeLookup, before_lookup, take_token};
use crate::http::service::erased_calls::{answer_miss, answer_store_only, answer_write, finish_bypass};
use crate::http::service::future::{Bypass, ResponseFuture};
use crate::http::service::unsafe_method::{self, Write};

/// A service that answers requests from the cache, and otherwise calls the inner service.
///
/// [`CacheLayer`](crate::CacheLayer) creates it.
///
/// The error type is that of the inner service, and the response body is a
/// [`CacheBody`](crate::CacheBody).
///
/// # Readiness
///
/// The service is always ready. The inner service is polled ready where it is called, so a hit
/// never waits for it, and neither does a request that shares the fill of another one.
/// Consequently, a layer around the cache does not see that the inner service is busy: `LoadShed`
/// around it never sheds because of a limit inside of it. Put `LoadShed` and limits of the handler
/// inside of the cache, and limits of all requests around it.
///
/// # Examples
///
/// ```
/// use larder::{Cache, CacheService, Policy, ttl};
/// use tower::Layer;
///
/// // Stands for any Tower service that answers HTTP requests.
/// #[derive(Clone)]
/// struct Origin;
///
/// let cache = Cache::default();
/// let service: CacheService<Origin> = cache.layer(Policy::ttl(ttl::STANDARD)).layer(Origin);
/// ```
#[derive(Debug)]
pub struct CacheService<S> {
    inner: S,
    layer: Arc<LayerState>,
}

impl<S: Clone> Clone for CacheService<S> {
    fn clone(&self) -> Self {
        nesting::note_clone();
        Self { inner: self.inner.clone(), layer: Arc::clone(&self.layer) }
    }
}

impl<S> CacheService<S> {
    pub(crate) const fn new(inner: S, layer: Arc<LayerState>) -> Self {
        Self { inner, layer }
    }

    /// Returns the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service, to be changed.
    ///
    /// Responses that were stored before the change are still served.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service without the cache.
    ///
    /// # Examples
    /// ```
    /// use larder::{Cache, Policy, ttl};
    /// use tower::Layer;
    ///
    /// let layer = Cache::default().layer(Policy::ttl(ttl::STANDARD));
    /// let mut service = layer.layer("an inner service");
    /// assert_eq!(*service.get_ref(), "an inner service");
    /// *service.get_mut() = "another one";
    /// assert_eq!(service.into_inner(), "another one");
    /// ```
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, Q, B> Service<Request<Q>> for CacheService<S>
where
    S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    Q: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
{
    type Response = Response<CacheBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, B, S::Error>;

    /// Is ready at once. The inner service is polled when it is called.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        if let Some(slot) = OuterRun::report(&parts, &self.layer.nesting) {
            return self.call_explained(parts, body, slot);
        }
        // The key is created in its final place, because it is too large to be moved.
        let mut key = KeyBuf::new();
        match classify(&self.layer, &mut parts, &mut key) {
            Eligibility::Lookup(_) if body_hint::has_unannounced_body(&parts, &body) => {
                self.bypass(parts, body, BypassReason::Body)
            }
            Eligibility::Lookup(mut traits) => {
                let key = key.as_str().unwrap_or_default();
                if let Some(before) = before_lookup(&self.layer, &mut parts.headers, &mut traits) {
                    return match before {
                        BeforeLookup::AwaitToken(token) => {
                            self.call_after_token(traits, key.into(), parts, body, token)
                        }
                        BeforeLookup::Extended => self.call_extended(traits, key, parts, body),
                    };
                }
                if is_store_only(&self.layer, traits) && self.is_plain(&parts) {
                    return self.call_store_only(traits, key, parts, body);
                }
                let now = self.layer.engine.clock.boot();
                match lookup_memory(&self.layer, traits, key, &parts.headers, now) {
                    Lookup::Fresh(cached, tier) => {
                        serve::record_hit(&self.layer, &parts, key, &cached, tier, now);
                        let response = serve::hit(&self.layer, traits, key, &parts, &cached, tier, now);
                        if is_due(&self.layer, &cached, now) {
                            self.refresh_early(
                                traits,
                                key,
                                parts,
                                body,
                                StaleResponse::for_early_refresh(cached, tier),
                            );
                        }
                        ResponseFuture::ready(response)
                    }
                    lookup => match self.serve_while_refreshed(traits, &parts, &lookup, now) {
                        Some(response) => ResponseFuture::ready(response),
                        None => self.handle_miss(traits, key, lookup, parts, body),
                    },
                }
            }
            Eligibility::UnsafeMethod | Eligibility::Bypass(_)
                if self.layer.flags.has(LayerFlag::Disabled) =>
            {
                self.bypass(parts, body, BypassReason::Disabled)
            }
            Eligibility::UnsafeMethod => self.handle_unsafe_method(parts, body),
            Eligibility::Bypass(reason) => self.bypass(parts, body, reason),
        }
    }
}

impl<S> CacheService<S> {
    /// Answers a request if the memory tier is off.
    pub(super) fn call_store_only<Q>(
        &mut self,
        traits: RequestTraits,
        key: &str,
        parts: Parts,
        body: Q,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let (layer, body) = (Arc::clone(&self.layer), ErasedRequestBody::new(body));
        let (request, key) = (SplitRequest { parts, body }, KeyAndAddress::new(key));
        ResponseFuture::boxed(answer_store_only(layer, self.erased_inner(), request, traits, key))
    }

    /// Refreshes a response in the background before it expires.
    #[cold]
    pub(super) fn refresh_early<Q>(
        &mut self,
        traits: RequestTraits,
        key: &str,
        parts: Parts,
        body: Q,
        stale: StaleResponse,
    ) where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let request = SplitRequest { parts, body: ErasedRequestBody::new(body) };
        spawn_early_refresh(&self.layer, self.erased_inner(), request, traits, key, stale);
    }

    /// Answers a request that memory has no fresh response for.
    pub(super) fn handle_miss<Q>(
        &mut self,
        traits: RequestTraits,
        key: &str,
        lookup: Lookup,
        mut parts: Parts,
        body: Q,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let provisional = !self.is_plain(&parts);
        match RequestContext::new(&self.layer, traits, key, &mut parts) {
            Ok(mut context) => {
                context.is_provisional = provisional;
                let request = Request::from_parts(parts, ErasedRequestBody::new(body));
                let (layer, inner) = (Arc::clone(&self.layer), self.erased_inner());
                ResponseFuture::boxed(answer_miss(layer, inner, request, context, lookup))
            }
            Err(reason) => self.bypass(parts, body, reason),
        }
    }

    /// Passes a request on to the inner service, without a lookup. The response is not stored.
    fn bypass<Q>(
        &mut self,
        mut parts: Parts,
        body: Q,
        reason: BypassReason,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let outcome = Outcome::Bypass(reason);
        let timer = record_bypass(&self.layer, &parts, "", outcome);
        let served = serve::report_handled(&self.layer, || matched_path(&parts), outcome, None);
        if forbids_bypass(&self.layer, reason, &parts) {
            let whole = serve::gateway_timeout(&self.layer.http.reporting, outcome);
            return ResponseFuture::reported(whole, served);
        }
        let run = match reason {
            BypassReason::Disabled => OuterRun::of_disabled(&mut parts),
            _ => OuterRun::begin(&self.layer.nesting, &mut parts),
        };
        let end = Bypass { layer: Arc::clone(&self.layer), outcome, run, served, timer };
        match Call::begin(&mut self.inner, Request::from_parts(parts, body)) {
            Call::Begun(response) => ResponseFuture::bypass(response, end),
            call => ResponseFuture::boxed(finish_bypass(end, erase_call(call.finish()))),
        }
    }

    /// Passes on a request that may change something. Its response decides what is invalidated.
    fn handle_unsafe_method<Q>(
        &mut self,
        mut parts: Parts,
        body: Q,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let targets = unsafe_method::write_targets(&self.layer, &mut parts);
        let token = take_token(&self.layer, &mut parts.headers);
        let (span, timer) = count_bypass(&self.layer, &parts, "", unsafe_method::OUTCOME);
        let served =
            serve::report_handled(&self.layer, || matched_path(&parts), unsafe_method::OUTCOME, None);
        let run = OuterRun::of_write(&mut parts);
        let response = Call::begin(&mut self.inner, Request::from_parts(parts, body)).finish();
        let write = Write { targets, token, run, span, served, timer };
        ResponseFuture::boxed(answer_write(Arc::clone(&self.layer), erase_call(response), write))
    }

    /// Whether it is certain that no inner layer handles this request.
    pub(super) fn is_plain(&self, parts: &Parts) -> bool
    where
        S: Clone,
    {
        let (table, place) = (&self.layer.nesting, RoutePath::of(parts));
        match table.get(place) {
            Some(nesting) => nesting == Nesting::Plain,
            None if nesting::is_certainly_plain(&self.inner, parts) => {
                table.record(place, Nesting::Plain);
                true
            }
            None => false,
        }
    }

    /// Returns a clone of the inner service, without its type.
    pub(super) fn erased_inner<Q>(&self) -> ErasedService
    where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        ErasedService::new(self.inner.clone())
    }

    pub(super) fn layer(&self) -> &Arc<LayerState> {
        &self.layer
    }
}
