//! The remedies for reasons, for explanations. The page on reasons has the same texts.

use super::{BypassReason, MissReason, Outcome, StaleReason};

impl Outcome {
    /// Returns what to do if too many requests have this outcome. A hit needs no remedy.
    #[must_use]
    pub const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Hit(_) => None,
            Self::Stale(_, reason) => Some(reason.remedy()),
            Self::Miss(reason) => Some(reason.remedy()),
            Self::Bypass(reason) => Some(reason.remedy()),
        }
    }
}

impl MissReason {
    /// Returns what to do if too many requests have this reason, in Markdown.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NeverStored => {
                "If a key is requested again and again: compare the keys of two requests \
                 (`Policy::expose_cache_key`). Often a query parameter such as `utm_source` \
                 differs: `Policy::query_only` or `query_ignoring`."
            }
            Self::Evicted => {
                "Raise `CacheBuilder::max_memory_bytes`, or that of the collection. If Redis should \
                 have had it: look at `StoreStats::evicted_keys`, and at `Stats::not_shared` and \
                 `too_large_to_share`."
            }
            Self::Expired => {
                "Choose a longer lifetime and invalidate on writes, or serve stale responses \
                 meanwhile: `stale_while_revalidate`, `early_refresh`."
            }
            Self::Invalidated => {
                "Nothing, if the data has changed. Otherwise name less: a tag of one object instead \
                 of its category. `Stats::floor_raises` and `folded_names` show whether names were \
                 forgotten: raise `invalidation_capacity`."
            }
            Self::LogRestarted => {
                "Nothing after a planned restart. If it happens often: check `maxmemory-policy` and \
                 the uptime of Redis."
            }
            Self::Vary => "Remove fields from `Vary` on which the response does not depend.",
            Self::NoCache => "Remove `no-cache`, or set a lifetime in the handler with `CacheFor`.",
            Self::Request => "Remove `Policy::honor_request_directives` if clients must not decide.",
            Self::Unconfirmed => {
                "Look for trouble with Redis: `Stats::store_errors` and the log. A longer \
                 `max_staleness` tolerates longer pauses."
            }
            Self::Starting => {
                "Send traffic to an instance once it is ready. If it lasts: look for trouble with Redis."
            }
            Self::Unreadable => {
                "Check whether another program writes to the same keys. During a deploy of a new \
                 version of the stored form, this is expected."
            }
            Self::Schema => "During a deploy of a new schema, this is expected.",
            Self::Partial => "Nothing.",
            Self::StoreError => "Look for trouble with Redis.",
            Self::HitForMiss => "Look at the reasons in `Stats::not_stored`.",
        }
    }
}

impl StaleReason {
    /// Returns what to do if too many requests have this reason, in Markdown.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::WhileRevalidate => {
                "Nothing. `early_refresh` refreshes popular responses before they expire."
            }
            Self::IfError => "Look at the handler's errors.",
            Self::SlowHandler => "Look at the handler's latency.",
        }
    }
}

impl BypassReason {
    /// Returns what to do if too many requests have this reason, in Markdown.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Method | Self::Precondition | Self::Upgrade | Self::Nested | Self::Disabled => "Nothing.",
            Self::Authorization => {
                "`Policy::per_user` if the response depends on the user, `share_authorized` if not."
            }
            Self::Cookie => {
                "`Policy::ignore_cookie` if the response does not depend on it, `key_cookie` if it does."
            }
            Self::Range => "If the API pages by this field: use query parameters, which are part of the key.",
            Self::Credentials => {
                "`Policy::per_user` if the response depends on the client, `share_authorized` if not."
            }
            Self::Body => "Send the input in the query.",
            Self::Override => {
                "Remove such fields in a layer around the cache, or add them to the key: \
                 `Policy::key_header`."
            }
            Self::Authority => "Check the proxy in front of the application.",
            Self::NoKey => "Look at the functions of `key_with`, `partition` or `per_user`.",
            Self::MissingParameter => {
                "Compare the template's names with the route. A layer around a router does not know \
                 the parameters: add it in the router, with `Router::layer`."
            }
            Self::KeyTooLong => {
                "Shorten the query with `Policy::query_only`, or use `key_with` with a digest."
            }
            Self::ReadYourWrites => "Look for trouble with Redis, or raise the limit of the wait.",
            Self::SwitchedOff => {
                "`Cache::switches` says until when, and who did it. `Cache::resume` ends it."
            }
        }
    }
}
