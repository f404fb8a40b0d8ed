//! The keys that a server evicts when its memory is full.

use std::fmt;

/// The keys that a server evicts when its memory is full (`maxmemory-policy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum EvictionPolicy {
    /// Keys with an expiry, such as stored responses (`volatile-*`).
    Volatile,
    /// None. It refuses writes (`noeviction`).
    Nothing,
    /// Any key, also the invalidation log (`allkeys-*`).
    AllKeys,
}

impl EvictionPolicy {
    /// Returns the policy with this name of Redis, if it is known.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "noeviction" => Some(Self::Nothing),
            name if name.starts_with("volatile-") => Some(Self::Volatile),
            name if name.starts_with("allkeys-") => Some(Self::AllKeys),
            _ => None,
        }
    }

    /// Returns the word for the policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Volatile => "volatile",
            Self::Nothing => "nothing",
            Self::AllKeys => "all-keys",
        }
    }
}

impl fmt::Display for EvictionPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policies_of_redis_are_known() {
        for (name, expected) in [
            ("noeviction", Some(EvictionPolicy::Nothing)),
            ("volatile-lfu", Some(EvictionPolicy::Volatile)),
            ("volatile-ttl", Some(EvictionPolicy::Volatile)),
            ("allkeys-lru", Some(EvictionPolicy::AllKeys)),
            ("", None),
            ("lru", None),
        ] {
            assert_eq!(EvictionPolicy::from_name(name), expected, "{name}");
        }
    }
}
