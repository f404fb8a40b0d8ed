//! Templates with a path parameter that the route of a request does not have.

use http::request::Parts;
use larder_core::key::template::Template;
use larder_core::outcome::BypassReason;

use crate::engine::report::warned_once::WarnedOnce;
use crate::http::policy::Policy;
use crate::http::request::axum_route::{is_router_fallback, matched_path};

/// The parameters that were missing.
static MISSING: WarnedOnce = WarnedOnce::new();

/// A parameter of a template that has no value for a request.
pub(super) struct MissingParameter<'a> {
    pub(super) template: &'a Template,
    pub(super) name: &'a str,
}

/// The consequence of a missing parameter.
#[derive(Clone, Copy)]
pub(super) enum Consequence {
    /// The request bypasses the cache.
    Bypass,
    /// A write does not invalidate the tag.
    TagNotInvalidated,
}

impl Consequence {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "its requests bypass the cache",
            Self::TagNotInvalidated => "its writes do not invalidate the tag",
        }
    }
}

impl Policy {
    /// Returns the reason for a bypass, and logs the mistake once for each template and route.
    #[cold]
    pub(super) fn report_missing(
        &self,
        missing: &MissingParameter<'_>,
        parts: &Parts,
        consequence: Consequence,
    ) -> BypassReason {
        let MissingParameter { template, name } = missing;
        if self.is_user(name) {
            // The policy is right, and the request has no user.
            return BypassReason::NoKey;
        }
        let route = matched_path(parts);
        // A layer around all routes of a router also gets the requests that match no route.
        if !is_router_fallback(parts) {
            let template = template.as_str();
            let consequence = consequence.as_str();
            if MISSING.is_first(&format!("{template} {name} {} {consequence}", route.unwrap_or_default())) {
                tracing::warn!(
                    target: "larder",
                    template,
                    parameter = name,
                    route,
                    "path parameter of a template missing: the route has no parameter of this name, or \
                     the layer is around the router and not in it, so {consequence}",
                );
            }
        }
        BypassReason::MissingParameter
    }
}
