//! Name → last position, and the check of a stored response against it.

use std::time::Duration;

/// What the table says of a stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Whoever serves has to treat each.
pub enum Verdict {
    /// Nothing that it is named by was invalidated after its position.
    Valid,
    /// Something was, softly: it has counted as stale for this long.
    Soft(Duration),
    /// It must not be used for anything.
    Refused,
}
