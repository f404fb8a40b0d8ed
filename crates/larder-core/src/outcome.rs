//! What the cache did with a request, and why: one closed set of words for headers, metrics, logs and tests.

use std::fmt;

/// Which tier a stored response was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // A third tier would be a change of the design.
pub enum Tier {
    /// This process's memory.
    Memory,
    /// The store that instances share.
    Shared,
}

/// Declares an enum of reasons whose variants have one lower-case word each, used wherever the reason shows.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every reason there is, in the order in which they are declared.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its place in [`ALL`](Self::ALL).
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize
            }

            /// The word that stands for it in header fields, metrics and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

reasons! {
    /// Why a request that could have been answered from the cache was not.
    MissReason {
        /// Nothing is known under its key.
        NeverStored => "never-stored",
        /// What is stored is past its freshness lifetime.
        Expired => "expired",
        /// What is stored was invalidated.
        Invalidated => "invalidated",
        /// What is stored answers requests with other values in the fields that `Vary` names.
        Vary => "vary",
        /// What is stored is only good after validation (`no-cache`).
        NoCache => "no-cache",
        /// The request asked for it (`no-cache`, `max-age`), and the policy lets requests do so.
        Request => "request",
        /// The invalidation log could not be confirmed lately, so what is stored is not trusted.
        Unconfirmed => "unconfirmed",
        /// What the shared tier holds under the key cannot be read.
        Unreadable => "unreadable",
        /// What is stored is a part, and not all that is asked for lies in it.
        Partial => "partial",
        /// The shared tier could not be asked.
        StoreError => "store-error",
        /// The last responses under its key could not be stored, so nobody waits for the next.
        Pass => "pass",
    }
}

reasons! {
    /// Why a request went past the cache.
    BypassReason {
        /// Its method is neither `GET` nor `HEAD`.
        Method => "method",
        /// It has `Authorization`, and neither the policy nor what is stored says that it may be shared.
        Authorization => "authorization",
        /// It has a cookie that the policy does not declare.
        Cookie => "cookie",
        /// It asks for a range in another unit than bytes, which only the handler understands.
        Range => "range",
        /// It has a precondition that only the handler can evaluate (`If-Match`, `If-Unmodified-Since`).
        Precondition => "precondition",
        /// It asks for another protocol.
        Upgrade => "upgrade",
        /// It has a body, which is in no key.
        Body => "body",
        /// It names another method or path in a header field, which its handler may believe.
        Override => "override",
        /// Its URI and its `Host` name different hosts, or what its `Host` says can be none.
        Authority => "authority",
        /// The policy gave it no key.
        NoKey => "no-key",
        /// Its key would be longer than a key may be.
        KeyTooLong => "key-too-long",
        /// A layer further in handles it.
        Nested => "nested",
        /// It brings a token of a write that this instance has not read of in time, or cannot compare.
        ReadYourWrites => "read-your-writes",
    }
}

reasons! {
    /// Why a response was not stored.
    NotStored {
        /// Its status is not one that the policy stores.
        Status => "status",
        /// It says `no-store`.
        NoStore => "no-store",
        /// It says `private`.
        Private => "private",
        /// It has `Set-Cookie`.
        SetCookie => "set-cookie",
        /// It has `Vary: *`.
        VaryStar => "vary-star",
        /// It answers a request with `Authorization` and does not say that it may be shared.
        Authorization => "authorization",
        /// It answers a request with a cookie that the policy does not declare, and does not say that it may be shared.
        Cookie => "cookie",
        /// Its body has not as many bytes as it says.
        Incomplete => "incomplete",
        /// It would be stale at once, and could not be validated.
        NoLifetime => "no-lifetime",
        /// It is a part of a representation.
        Partial => "partial",
        /// Its body is over the limit.
        TooLarge => "too-large",
        /// Its header fields are over the limit.
        HeadersTooLarge => "headers-too-large",
        /// Its body ended in an error.
        BodyError => "body-error",
        /// Its body does not end, as far as can be told: it is a stream of events, or took very long.
        Endless => "endless",
        /// Its body has trailers.
        Trailers => "trailers",
        /// The request says `no-store`, and the policy lets requests do so.
        Request => "request",
        /// The request's method does not allow it.
        Method => "method",
        /// Its head came later than the policy's `fill_timeout`, or not at all.
        FillTimeout => "fill-timeout",
        /// Its clients left before it was complete, and the cache has no room for one more such run.
        Abandoned => "abandoned",
    }
}

reasons! {
    /// Why a stale response was served.
    StaleReason {
        /// It is being refreshed in the background (RFC 5861 §3).
        WhileRevalidate => "stale-while-revalidate",
        /// The handler failed (RFC 5861 §4).
        IfError => "stale-if-error",
    }
}

/// What the cache did with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // Whoever reports outcomes has to report every kind.
pub enum Outcome {
    /// A fresh stored response was served.
    Hit(Tier),
    /// A stale stored response was served.
    Stale(Tier, StaleReason),
    /// The handler made the response.
    Miss(MissReason),
    /// The cache had no part in it.
    Bypass(BypassReason),
}

impl Outcome {
    /// The value of `X-Cache`.
    #[must_use]
    pub const fn x_cache(self) -> &'static str {
        match self {
            Self::Hit(_) => "HIT",
            Self::Stale(..) => "STALE",
            Self::Miss(_) => "MISS",
            Self::Bypass(_) => "BYPASS",
        }
    }

    /// The word that stands for it in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit(_) => "hit",
            Self::Stale(..) => "stale",
            Self::Miss(_) => "miss",
            Self::Bypass(_) => "bypass",
        }
    }

    /// The tier that the response was found in, if it was a stored one.
    #[must_use]
    pub const fn tier(self) -> Option<Tier> {
        match self {
            Self::Hit(tier) | Self::Stale(tier, _) => Some(tier),
            Self::Miss(_) | Self::Bypass(_) => None,
        }
    }

    /// The reason's word; for a hit, the tier's.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Hit(tier) => tier.as_str(),
            Self::Stale(_, reason) => reason.as_str(),
            Self::Miss(reason) => reason.as_str(),
            Self::Bypass(reason) => reason.as_str(),
        }
    }
}

impl Tier {
    /// The word that stands for it in header fields, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Shared => "shared",
        }
    }
}

impl MissReason {
    /// The value of `fwd` in `Cache-Status` (RFC 9211 §2.2).
    #[must_use]
    pub const fn fwd(self) -> &'static str {
        match self {
            Self::NeverStored | Self::Pass => "uri-miss",
            // "when an implementation cannot distinguish between uri-miss and vary-miss"
            Self::Unreadable | Self::StoreError => "miss",
            Self::Expired | Self::Invalidated | Self::Unconfirmed | Self::NoCache => "stale",
            Self::Vary => "vary-miss",
            Self::Request => "request",
            Self::Partial => "partial",
        }
    }
}

impl BypassReason {
    /// The value of `fwd` in `Cache-Status` (RFC 9211 §2.2).
    #[must_use]
    pub const fn fwd(self) -> &'static str {
        match self {
            Self::Method => "method",
            _ => "bypass",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_structured_field_tokens_and_no_two_reasons_share_one() {
        let words: Vec<_> = MissReason::ALL.iter().map(|reason| reason.as_str()).collect();
        let token = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(words.iter().all(|word| token(word)));
        assert!(BypassReason::ALL.iter().all(|reason| token(reason.as_str())));
        assert!(NotStored::ALL.iter().all(|reason| token(reason.as_str())));
        let distinct: std::collections::HashSet<_> = words.iter().collect();
        assert_eq!(distinct.len(), words.len());
    }

    #[test]
    fn an_outcome_is_the_same_word_in_metrics_and_in_x_cache() {
        let outcomes = [
            (Outcome::Hit(Tier::Memory), Some(Tier::Memory)),
            (Outcome::Stale(Tier::Shared, StaleReason::IfError), Some(Tier::Shared)),
            (Outcome::Miss(MissReason::Expired), None),
            (Outcome::Bypass(BypassReason::Range), None),
        ];
        for (outcome, tier) in outcomes {
            assert_eq!(outcome.as_str().to_ascii_uppercase(), outcome.x_cache());
            assert_eq!(outcome.tier(), tier);
        }
    }

    /// RFC 9211 §2.2: "bypass" is for what the cache "was configured to not handle"; "partial" is for a request for which it
    /// "was able to select a partial response".
    #[test]
    fn only_where_a_part_is_stored_a_request_is_forwarded_for_the_rest() {
        assert_eq!(MissReason::Partial.fwd(), "partial");
        let others = MissReason::ALL.iter().filter(|reason| **reason != MissReason::Partial);
        let others = others.map(|reason| reason.fwd());
        let mut all = others.chain(BypassReason::ALL.iter().map(|reason| reason.fwd()));
        assert!(all.all(|fwd| fwd != "partial"));
        assert_eq!(BypassReason::Range.fwd(), "bypass");
    }

    /// RFC 9211 §2.2 lists the values of `fwd`.
    #[test]
    fn forwarding_uses_the_words_of_rfc_9211() {
        let allowed = ["bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"];
        assert!(MissReason::ALL.iter().all(|reason| allowed.contains(&reason.fwd())));
        assert!(BypassReason::ALL.iter().all(|reason| allowed.contains(&reason.fwd())));
        // Nobody knows what the store would have had.
        assert_eq!(MissReason::StoreError.fwd(), "miss");
        assert_eq!(MissReason::NeverStored.fwd(), "uri-miss");
    }
}
