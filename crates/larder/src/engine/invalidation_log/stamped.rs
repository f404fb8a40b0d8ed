//! The log's view of something stored.

use larder_core::log::names::Names;
use larder_core::log::position::Position;
use larder_core::time::Boot;

use crate::engine::sync::AtomicU64;

/// Something stored that an invalidation can name.
pub(crate) trait Stamped {
    /// Returns the position of the log before its fill began (rule 2).
    fn position(&self) -> &Position;

    /// Returns the names that an invalidation can reach it by.
    fn names(&self) -> &Names;

    /// Returns when this process began to fill it. `None` if another process may have (rule 10).
    fn filled_at(&self) -> Option<Boot>;

    /// Returns the cell that remembers the generation of the log at which it was valid (rule 11).
    fn valid_at(&self) -> &AtomicU64;
}
