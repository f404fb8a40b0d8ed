//! The state that the services of one layer share.

use std::sync::Arc;

use crate::engine::coalesce::new_key_budget::NewKeyBudget;
use crate::engine::shared::Engine;
use crate::http::http_state::HttpState;
use crate::http::nesting::{Existing, NestingTable};
use crate::http::policy::Policy;

/// A cache and the policy of one of its layers.
#[derive(Debug)]
pub(crate) struct LayerState {
    pub(crate) engine: Arc<Engine>,
    pub(crate) http: Arc<HttpState>,
    pub(crate) policy: Policy,
    pub(crate) new_key_budget: NewKeyBudget,
    /// The facts that are known about layers further in.
    pub(crate) nesting: Arc<NestingTable>,
    pub(crate) _existing: Existing,
    /// Whether the layer has a shared tier and stores nothing in memory.
    ///
    /// It is computed once, because every hit reads it.
    pub(crate) store_only: bool,
    #[cfg(feature = "metrics")]
    pub(crate) request_counters: crate::engine::report::metrics::RequestCounters,
}
