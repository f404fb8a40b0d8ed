//! What the services of one layer share.

use std::sync::Arc;

use crate::fill::budget::Budget;
use crate::fill::outgrown::Outgrown;
use crate::inner::Inner;
use crate::policy::Policy;

/// A cache and the policy of one of its layers.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) cache: Arc<Inner>,
    pub(crate) policy: Policy,
    pub(crate) new_keys: Budget,
    pub(crate) outgrown: Outgrown,
    #[cfg(feature = "metrics")]
    pub(crate) report: crate::report::route::RouteReport,
}
