//! The form of a response that is only in the shared tier, because the memory tier is off.

use std::sync::Arc;

use crate::http::coding_jobs::CodingJobKey;
use crate::http::encode::await_form::await_form;
use crate::http::encode::form::{Form, FormRequest};
use crate::http::encode::make_form::make_form;
use crate::http::encode::shared_form::read_coded_body;
use crate::http::layer_state::LayerState;
use crate::http::memory::cached_response::CachedResponse;

/// Returns the coded form that a request gets, or `None` if it gets the response as it is stored.
///
/// A coded form costs a second read. If it is not there, it is made in the background. The future
/// of a request that accepts no coding is small.
pub(crate) async fn form_from_store(
    layer: &LayerState,
    request: Option<FormRequest<'_>>,
    cached: &Arc<CachedResponse>,
) -> Option<Arc<CachedResponse>> {
    Box::pin(read_form(layer, request?, cached)).await
}

async fn read_form(
    layer: &LayerState,
    request: FormRequest<'_>,
    cached: &Arc<CachedResponse>,
) -> Option<Arc<CachedResponse>> {
    let Form::Missing { coding, accepts_own } = request.form_of(layer, cached) else { return None };
    let key = CodingJobKey::of(cached, coding);
    match read_coded_body(&layer.engine, &layer.http, cached, &key).await {
        Some(coded) if coded.is_empty() => None,
        Some(coded) => {
            let with_form = cached.with_coded_body(coding, &coded);
            match request.form_of(layer, &with_form) {
                Form::Coded(coded) => Some(coded),
                Form::Own | Form::Missing { .. } => None,
            }
        }
        None if accepts_own => {
            make_form(layer, cached, coding);
            None
        }
        None => await_form(layer, cached, coding).await,
    }
}
