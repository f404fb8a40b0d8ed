//! What the layers of one cache share, as far as it knows of HTTP.

use std::sync::Arc;

use crate::http::flight_event::Flights;
use crate::http::memory::Memory;
use crate::http::memory::variation_table::Variations;

/// The parts of a cache that hold responses.
pub(crate) struct HttpState {
    pub(crate) memory: Memory,
    pub(crate) flights: Flights,
    pub(crate) variations: Arc<Variations>,
}

impl std::fmt::Debug for HttpState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpState").finish_non_exhaustive()
    }
}
