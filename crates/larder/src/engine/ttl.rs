//! Five classes of freshness lifetimes, so that a code base has five and not fifty.
//!
//! ```
//! use larder::{Policy, ttl};
//!
//! let policy = Policy::ttl(ttl::STANDARD);
//! ```

use std::time::Duration;

/// Ten seconds: what changes all the time and is asked for more often still.
pub const REALTIME: Duration = Duration::from_secs(10);
/// Five minutes: lists, searches, rankings.
pub const FREQUENT: Duration = Duration::from_secs(5 * 60);
/// One hour: what an invalidation keeps right.
pub const STANDARD: Duration = Duration::from_secs(60 * 60);
/// One day: what changes by a deploy or an import.
pub const REFERENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// Seven days: what does not change under its name.
pub const STATIC: Duration = Duration::from_secs(7 * 24 * 60 * 60);
