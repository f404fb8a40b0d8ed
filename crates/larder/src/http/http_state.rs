//! The HTTP state that the layers of one cache share.

use std::sync::Arc;

use http::HeaderName;
use larder_core::time::Clock;

use crate::engine::failure_table::FailureTable;
use crate::engine::keyed_jobs::KeyedJobs;
use crate::engine::listing::passes::Passes;
use crate::http::cache_status::reporting::Reporting;
use crate::http::coding_jobs::CodingJobs;
use crate::http::flight_event::Flights;
use crate::http::layer_registry::LayerRegistry;
use crate::http::memory::ResponseMemory;
use crate::http::memory::slot::SlotKey;
use crate::http::memory::variation_table::VariationTable;
use crate::http::policy::template_registry::TemplateRegistry;

/// The parts of a cache that hold responses.
pub(crate) struct HttpState {
    pub(crate) memory: ResponseMemory,
    /// The listings of the memory that operators are reading.
    pub(crate) passes: Passes<SlotKey>,
    pub(crate) failures: FailureTable,
    pub(crate) flights: Flights,
    /// The coded forms that are being made.
    pub(crate) coding_jobs: Arc<CodingJobs>,
    pub(crate) variations: Arc<VariationTable>,
    pub(crate) key_templates: TemplateRegistry,
    pub(crate) layers: LayerRegistry,
    /// The fields that the application calls credentials, besides `Authorization` and `Cookie`.
    pub(crate) credentials: Vec<HeaderName>,
    /// The fields by which the cache reports what it did.
    pub(crate) reporting: Reporting,
    /// Whether all layers report to other layers how a request was answered.
    pub(crate) served_extension: bool,
}

impl HttpState {
    /// Creates the empty state of a cache with this many bytes of memory.
    pub(crate) fn new(
        memory: u64,
        clock: Arc<dyn Clock>,
        variations: Arc<VariationTable>,
        reporting: Reporting,
        served_extension: bool,
    ) -> Self {
        Self {
            memory: ResponseMemory::new(memory, clock),
            passes: Passes::default(),
            failures: FailureTable::default(),
            flights: Flights::default(),
            coding_jobs: Arc::new(KeyedJobs::new()),
            variations,
            key_templates: TemplateRegistry::default(),
            layers: LayerRegistry::default(),
            credentials: Vec::new(),
            reporting,
            served_extension,
        }
    }
}

impl std::fmt::Debug for HttpState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpState").finish_non_exhaustive()
    }
}
