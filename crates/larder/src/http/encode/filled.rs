//! The responses of a fill, where the policy codes stored responses.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use larder_core::http::content_coding::codable::is_codable;
use larder_core::http::content_coding::coded_fields::add_vary;

use crate::http::encode::form::{Form, FormRequest};
use crate::http::encode::make_form::make_form;
use crate::http::layer_state::LayerState;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;

/// Adds `Vary: Accept-Encoding` to a response that is stored and may be coded.
///
/// `size` is that of its body, if it is known.
pub(crate) fn note_codings(
    layer: &LayerState,
    status: StatusCode,
    headers: &mut HeaderMap,
    size: Option<u64>,
) {
    let size = size.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    if !layer.policy.codings().is_empty() && is_codable(status, headers, size) {
        add_vary(headers);
    }
}

/// Makes the form of a committed response that the request prefers.
///
/// The client itself gets the response as the handler has made it. A refresh has no client. The
/// form is for the next request like the one that led to it.
pub(crate) fn make_preferred_form(
    layer: &LayerState,
    context: &RequestContext,
    cached: &Arc<CachedResponse>,
) {
    let request =
        FormRequest { accepted: context.accepted, headers: &context.headers, traits: context.traits };
    let is_lasting = !layer.http.memory.is_enabled() || layer.http.memory.contains(cached);
    match request.form_of(layer, cached) {
        Form::Missing { coding, .. } if is_lasting => make_form(layer, cached, coding),
        Form::Own | Form::Coded(_) | Form::Missing { .. } => {}
    }
}
