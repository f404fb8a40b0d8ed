//! The policy, in an explanation.

use std::time::Duration;

use serde::Serialize;

use crate::engine::serialize_time::seconds;

/// The policy of a layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExplainedPolicy {
    /// The [name](crate::Policy::name) of the policy, if it has one.
    pub name: Option<String>,
    /// The lifetime [class](crate::Policy::class).
    pub class: String,
    /// The freshness lifetime of responses that do not state their own. In JSON, in seconds.
    #[serde(serialize_with = "seconds")]
    pub lifetime: Duration,
    /// The window of `stale-while-revalidate`. In JSON, in seconds.
    #[serde(serialize_with = "seconds")]
    pub stale_while_revalidate: Duration,
    /// The window of `stale-if-error`. In JSON, in seconds.
    #[serde(serialize_with = "seconds")]
    pub stale_if_error: Duration,
    /// The source of the key: `the URI`, a template, or `a function`.
    pub key: String,
    /// The header fields in the key.
    pub key_headers: Vec<String>,
    /// The cookies in the key.
    pub key_cookies: Vec<String>,
    /// Whether cookies that are not in the key are ignored.
    pub ignores_cookies: bool,
    /// The cookies that are ignored by their names.
    pub ignored_cookies: Vec<String>,
    /// Whether each user has responses of its own.
    pub per_user: bool,
    /// Whether each value of a partition has responses of its own.
    pub partitioned: bool,
    /// Whether responses to requests with `Authorization` are shared.
    pub shares_authorized: bool,
    /// Whether `Cache-Control` in requests counts.
    pub honors_requests: bool,
    /// Whether a response itself has to permit storing it, as with
    /// [`rfc9111`](crate::Policy::rfc9111).
    pub requires_permission: bool,
    /// The templates of the tags.
    pub tags: Vec<String>,
    /// The maximum size of a stored body, in bytes.
    pub max_body: usize,
    /// How long a fill waits for the handler. In JSON, in seconds.
    #[serde(serialize_with = "seconds")]
    pub fill_timeout: Duration,
}
