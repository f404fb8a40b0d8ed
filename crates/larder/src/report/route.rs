//! Telling how a request was answered.

use larder_core::outcome::Outcome;

use crate::service::layer::Route;

/// What is counted for each route of a layer.
#[cfg(feature = "metrics")]
#[derive(Debug, Default)]
pub(crate) struct RouteReport {
    metrics: super::metrics::PerRoute,
}

impl Route {
    /// Counts an answer and, at debug, tells of it.
    #[cfg_attr(not(feature = "metrics"), allow(unused_variables))]
    pub(crate) fn answered(&self, matched_path: Option<&str>, key: &str, outcome: Outcome) {
        self.cache.inner.report.answered(outcome);
        #[cfg(feature = "metrics")]
        {
            let name = self.policy.name.as_deref().or(matched_path).unwrap_or("unnamed");
            self.report.metrics.answered(name, outcome);
        }
        if tracing::enabled!(target: "larder", tracing::Level::DEBUG) {
            let (outcome, reason) = (outcome.x_cache(), outcome.reason());
            let span = tracing::debug_span!(target: "larder", "cache", key, outcome, reason);
            span.in_scope(|| tracing::debug!(target: "larder", "answered"));
        }
    }
}
