//! The state that the services of one layer share.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use larder_core::outcome::BypassReason;

use crate::engine::coalesce::handler_time::HandlerTime;
use crate::engine::coalesce::new_key_budget::NewKeyBudget;
use crate::engine::failure_table::Retry;
use crate::engine::report::route_counters::RouteCounters;
use crate::engine::shared::Engine;
use crate::engine::switches::layer_flags::{LayerFlag, LayerFlags};
use crate::http::http_state::HttpState;
use crate::http::layer_registry::DescribePolicy;
use crate::http::layer_routes::LayerRoutes;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::nesting::{Existing, NestingTable};
use crate::http::policy::Policy;
use crate::http::policy::description::PolicyDescription;
use crate::http::policy::diagnostics::UNNAMED;
use crate::http::policy::template_registry::RegisteredTemplate;
use crate::http::request::axum_route::matched_path;

/// A cache and the policy of one of its layers.
#[derive(Debug)]
pub(crate) struct LayerState {
    pub(crate) engine: Arc<Engine>,
    pub(crate) http: Arc<HttpState>,
    pub(crate) policy: Policy,
    /// Maximum size of a stored body: that of the policy, or less if no tier can store it.
    pub(crate) max_body: usize,
    pub(crate) new_key_budget: NewKeyBudget,
    pub(crate) handler_time: HandlerTime,
    /// Why requests may have to leave the layer at once. Each hit loads them.
    pub(crate) flags: Arc<LayerFlags>,
    /// The facts that are known about layers further in.
    pub(crate) nesting: Arc<NestingTable>,
    pub(crate) _existing: Existing,
    pub(crate) _template: RegisteredTemplate,
    /// Whether the layer has a shared tier and stores nothing in memory.
    ///
    /// It is computed once, because every hit reads it.
    pub(crate) store_only: bool,
    pub(crate) routes: LayerRoutes,
}

/// The maximum time for which the `Retry-After` of a handler counts.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

impl LayerState {
    /// Returns the reason why the layer leaves this request to its inner service, if it does.
    ///
    /// Most requests check only that no flag is set.
    #[inline]
    pub(crate) fn reason_to_leave(&self, parts: &Parts) -> Option<BypassReason> {
        if self.flags.are_clear() { None } else { self.reason_by_flags(parts) }
    }

    #[cold]
    fn reason_by_flags(&self, parts: &Parts) -> Option<BypassReason> {
        if self.flags.has(LayerFlag::Disabled) {
            return Some(BypassReason::Disabled);
        }
        if self.nesting.is_left_to_inner(parts) {
            return Some(BypassReason::Nested);
        }
        if !self.flags.has(LayerFlag::Switched) {
            return None;
        }
        let (route, class) = (self.route_name(parts), self.policy.class_name());
        let is_switched_off = self.engine.switches.covers(route, class, self.engine.clock.boot());
        is_switched_off.then_some(BypassReason::SwitchedOff)
    }

    /// Returns the name of the request's route, as in metrics.
    pub(crate) fn route_name<'a>(&'a self, parts: &'a Parts) -> &'a str {
        self.policy.name.as_deref().or_else(|| matched_path(parts)).unwrap_or(UNNAMED)
    }

    /// Calls `count` with the counters of a route, given the path that axum matched.
    #[inline]
    pub(crate) fn with_route<'a, T>(
        &'a self,
        matched_path: impl FnOnce() -> Option<&'a str>,
        count: impl FnOnce(&Arc<RouteCounters>) -> T,
    ) -> T {
        let table = &self.engine.report.routes;
        let path = if self.policy.name.is_some() { None } else { matched_path() };
        match path {
            Some(path) => self.routes.with(table, path, count),
            None => self.routes.with_own(table, || self.policy.own_name(), count),
        }
    }

    /// Stores a response in memory, for the route with the path that axum matched.
    pub(crate) fn insert_in_memory(&self, cached: &Arc<CachedResponse>, matched_path: Option<&str>) {
        if self.http.memory.is_enabled() {
            // The path decides about the route. A key without it may belong to several routes.
            let is_of_one_route = self.policy.name.is_some() || self.policy.key.is_uri();
            let layer = if is_of_one_route { self.routes.layer } else { LayerRoutes::NO_LAYER };
            self.with_route(|| matched_path, |route| cached.set_route(route, layer));
            self.http.memory.insert(Arc::clone(cached));
        }
    }

    /// Returns after which wait a follower may be a request of the handler that it waits for.
    ///
    /// Handlers that are known to be slow do not count as handlers that wait for themselves.
    pub(crate) fn own_request_wait(&self) -> Duration {
        self.policy.fill_limits.own_request.max(self.handler_time.slowest() * 2)
    }

    /// Whether the response is a failure that is only shared with the requests that wait for it.
    pub(crate) fn is_unstored_failure(&self, cached: &CachedResponse) -> bool {
        self.policy.is_failure(cached.status) && cached.meta.lifetime().total().is_zero()
    }

    /// Returns whether a request may run the handler that has failed to replace this response.
    pub(crate) fn may_retry(&self, cached: &CachedResponse) -> Retry {
        let delay = self.policy.fill_limits.retry_after_error;
        self.http.failures.try_retry(cached, self.engine.clock.boot(), delay)
    }

    /// Returns what [`may_retry`](Self::may_retry) would return, and changes nothing.
    pub(crate) fn would_retry(&self, cached: &CachedResponse) -> Retry {
        self.http.failures.peek_retry(cached, self.engine.clock.boot())
    }

    /// Records that the handler failed to replace this response.
    ///
    /// `retry_after` is the time that the handler or another instance asks for. Returns the time
    /// for which the handler is not asked again.
    pub(crate) fn record_failure(&self, cached: &CachedResponse, retry_after: Option<Duration>) -> Duration {
        let least = self.policy.fill_limits.retry_after_error;
        let delay = least.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER));
        if !delay.is_zero() {
            self.http.failures.record(cached, self.engine.clock.boot(), delay);
        }
        delay
    }
}

impl DescribePolicy for LayerState {
    fn describe_policy(&self) -> PolicyDescription {
        self.policy.describe(self.max_body, self.routes.names())
    }
}
