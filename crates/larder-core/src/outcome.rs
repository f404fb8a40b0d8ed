//! Outcomes: what the cache did with a request, and why.
//!
//! Each outcome has one word. Headers, metrics, logs and tests use the same closed set of words.

mod remedy;

use std::fmt;

/// The tier in which a stored response was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // A third tier would change the design.
pub enum Tier {
    /// The memory of this process.
    Memory,
    /// The store that instances share.
    Shared,
}

/// Declares an enum of reasons, each with one lower-case word.
///
/// The word is used wherever the reason appears.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every reason, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the index of the reason in [`ALL`](Self::ALL).
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize
            }

            /// Returns the word for the reason in header fields, metrics and logs.
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
    /// The reason why a request that the cache could have answered was a miss.
    MissReason {
        /// No response is known under the key of the request.
        NeverStored => "never-stored",
        /// The stored response was evicted from memory, and no other tier has it.
        Evicted => "evicted",
        /// The stored response is past its freshness lifetime.
        Expired => "expired",
        /// The stored response was invalidated.
        Invalidated => "invalidated",
        /// The stored response is from before the current incarnation of the invalidation log.
        ///
        /// The log has a new incarnation after Redis restarts, fails over or loses data.
        LogRestarted => "log-restarted",
        /// The stored response answers requests with other values in the fields that `Vary` names.
        Vary => "vary",
        /// The stored response must be validated before it is used (`no-cache`).
        NoCache => "no-cache",
        /// The request demands it (`no-cache`, `max-age`), and the policy honors such requests.
        Request => "request",
        /// The invalidation log was not confirmed recently, so the stored response is not trusted.
        Unconfirmed => "unconfirmed",
        /// No response is in memory, and this process has not read the invalidation log yet.
        ///
        /// Until then, it does not use the shared tier.
        Starting => "starting",
        /// The value in the shared tier cannot be decoded.
        Unreadable => "unreadable",
        /// The typed value in the shared tier has another schema or format than the collection.
        Schema => "schema",
        /// The stored response is partial and does not contain everything that was requested.
        Partial => "partial",
        /// The shared tier could not be read.
        StoreError => "store-error",
        /// The last responses under this key could not be stored (hit-for-miss).
        ///
        /// So requests do not wait for the next one.
        HitForMiss => "pass",
    }
}

reasons! {
    /// The reason why a request bypassed the cache.
    BypassReason {
        /// The method is not `GET` or `HEAD`.
        Method => "method",
        /// The request has `Authorization`, and its response may not be shared.
        ///
        /// The policy does not permit it, and the stored response does not either.
        Authorization => "authorization",
        /// The request has a cookie that the policy does not declare.
        Cookie => "cookie",
        /// The request has a field that the application calls a credential, such as an API key.
        Credentials => "credentials",
        /// The request has a `Range` that is no range of bytes.
        ///
        /// Only the handler may understand it.
        Range => "range",
        /// The request has a precondition that only the handler can evaluate.
        ///
        /// This is `If-Match` or `If-Unmodified-Since`.
        Precondition => "precondition",
        /// The request asks for another protocol.
        Upgrade => "upgrade",
        /// The request has a body, which is not part of any key.
        Body => "body",
        /// The request names another method or path in a header field that its handler may trust.
        Override => "override",
        /// The URI and `Host` name different hosts, or the value of `Host` cannot be a host.
        Authority => "authority",
        /// The policy gave the request no key.
        NoKey => "no-key",
        /// A template of the policy names a path parameter that the request's route lacks.
        MissingParameter => "missing-parameter",
        /// The key would be longer than the limit.
        KeyTooLong => "key-too-long",
        /// A cache layer further in handles the request.
        Nested => "nested",
        /// The request carries a consistency token that this instance cannot satisfy.
        ///
        /// The instance did not read as far in the log in time, or it cannot compare the token.
        ReadYourWrites => "read-your-writes",
        /// The cache is disabled.
        Disabled => "disabled",
        /// The cache is switched off until a time, for the route or for all of them.
        SwitchedOff => "switched-off",
    }
}

reasons! {
    /// The reason why a response was not stored.
    NotStored {
        /// The policy does not store responses with this status.
        Status => "status",
        /// The response has `no-store`.
        NoStore => "no-store",
        /// The response has `private`.
        Private => "private",
        /// The response has `Set-Cookie`.
        SetCookie => "set-cookie",
        /// The response has `Vary: *`.
        VaryStar => "vary-star",
        /// The response answers a request with `Authorization` and does not permit sharing.
        Authorization => "authorization",
        /// The response answers a request with an undeclared cookie and does not permit sharing.
        ///
        /// The policy does not declare the cookie.
        Cookie => "cookie",
        /// The response answers a request with a field that the application calls a credential.
        ///
        /// The response does not permit sharing.
        Credentials => "credentials",
        /// The body does not have the announced number of bytes.
        Incomplete => "incomplete",
        /// The response would be stale at once and could not be validated.
        NoLifetime => "no-lifetime",
        /// The response is a part of a representation.
        Partial => "partial",
        /// The body is over the limit.
        TooLarge => "too-large",
        /// The header fields are over the limit.
        HeadersTooLarge => "headers-too-large",
        /// The body ended in an error.
        BodyError => "body-error",
        /// The body does not seem to end: it is an event stream, or it took very long.
        Endless => "endless",
        /// The body has trailers.
        Trailers => "trailers",
        /// The request has `no-store`, and the policy honors such requests.
        Request => "request",
        /// The method of the request does not allow storing.
        Method => "method",
        /// The head of the response came later than the policy's `fill_timeout`, or not at all.
        FillTimeout => "fill-timeout",
        /// The response states a position of another invalidation log.
        ///
        /// It comes from a cache behind this one.
        OtherLog => "other-log",
        /// The clients left before the response was complete.
        ///
        /// The run would go on without them, but the cache has no room for one more such run.
        Abandoned => "abandoned",
        /// The typed value was invalidated while it was loaded.
        Invalidated => "invalidated",
    }
}

reasons! {
    /// The reason why a response or a value was stored in memory alone.
    NotShared {
        /// The policy's limit on new keys was reached.
        NewKeys => "new-keys",
        /// The body or the value is over the limit for the shared store.
        TooLarge => "too-large",
        /// The codec of the collection could not encode the value.
        NotEncodable => "not-encodable",
    }
}

reasons! {
    /// The reason why a stale response was served.
    StaleReason {
        /// The response is being refreshed in the background (RFC 5861 §3).
        WhileRevalidate => "stale-while-revalidate",
        /// The handler failed (RFC 5861 §4).
        IfError => "stale-if-error",
        /// The handler did not answer within the policy's `serve_stale_after`.
        SlowHandler => "slow-handler",
    }
}

/// The outcome of a request: what the cache did with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // Reports must cover every kind.
pub enum Outcome {
    /// A fresh stored response was served.
    Hit(Tier),
    /// A stale stored response was served.
    Stale(Tier, StaleReason),
    /// The handler produced the response.
    Miss(MissReason),
    /// The cache did not handle the request.
    Bypass(BypassReason),
}

impl Outcome {
    /// Returns the value of `X-Cache`.
    #[must_use]
    pub const fn x_cache(self) -> &'static str {
        match self {
            Self::Hit(_) => "HIT",
            Self::Stale(..) => "STALE",
            Self::Miss(_) => "MISS",
            Self::Bypass(_) => "BYPASS",
        }
    }

    /// Returns the word for the outcome in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit(_) => "hit",
            Self::Stale(..) => "stale",
            Self::Miss(_) => "miss",
            Self::Bypass(_) => "bypass",
        }
    }

    /// Returns the tier in which the response was found, if it was a stored one.
    #[must_use]
    pub const fn tier(self) -> Option<Tier> {
        match self {
            Self::Hit(tier) | Self::Stale(tier, _) => Some(tier),
            Self::Miss(_) | Self::Bypass(_) => None,
        }
    }

    /// Returns the word of the reason. For a hit, this is the word of the tier.
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
    /// Returns the word for the tier in header fields, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Shared => "shared",
        }
    }
}

impl MissReason {
    /// Returns the value of `fwd` in `Cache-Status` (RFC 9211 §2.2).
    #[must_use]
    pub const fn fwd(self) -> &'static str {
        match self {
            Self::NeverStored | Self::Evicted | Self::Starting | Self::HitForMiss => "uri-miss",
            // "when an implementation cannot distinguish between uri-miss and vary-miss"
            Self::Unreadable | Self::Schema | Self::StoreError => "miss",
            Self::Expired | Self::Invalidated | Self::LogRestarted | Self::Unconfirmed | Self::NoCache => {
                "stale"
            }
            Self::Vary => "vary-miss",
            Self::Request => "request",
            Self::Partial => "partial",
        }
    }
}

impl BypassReason {
    /// Returns the value of `fwd` in `Cache-Status` (RFC 9211 §2.2).
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

    /// RFC 9211 §2.2: "bypass" is for what the cache "was configured to not handle".
    ///
    /// "partial" is for a request for which it "was able to select a partial response".
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
        // It is unknown what the store would have had.
        assert_eq!(MissReason::StoreError.fwd(), "miss");
        assert_eq!(MissReason::NeverStored.fwd(), "uri-miss");
    }
}
