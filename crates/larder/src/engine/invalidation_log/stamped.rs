//! The properties of a stored value that the log needs to check it.

use larder_core::log::names::Names;
use larder_core::log::position::Position;
use larder_core::time::Boot;

use crate::engine::sync::AtomicU64;

/// A stored value that an invalidation can name.
pub(crate) trait Stamped {
    /// Returns the position in the log before the fill of this value began (rule 2).
    fn position(&self) -> &Position;

    /// Returns the names by which an invalidation can reach this value.
    fn names(&self) -> &Names;

    /// Returns when this process began to fill this value (rule 10).
    ///
    /// Returns `None` if another process may have filled it.
    fn filled_at(&self) -> Option<Boot>;

    /// Returns the cell with the generation of the log at which this value was valid (rule 11).
    fn valid_at(&self) -> &AtomicU64;
}
