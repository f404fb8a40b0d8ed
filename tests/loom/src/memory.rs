//! A stored response, reduced to the fields that the explored sources use.

use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::time::BootTime;

use crate::engine::invalidation_log::stamped::Stamped;
use crate::sync::AtomicU64;

pub(crate) mod cached_response {
    pub(crate) use super::CachedResponse;
}

pub(crate) struct CachedResponse {
    pub(crate) position: Position,
    pub(crate) names: Names,
    pub(crate) filled_at: Option<BootTime>,
    pub(crate) valid_at: AtomicU64,
}

impl Stamped for CachedResponse {
    fn position(&self) -> &Position {
        &self.position
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn filled_at(&self) -> Option<BootTime> {
        self.filled_at
    }

    fn valid_at(&self) -> &AtomicU64 {
        &self.valid_at
    }
}
