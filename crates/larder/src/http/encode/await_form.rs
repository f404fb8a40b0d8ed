//! The coded form for a request that accepts no other.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{Response, StatusCode};
use http_body::Body;
use larder_core::http::content_coding::ContentCoding;
use larder_core::http::content_coding::coded_fields::set_coded;

use crate::http::body::CacheBody;
use crate::http::encode::make_form::begin;
use crate::http::layer_state::LayerState;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::{CachedResponse, CodedForm};
use crate::http::memory::{Access, MemoryLookup};

/// Waits for the form of a response in this coding.
///
/// Returns `None` if the coding is of no use, or if too many forms are being made.
pub(crate) async fn await_form(
    layer: &LayerState,
    cached: &Arc<CachedResponse>,
    coding: ContentCoding,
) -> Option<Arc<CachedResponse>> {
    let coded = begin(layer, cached, coding)?.result().await?;
    (!coded.is_empty()).then(|| Arc::new(cached.coded_as(coding, coded)))
}

/// A request that accepts only a coded response, and that memory alone could not answer.
pub(crate) struct CodedOnly {
    layer: Arc<LayerState>,
    key: Box<str>,
    headers: http::HeaderMap,
    coding: ContentCoding,
}

impl CodedOnly {
    /// Returns the request if it is one that accepts a coding and nothing else.
    ///
    /// It has no conditions and asks for no part: those are evaluated before.
    pub(crate) fn of(layer: &Arc<LayerState>, context: &RequestContext) -> Option<Box<Self>> {
        let preferred = context.accepted.prefer(layer.policy.codings());
        let traits = context.traits;
        let is_plain = !(traits.head || traits.conditional || traits.range);
        let coding = preferred.coding.filter(|_| is_plain && !preferred.accepts_identity)?;
        let (layer, key, headers) = (Arc::clone(layer), context.key.clone(), context.headers.clone());
        Some(Box::new(Self { layer, key, headers, coding }))
    }

    /// Returns the response in the coding of the request, if it is stored and its body is complete.
    ///
    /// A response that is not stored is not coded, and neither is one that is still on its way.
    pub(crate) async fn code<B: Body<Data = Bytes>>(
        self,
        response: Response<CacheBody<B>>,
    ) -> Response<CacheBody<B>> {
        let Self { layer, key, headers, coding } = self;
        let is_whole =
            response.status() == StatusCode::OK && !response.headers().contains_key(CONTENT_ENCODING);
        let Some(body) = response.body().as_full().filter(|_| is_whole).cloned() else { return response };
        let now = layer.engine.clock.boot();
        let found = layer.http.memory.find_as(Access::Inspect, &key, &headers, now);
        let MemoryLookup::Found(cached) = found else { return response };
        if cached.body != body || !cached.is_codable() {
            return response;
        }
        let coded = match cached.coded_form(coding) {
            CodedForm::Coded(coded) => Some(coded.body.clone()),
            CodedForm::Useless => None,
            CodedForm::Unknown => await_form(&layer, &cached, coding).await.map(|form| form.body.clone()),
        };
        let Some(coded) = coded else { return response };
        let mut response = response.map(|_| CacheBody::full(coded.clone()));
        set_coded(response.headers_mut(), coding, &coded);
        response
    }
}
