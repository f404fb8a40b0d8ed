//! Telling how a request was answered: counters, and at debug a span.

use http::request::Parts;
use larder_core::outcome::{Outcome, Tier};
use tracing::Span;
use tracing::field::Empty;

use crate::http::layer_state::Route;
use crate::http::lookup::request_context::Ask;
use crate::http::request::axum_route::matched_path;

impl Route {
    /// Tells of a request that is answered at once, or whose answer the cache has no part in.
    #[inline]
    pub(crate) fn answered_at_once(&self, parts: &Parts, key: &str, outcome: Outcome) {
        self.count(|| matched_path(parts), outcome);
        // Nothing of this is looked at on a hit unless somebody listens.
        if tracing::enabled!(target: "larder", tracing::Level::DEBUG) {
            tell(&self.span(matched_path(parts), key), outcome);
        }
    }

    /// Tells of a fresh hit that saved so many nanoseconds.
    #[inline]
    pub(crate) fn hit_at_once(&self, parts: &Parts, key: &str, tier: Tier, cost: u64) {
        let outcome = Outcome::Hit(tier);
        self.engine.report.hit(tier, cost);
        self.count_for_route(|| matched_path(parts), outcome);
        if tracing::enabled!(target: "larder", tracing::Level::DEBUG) {
            tell(&self.span(matched_path(parts), key), outcome);
        }
    }

    /// Tells of a request that had to wait for something. What only refreshes answers nobody, and what only completes an
    /// answer was told of before.
    pub(crate) fn answered(&self, ask: &Ask, outcome: Outcome) {
        if ask.refreshes || ask.completes {
            return;
        }
        self.count(|| ask.matched_path.as_deref(), outcome);
        tell(&ask.span, outcome);
    }

    /// The span of a request.
    pub(crate) fn span(&self, matched_path: Option<&str>, key: &str) -> Span {
        let route = self.policy.name.as_deref().or(matched_path);
        tracing::debug_span!(target: "larder", "cache", route, key, outcome = Empty, tier = Empty, reason = Empty)
    }

    #[inline]
    fn count<'a>(&'a self, matched_path: impl FnOnce() -> Option<&'a str>, outcome: Outcome) {
        self.engine.report.answered(outcome);
        self.count_for_route(matched_path, outcome);
    }

    #[inline]
    #[cfg_attr(not(feature = "metrics"), allow(unused_variables, clippy::unused_self))] // Only metrics tell routes apart.
    fn count_for_route<'a>(&'a self, matched_path: impl FnOnce() -> Option<&'a str>, outcome: Outcome) {
        #[cfg(feature = "metrics")]
        {
            let route = self.policy.name.as_deref().or_else(matched_path);
            self.report.answered(route.unwrap_or("unnamed"), outcome);
        }
    }
}

fn tell(span: &Span, outcome: Outcome) {
    if span.is_disabled() {
        return;
    }
    span.record("outcome", outcome.as_str());
    if let Some(tier) = outcome.tier() {
        span.record("tier", tier.as_str());
    }
    if !matches!(outcome, Outcome::Hit(_)) {
        span.record("reason", outcome.reason());
    }
    span.in_scope(|| tracing::debug!(target: "larder", "answered"));
}
