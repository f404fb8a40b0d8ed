//! Hits that take more than a look into memory: for equivalent queries, reported or coded.

use std::sync::Arc;

use http::request::Parts;
use larder_core::http::content_coding::ContentCoding;
use larder_core::outcome::{Outcome, Tier};

use crate::http::body::service_bounds::CacheableService;
use crate::http::encode::await_form::await_form;
use crate::http::encode::form::{Form, FormRequest};
use crate::http::encode::make_form::make_form;
use crate::http::erased_service::ErasedFuture;
use crate::http::fill::refresh::is_due;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::equivalent::lookup_memory_scoped;
use crate::http::lookup::from_memory::is_store_only;
use crate::http::memory::Access;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::request::axum_route::matched_path;
use crate::http::serve;
use crate::http::service::cache_service::CacheService;
use crate::http::service::future::ResponseFuture;

impl<S> CacheService<S> {
    /// Answers a request for which a response to an equivalent query may be used, whose response
    /// reports how it was served, or whose response may be coded.
    pub(super) fn call_extended<Q>(
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
        if is_store_only(self.layer(), traits) && self.is_plain(&parts) {
            return self.call_store_only(traits, key, parts, body);
        }
        let now = self.layer().engine.clock.boot();
        match lookup_memory_scoped(self.layer(), Access::Serve, traits, key, &parts, now) {
            Lookup::Fresh(cached, tier) => {
                let request = FormRequest::of_fields(self.layer(), &parts.headers, traits);
                let form = match request.map_or(Form::Own, |request| request.form_of(self.layer(), &cached)) {
                    Form::Own => None,
                    Form::Coded(coded) => Some(coded),
                    Form::Missing { coding, accepts_own: true } => {
                        make_form(self.layer(), &cached, coding);
                        None
                    }
                    Form::Missing { coding, accepts_own: false } => {
                        return self.await_form(traits, parts, cached, tier, coding);
                    }
                };
                let form = form.as_ref().unwrap_or(&cached);
                let outcome = Outcome::Hit(tier);
                let served = serve::report_stored(self.layer(), || matched_path(&parts), outcome, form, now);
                let key_of_response = &*cached.meta.key;
                serve::record_hit(self.layer(), &parts, key_of_response, form, tier, now);
                let response = serve::hit(self.layer(), traits, key_of_response, &parts, form, tier, now);
                if is_due(self.layer(), &cached, now) {
                    self.refresh_early(
                        traits,
                        key,
                        parts,
                        body,
                        StaleResponse::for_early_refresh(cached, tier),
                    );
                }
                ResponseFuture::reported(response, served)
            }
            lookup => self.handle_miss(traits, key, lookup, parts, body),
        }
    }

    /// Answers a request for a stored response that accepts only its coded form, which is made
    /// first.
    #[cold]
    fn await_form<Q>(
        &self,
        traits: RequestTraits,
        parts: Parts,
        cached: Arc<CachedResponse>,
        tier: Tier,
        coding: ContentCoding,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: CacheableService<Q>,
    {
        let layer = Arc::clone(self.layer());
        ResponseFuture::boxed(answer_coded(layer, traits, parts, cached, tier, coding))
    }
}

/// Makes the coded form of a stored response, and serves it.
fn answer_coded(
    layer: Arc<LayerState>,
    traits: RequestTraits,
    parts: Parts,
    cached: Arc<CachedResponse>,
    tier: Tier,
    coding: ContentCoding,
) -> ErasedFuture {
    Box::pin(async move {
        let started = layer.engine.clock.boot();
        let form = await_form(&layer, &cached, coding).await.unwrap_or(cached);
        let (now, key, outcome) = (layer.engine.clock.boot(), &*form.meta.key, Outcome::Hit(tier));
        let served = serve::report_stored(&layer, || matched_path(&parts), outcome, &form, now);
        serve::record_hit(&layer, &parts, key, &form, tier, started);
        let whole = serve::hit(&layer, traits, key, &parts, &form, tier, now);
        Ok(serve::attach(served, whole.into_response()))
    })
}
