//! The HTTP state that the layers of one cache share.

use std::sync::Arc;

use crate::http::flight_event::Flights;
use crate::http::memory::ResponseMemory;
use crate::http::memory::failure_table::FailureTable;
use crate::http::memory::variation_table::VariationTable;
use crate::http::policy::template_registry::TemplateRegistry;

/// The parts of a cache that hold responses.
pub(crate) struct HttpState {
    pub(crate) memory: ResponseMemory,
    pub(crate) failures: FailureTable,
    pub(crate) flights: Flights,
    pub(crate) variations: Arc<VariationTable>,
    pub(crate) key_templates: TemplateRegistry,
}

impl std::fmt::Debug for HttpState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpState").finish_non_exhaustive()
    }
}
