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

/// Returns the name of the class with this lifetime, or `custom` if it is none of the five.
pub(crate) const fn class_of(lifetime: Duration) -> &'static str {
    match lifetime.as_nanos() {
        nanos if nanos == REALTIME.as_nanos() => "realtime",
        nanos if nanos == FREQUENT.as_nanos() => "frequent",
        nanos if nanos == STANDARD.as_nanos() => "standard",
        nanos if nanos == REFERENCE.as_nanos() => "reference",
        nanos if nanos == STATIC.as_nanos() => "static",
        _ => "custom",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lifetime_has_a_class() {
        let classes = [REALTIME, FREQUENT, STANDARD, REFERENCE, STATIC].map(class_of);
        assert_eq!(classes, ["realtime", "frequent", "standard", "reference", "static"]);
        assert_eq!(class_of(REALTIME + Duration::from_millis(1)), "custom");
    }
}
