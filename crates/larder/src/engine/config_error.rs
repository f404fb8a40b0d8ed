//! The error for an invalid policy, collection or option of a cache.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use larder_core::lifetime::early_refresh::EarlyRefresh;
use larder_core::lifetime::jitter::Jitter;

/// The kind of an invalid value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// A lifetime or window of less than a millisecond or more than a year.
    Lifetime,
    /// A time limit that is out of its range.
    Timeout,
    /// A template that cannot be parsed.
    Template,
    /// A status code whose responses cannot be stored.
    Status,
    /// A status code that cannot mean an error.
    ErrorStatus,
    /// A limit of zero.
    Limit,
    /// A jitter that is not between 0 and 0.5.
    Jitter,
    /// A β of early refresh that is not between 0 and 1000.
    EarlyRefresh,
    /// A text that cannot be the name of a cookie.
    Cookie,
    /// A staleness limit so short that no store can reliably answer within it.
    Staleness,
    /// A wait for the invalidation log that is longer than any request should wait.
    Wait,
    /// A text that cannot be the name of a cache in `Cache-Status`.
    CacheName,
    /// A cookie or header field that carries consistency tokens and is part of the key.
    KeyedToken,
    /// A header field that chooses a content coding and is part of the key, in a policy that codes
    /// responses.
    KeyedCodings,
    /// A name of a collection of values that is empty, or in use for other values.
    Collection,
    /// A write-behind collection without a write queue, a shared store or a runtime, or with an
    /// option that does not go with its queue.
    WriteQueue,
}

/// An invalid value in a policy or a collection, or an invalid option of a cache.
///
/// The text of the error names the value and the reason.
///
/// # Examples
///
/// ```
/// use larder::{ConfigErrorKind, Policy, ttl};
///
/// let error = Policy::ttl(ttl::STANDARD).jitter(0.9).validate().unwrap_err();
/// assert_eq!(error.kind(), ConfigErrorKind::Jitter);
/// assert_eq!(error.to_string(), "a jitter of 0.9 is not between 0 and 0.5");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    kind: ConfigErrorKind,
    what: Box<str>,
}

impl ConfigError {
    pub(crate) fn new(kind: ConfigErrorKind, what: impl Into<Box<str>>) -> Self {
        Self { kind, what: what.into() }
    }

    /// Returns the kind of the invalid value.
    #[must_use]
    pub const fn kind(&self) -> ConfigErrorKind {
        self.kind
    }
}

/// The lifetimes that are allowed, up to a year, as the predecessors of RFC 9111 allowed.
///
/// RFC 9111 §1.2.2 asks for lifetimes of up to 2^31 seconds. What is cached on purpose is not meant
/// to be fresh for longer than a year. Calendar times, from which other instances compute an age,
/// count milliseconds.
const LIFETIME: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(366 * 24 * 60 * 60);

/// Checks a lifetime or a window.
///
/// # Errors
/// If it is shorter or longer than any that makes sense. `what` names it.
pub(crate) fn check_lifetime(what: &str, lifetime: Duration) -> Result<(), ConfigError> {
    if LIFETIME.contains(&lifetime) {
        return Ok(());
    }
    Err(ConfigError::new(ConfigErrorKind::Lifetime, format!("a {what} of {lifetime:?}")))
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, what } = self;
        match kind {
            ConfigErrorKind::Lifetime => write!(f, "{what} is not between a millisecond and a year"),
            ConfigErrorKind::Template
            | ConfigErrorKind::Timeout
            | ConfigErrorKind::Collection
            | ConfigErrorKind::WriteQueue => f.write_str(what),
            ConfigErrorKind::Status => write!(f, "responses with status {what} cannot be stored"),
            ConfigErrorKind::ErrorStatus => write!(f, "{what} is not the status code of an error"),
            ConfigErrorKind::Limit => write!(f, "{what}: a limit of zero lets nothing through"),
            ConfigErrorKind::Jitter => write!(f, "a jitter of {what} is not between 0 and {}", Jitter::MAX),
            ConfigErrorKind::EarlyRefresh => {
                write!(f, "an early refresh with a beta of {what} is not between 0 and {}", EarlyRefresh::MAX)
            }
            ConfigErrorKind::Staleness => write!(f, "a max_staleness of {what} is under 100 ms"),
            ConfigErrorKind::Wait => write!(f, "a wait of {what} is over ten seconds"),
            ConfigErrorKind::KeyedToken => write!(f, "{what:?} carries tokens and cannot be part of the key"),
            ConfigErrorKind::KeyedCodings => {
                write!(f, "a policy that codes responses cannot have {what} in its key")
            }
            ConfigErrorKind::CacheName => write!(f, "{what:?} cannot be the name of a cache"),
            ConfigErrorKind::Cookie => write!(f, "{what:?} cannot be the name of a cookie"),
        }
    }
}

impl std::error::Error for ConfigError {}
