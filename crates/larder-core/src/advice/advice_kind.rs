//! The closed set of findings.

use std::fmt;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Severity {
    /// Something does not work as it should, or soon will not.
    Warning,
    /// Something could work better.
    Hint,
    /// Everything is well.
    Good,
}

/// Declares the findings, each with its word, its severity and its remedy.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident => $word:literal, $severity:ident, $remedy:literal;)+) => {
        /// The kind of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum AdviceKind { $($(#[$doc])* $variant,)+ }

        impl AdviceKind {
            /// Every finding, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the word for the finding.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// Returns how much the finding matters.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }

            /// Returns the remedy.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

kinds! {
    /// The hit ratio of a lifetime class is above 80 %.
    HitRatioHigh => "hit-ratio-high", Good,
        "Nothing to do.";
    /// The hit ratio is below 60 %, mostly because responses expire.
    LifetimeTooShort => "lifetime-too-short", Hint,
        "Choose a longer lifetime and invalidate on writes, or serve stale responses while they are \
         refreshed (`stale_while_revalidate`, `early_refresh`).";
    /// The hit ratio is below 60 %, mostly because requests have keys that nothing is stored under.
    TooManyKeys => "too-many-keys", Hint,
        "Leave out of the key what does not change the response: `query_only`, `query_ignoring`, \
         `ignore_cookie`, or a key of your own with `key_with`.";
    /// The hit ratio is below 60 %, mostly because responses are invalidated.
    InvalidatedTooOften => "invalidated-too-often", Hint,
        "Invalidate less with each write: name one object instead of its category. If the data \
         itself changes that often, use a short lifetime without invalidation.";
    /// The hit ratio is below 60 %, and no single reason dominates.
    HitRatioLow => "hit-ratio-low", Hint,
        "Look at the misses of this class by reason, and explain one request of each.";
    /// Nearly all responses are invalidated long before they expire.
    LifetimeTooLong => "lifetime-too-long", Hint,
        "Choose a shorter lifetime. It costs few hits, and bounds how long a response stays if an \
         invalidation is forgotten.";
    /// Responses are stored, and none of them was ever served.
    NeverHit => "never-hit", Hint,
        "Remove the layer from this route, or look at the keys of two requests that should be equal \
         (`expose_cache_key`).";
    /// Most misses find a response for other values of the fields in `Vary`.
    VariantsThrash => "variants-thrash", Warning,
        "Remove fields from `Vary` on which the response does not depend.";
    /// Most misses have keys whose responses could not be stored.
    RarelyStored => "rarely-stored", Hint,
        "Look at the reasons in `Stats::not_stored` for this route.";
    /// No request of a route ever reached the cache.
    AlwaysBypassed => "always-bypassed", Warning,
        "Explain one request of this route, and see the reason in the list of reasons.";
    /// Responses leave the memory tier before they expire.
    MemoryTooSmall => "memory-too-small", Hint,
        "Raise `CacheBuilder::max_memory_bytes`.";
    /// The server of the shared store has no bound on its memory.
    NoMaxmemory => "redis-no-maxmemory", Warning,
        "Set `maxmemory` below the memory of the machine, and `maxmemory-policy volatile-lfu`.";
    /// The server evicts keys that have no lifetime: the invalidation log, or queued writes.
    EvictsEverything => "redis-evicts-everything", Warning,
        "Set `maxmemory-policy volatile-lfu`. With `allkeys-*`, the server may evict the invalidation \
         log or queued writes, which have no lifetime.";
    /// The server refuses writes when its memory is full.
    EvictsNothing => "redis-evicts-nothing", Warning,
        "Set `maxmemory-policy volatile-lfu`. With `noeviction`, a full server refuses invalidations.";
    /// The memory of the server is fragmented.
    Fragmented => "redis-fragmented", Hint,
        "Set `activedefrag yes`, or restart the server at a quiet time.";
    /// Stored responses need nearly all memory of the server, or more.
    StoreTooSmall => "redis-too-small", Warning,
        "Raise `maxmemory`, shorten lifetimes, or store less.";
    /// The clock of an instance differs from that of the shared store.
    ClocksDiffer => "clocks-differ", Warning,
        "Synchronize the clocks of all machines.";
    /// An instance has not read the invalidation log for long.
    InstanceBehind => "instance-behind", Warning,
        "Look at the log of that instance, and at its connection to Redis. It calls the handlers \
         meanwhile.";
    /// An instance no longer announces itself.
    InstanceSilent => "instance-silent", Warning,
        "Look whether its process runs, and whether it can write to Redis. If it has ended, it was \
         not closed: let each process call `Cache::close` before its end.";
}

impl fmt::Display for AdviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for AdviceKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_finding_has_a_word_and_a_remedy_of_its_own() {
        let words: HashSet<_> = AdviceKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let remedies: HashSet<_> = AdviceKind::ALL.iter().map(|kind| kind.remedy()).collect();
        assert_eq!((words.len(), remedies.len()), (AdviceKind::ALL.len(), AdviceKind::ALL.len()));
    }
}
