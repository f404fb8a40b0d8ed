//! Five freshness lifetimes to choose from, so that a code base does not have fifty.
//!
//! # Examples
//!
//! ```
//! use larder::{Policy, ttl};
//!
//! let policy = Policy::ttl(ttl::STANDARD);
//! ```

use std::time::Duration;

/// Ten seconds, for responses that change all the time and are requested even more often.
pub const REALTIME: Duration = Duration::from_secs(10);
/// Five minutes, for lists, searches and rankings.
pub const FREQUENT: Duration = Duration::from_secs(5 * 60);
/// One hour, for responses that invalidations keep up to date.
pub const STANDARD: Duration = Duration::from_secs(60 * 60);
/// One day, for responses that change with a deployment or an import.
pub const REFERENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// Seven days, for responses that never change under their URI.
pub const STATIC: Duration = Duration::from_secs(7 * 24 * 60 * 60);
