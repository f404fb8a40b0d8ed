//! The form of a stored response that a request gets: its own body, or a coded one.

use std::sync::Arc;

use http::HeaderMap;
use larder_core::http::content_coding::ContentCoding;
use larder_core::http::content_coding::accepted::AcceptedCodings;
use larder_core::http::{range, validators};

use crate::http::encode::accepted::accepted_codings;
use crate::http::encode::make_form::make_form;
use crate::http::layer_state::LayerState;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::request_context::{Purpose, RequestContext};
use crate::http::memory::cached_response::{CachedResponse, CodedForm};

/// The form of a stored response that a request gets.
pub(crate) enum Form {
    /// The response as it is stored.
    Own,
    /// The response in a coding.
    Coded(Arc<CachedResponse>),
    /// The response in this coding, which was not made yet.
    Missing {
        coding: ContentCoding,
        /// Whether the request accepts the response as it is stored meanwhile.
        accepts_own: bool,
    },
}

/// Returns the coded form of a stored response that a request gets, if there is one.
///
/// If the form was not made yet, it is made in the background.
pub(crate) fn coded_form(
    layer: &LayerState,
    context: &RequestContext,
    cached: &Arc<CachedResponse>,
) -> Option<Arc<CachedResponse>> {
    match FormRequest::of(context).form_of(layer, cached) {
        Form::Coded(coded) => Some(coded),
        Form::Missing { coding, .. } if layer.http.memory.contains(cached) => {
            make_form(layer, cached, coding);
            None
        }
        Form::Own | Form::Missing { .. } => None,
    }
}

/// A request for a stored response: the codings that it accepts, its fields and its kind.
#[derive(Clone, Copy)]
pub(crate) struct FormRequest<'a> {
    pub(crate) accepted: AcceptedCodings,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) traits: RequestTraits,
}

impl<'a> FormRequest<'a> {
    /// Returns the request of this context.
    ///
    /// A request that refreshes a response or resumes a body accepts no coding: the one has no
    /// client, and the client of the other has the beginning of a body without a coding.
    pub(crate) fn of(context: &'a RequestContext) -> Self {
        let accepted = match context.purpose {
            Purpose::Answer => context.accepted,
            Purpose::Refresh | Purpose::ResumeBody | Purpose::Explain => AcceptedCodings::NONE,
        };
        Self { accepted, headers: &context.headers, traits: context.traits }
    }

    /// Returns the request with these fields, if it may get a coded form.
    #[inline]
    pub(crate) fn of_fields(
        layer: &LayerState,
        headers: &'a HeaderMap,
        traits: RequestTraits,
    ) -> Option<Self> {
        let accepted = accepted_codings(layer, headers);
        (accepted != AcceptedCodings::NONE).then_some(Self { accepted, headers, traits })
    }

    /// Returns the form of `cached` that the request gets.
    #[inline]
    pub(crate) fn form_of(&self, layer: &LayerState, cached: &CachedResponse) -> Form {
        let preferred = self.accepted.prefer(layer.policy.codings());
        let Some(coding) = preferred.coding else { return Form::Own };
        match cached.coded_form(coding) {
            CodedForm::Coded(coded) => {
                let is_special = self.traits.conditional || self.traits.range;
                if is_special && preferred.accepts_identity && self.names_own(cached, coded) {
                    return Form::Own;
                }
                Form::Coded(Arc::clone(coded))
            }
            CodedForm::Unknown if cached.is_codable() => {
                Form::Missing { coding, accepts_own: preferred.accepts_identity }
            }
            CodedForm::Unknown | CodedForm::Useless => Form::Own,
        }
    }

    /// Whether the conditions of the request name the response as it is stored, and not its coded
    /// form.
    ///
    /// The client then has that one, or a part of it. RFC 9110 §13.1.2 and §13.1.5 compare with the
    /// tag of the selected representation. So a client that keeps the response without a coding
    /// gets a 304 or the rest of it, and not another body.
    #[cold]
    fn names_own(&self, cached: &CachedResponse, coded: &CachedResponse) -> bool {
        let is_named = |response: &CachedResponse| {
            self.traits.conditional && validators::not_modified(self.headers, &response.fields)
        };
        let is_range_of =
            |response: &CachedResponse| self.traits.range && range::if_range(self.headers, &response.fields);
        let of_own = is_named(cached) || is_range_of(cached);
        of_own && !is_named(coded) && !is_range_of(coded)
    }
}
