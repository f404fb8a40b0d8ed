//! Requests that are to be explained and not served.
//!
//! The steps are those of [`CacheService::call`](super::cache_service), and each decision is made
//! by the same function. Lookups only inspect, and the handler does not run.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use larder_core::key::buf::KeyBuf;
use larder_core::outcome::{BypassReason, Outcome};
use tower_service::Service as _;

use crate::engine::invalidate::follow_log::spawn_follower;
use crate::engine::switches::layer_flags::LayerFlag;
use crate::http::body::CacheBody;
use crate::http::body::erased_body::ErasedRequestBody;
use crate::http::body::service_bounds::CacheableService;
use crate::http::erased_service::{ErasedFuture, ErasedRequest, ErasedResult, ErasedService};
use crate::http::explain::report::{Subject, report};
use crate::http::explanation::explain_slot::ExplainSlot;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::{Eligibility, RequestTraits, classify};
use crate::http::lookup::equivalent::lookup_memory_scoped;
use crate::http::lookup::from_memory::is_store_only;
use crate::http::lookup::from_store::{KeyAndAddress, lookup_store_only};
use crate::http::lookup::only_if_cached::{forbids_bypass, is_only_if_cached};
use crate::http::lookup::request_context::{Purpose, RequestContext};
use crate::http::memory::Access;
use crate::http::miss::foresee::{Foreseen, foresee_miss};
use crate::http::nesting::OuterRun;
use crate::http::ready_service::ReadyService;
use crate::http::request::{SplitRequest, body_hint};
use crate::http::service::before_lookup::{BeforeLookup, before_lookup, wait_for_token};
use crate::http::service::cache_service::CacheService;
use crate::http::service::future::ResponseFuture;
use crate::http::service::unsafe_method;

/// The place of a layer among those that a request goes through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nested {
    /// No layer further in handles the request.
    No,
    /// One may, because the route has not answered yet.
    Maybe,
    /// One does.
    Yes,
}

impl<S> CacheService<S> {
    /// Explains a request, or passes it on to the layer further in that handles it.
    #[cold]
    pub(super) fn call_explained<Q>(
        &mut self,
        parts: Parts,
        body: Q,
        slot: ExplainSlot,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let layer = Arc::clone(self.layer());
        let is_asked = slot.asks(&layer.engine);
        let nested = if layer.flags.has(LayerFlag::Disabled) {
            // The layer of another cache that is disabled is as if it did not exist.
            if is_asked { Nested::No } else { Nested::Yes }
        } else if layer.nesting.is_left_to_inner(&parts) {
            Nested::Yes
        } else if self.is_plain(&parts) {
            Nested::No
        } else if is_asked {
            Nested::Maybe
        } else {
            // The layer that is asked may be further in.
            Nested::Yes
        };
        let has_body = body_hint::has_unannounced_body(&parts, &body);
        let (service, body) = (self.erased_inner(), ErasedRequestBody::new(body));
        let call = Explained { layer, service, request: SplitRequest { parts, body }, nested, has_body };
        ResponseFuture::boxed(call.answer(slot, is_asked))
    }
}

/// A request that is to be explained.
struct Explained {
    layer: Arc<LayerState>,
    service: ErasedService,
    request: SplitRequest<ErasedRequestBody>,
    nested: Nested,
    /// Whether it has a body that its header fields do not announce.
    has_body: bool,
}

impl Explained {
    /// Explains the request if this layer is asked, or passes it on.
    fn answer(mut self, slot: ExplainSlot, is_asked: bool) -> ErasedFuture {
        Box::pin(async move {
            if self.nested != Nested::Yes {
                if is_asked {
                    let (layer, nested) = (Arc::clone(&self.layer), self.nested);
                    let (subject, foreseen) = self.foresee().await;
                    slot.put(report(&layer, subject, foreseen, nested == Nested::Maybe).await);
                }
                return Ok(answer());
            }
            if is_asked {
                let parts = &mut self.request.parts;
                let foreseen = Foreseen::by_handler(Outcome::Bypass(BypassReason::Nested));
                let subject = Subject { sent: parts.clone(), looked_up: parts.clone() };
                slot.put(report(&self.layer, subject, foreseen, false).await);
                OuterRun::leave_explained(&self.layer.nesting, parts, slot);
            }
            forward(self.service, self.request.join()).await
        })
    }

    /// Returns what would become of the request, and the request as it would be looked up.
    async fn foresee(self) -> (Subject, Foreseen) {
        let Self { layer, service, request: SplitRequest { mut parts, body }, nested, has_body } = self;
        let sent = parts.clone();
        let mut key = KeyBuf::new();
        let foreseen = match classify(&layer, &mut parts, &mut key) {
            Eligibility::Lookup(_) if has_body => foresee_bypass(&layer, BypassReason::Body, &parts),
            Eligibility::Lookup(traits) => {
                let key = key.as_str().unwrap_or_default();
                Looking { layer: &layer, service, body, key, nested }.foresee(traits, &mut parts).await
            }
            Eligibility::UnsafeMethod | Eligibility::Bypass(_) if layer.flags.has(LayerFlag::Disabled) => {
                foresee_bypass(&layer, BypassReason::Disabled, &parts)
            }
            Eligibility::UnsafeMethod => Foreseen::by_handler(unsafe_method::OUTCOME),
            Eligibility::Bypass(reason) => foresee_bypass(&layer, reason, &parts),
        };
        (Subject { sent, looked_up: parts }, foreseen)
    }
}

/// Returns the response to a request that was explained.
///
/// Only the extension of the request carries the explanation.
fn answer<B: http_body::Body>() -> Response<CacheBody<B>> {
    let mut response = Response::new(CacheBody::full(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Passes a request on, as if this layer did not exist.
async fn forward(service: ErasedService, request: ErasedRequest) -> ErasedResult {
    let response = ReadyService::new(service).ready().await?.call(request).await?;
    Ok(response.map(CacheBody::inner))
}

/// Returns the outcome of a bypass, or of the 504 in its place.
fn foresee_bypass(layer: &LayerState, reason: BypassReason, parts: &Parts) -> Foreseen {
    let outcome = Outcome::Bypass(reason);
    if forbids_bypass(layer, reason, parts) && parts.method != Method::CONNECT {
        Foreseen::without_handler(outcome)
    } else {
        Foreseen::by_handler(outcome)
    }
}

/// A request that is looked up.
struct Looking<'a> {
    layer: &'a Arc<LayerState>,
    service: ErasedService,
    body: ErasedRequestBody,
    key: &'a str,
    nested: Nested,
}

impl Looking<'_> {
    async fn foresee(self, mut traits: RequestTraits, parts: &mut Parts) -> Foreseen {
        let layer = self.layer;
        if let Some(BeforeLookup::AwaitToken(token)) = before_lookup(layer, &mut parts.headers, &mut traits) {
            spawn_follower(&layer.engine);
            if !wait_for_token(layer, token).await {
                return self.foresee_without_token(traits, parts);
            }
        }
        if is_store_only(layer, traits) && self.nested == Nested::No {
            let (key, time) = (KeyAndAddress::new(self.key), layer.engine.store_time());
            spawn_follower(&layer.engine);
            let lookup = lookup_store_only(layer, &key, &parts.headers, Access::Inspect, &time).await;
            return self.foresee_lookup(traits, lookup, parts).await;
        }
        let now = layer.engine.clock.boot();
        let lookup = lookup_memory_scoped(layer, Access::Inspect, traits, self.key, parts, now);
        self.foresee_lookup(traits, lookup, parts).await
    }

    async fn foresee_lookup(self, traits: RequestTraits, lookup: Lookup, parts: &mut Parts) -> Foreseen {
        if let Lookup::Fresh(_, tier) = lookup {
            return Foreseen::without_handler(Outcome::Hit(tier));
        }
        let Self { layer, service, body, key, nested } = self;
        match RequestContext::new(layer, traits, key, parts) {
            Ok(mut context) => {
                context.purpose = Purpose::Explain;
                context.is_provisional = nested != Nested::No;
                let request = Request::from_parts(parts.clone(), body);
                foresee_miss(Arc::clone(layer), service, request, context, lookup).await
            }
            Err(reason) => foresee_bypass(layer, reason, parts),
        }
    }

    /// Returns the outcome of a request whose token this instance cannot satisfy.
    fn foresee_without_token(self, traits: RequestTraits, parts: &mut Parts) -> Foreseen {
        let reason = BypassReason::ReadYourWrites;
        match RequestContext::new(self.layer, traits, self.key, parts) {
            Ok(context) if is_only_if_cached(self.layer, &context.headers) => {
                Foreseen::without_handler(Outcome::Bypass(reason))
            }
            Ok(_) => Foreseen::by_handler(Outcome::Bypass(reason)),
            Err(reason) => foresee_bypass(self.layer, reason, parts),
        }
    }
}
