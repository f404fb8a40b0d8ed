//! What the explored sources know of a stored response.

use larder_core::log::names::Names;
use larder_core::log::position::Position;
use larder_core::time::Boot;

use crate::engine::invalidation_log::stamped::Stamped;
use crate::sync::AtomicU64;

pub(crate) mod cached_response {
    pub(crate) use super::CachedResponse;
}

pub(crate) struct CachedResponse {
    pub(crate) position: Position,
    pub(crate) names: Names,
    pub(crate) filled_at: Option<Boot>,
    pub(crate) valid_at: AtomicU64,
}

impl Stamped for CachedResponse {
    fn position(&self) -> &Position {
        &self.position
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn filled_at(&self) -> Option<Boot> {
        self.filled_at
    }

    fn valid_at(&self) -> &AtomicU64 {
        &self.valid_at
    }
}
