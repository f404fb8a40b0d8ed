//! How long a response is fresh.

use std::time::Duration;

/// How long a stored response is fresh, and how long after that it may still be of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)] // A fourth window would change every rule.
pub struct Lifetime {
    /// The freshness lifetime (RFC 9111 §4.2.1).
    pub fresh: Duration,
    /// How long after that it may be served while it is being refreshed (RFC 5861 §3).
    pub while_revalidate: Duration,
    /// How long after that it may be served if the handler fails (RFC 5861 §4).
    pub if_error: Duration,
}
