//! The policies in effect, for operators.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use larder_core::http::content_coding::ContentCoding;
use serde::{Serialize, Serializer};

use crate::engine::serialize::{optional_seconds, seconds};
use crate::http::policy::Policy;

/// The policy of one layer, for operators.
///
/// [`Cache::policies`](crate::Cache::policies) returns it, and so does
/// [`Cache::explain`](crate::Cache::explain) for one request. It has the settings that decide what
/// is stored, under which key and for how long. It contains no data of requests. With serde,
/// durations are seconds.
///
/// # Examples
///
/// ```
/// use larder::{Cache, Policy, ttl};
///
/// let cache = Cache::default();
/// let layer = cache.layer(Policy::ttl(ttl::STANDARD).name("product").tag("product:{id}"));
/// let policies = cache.policies();
/// assert_eq!(policies[0].tags, ["product:{id}"]);
/// assert_eq!(policies[0].to_string(), "product (standard): ttl 3600s, key URI, tags product:{id}");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PolicyDescription {
    /// The [name](crate::Policy::name) of the policy, if it has one.
    pub name: Option<String>,
    /// The [lifetime class](crate::Policy::class).
    pub class: String,
    /// The routes that requests came by so far, at most 1,001.
    pub routes: Vec<String>,
    /// The parts of the cache key.
    pub key: KeyDescription,
    /// Whether cookies that are not in the key are ignored.
    pub ignores_cookies: bool,
    /// The cookies that are ignored by their names.
    pub ignored_cookies: Vec<String>,
    /// Whether responses to requests with `Authorization` are
    /// [shared](crate::Policy::share_authorized).
    pub shares_authorized: bool,
    /// Whether `Cache-Control` in requests counts.
    pub honors_requests: bool,
    /// Whether a response itself has to permit storing it, as with
    /// [`rfc9111`](crate::Policy::rfc9111).
    pub requires_permission: bool,
    /// The templates of the [tags](crate::Policy::tag).
    pub tags: Vec<String>,
    /// Number of [functions](crate::Policy::tag_with) that return further tags.
    pub tag_functions: usize,
    /// The templates of the tags that unsafe requests [invalidate](crate::Policy::invalidates).
    pub invalidates: Vec<String>,
    /// The freshness lifetime of responses that do not state their own.
    #[serde(rename = "ttl_seconds", serialize_with = "seconds")]
    pub ttl: Duration,
    /// The lifetimes of the [status codes](crate::Policy::status) that the policy adds.
    #[serde(rename = "status_seconds", serialize_with = "all_seconds")]
    pub statuses: BTreeMap<u16, Duration>,
    /// The window of [`stale_while_revalidate`](crate::Policy::stale_while_revalidate).
    #[serde(rename = "stale_while_revalidate_seconds", serialize_with = "seconds")]
    pub stale_while_revalidate: Duration,
    /// The window of [`stale_if_error`](crate::Policy::stale_if_error).
    #[serde(rename = "stale_if_error_seconds", serialize_with = "seconds")]
    pub stale_if_error: Duration,
    /// The fraction of the [`jitter`](crate::Policy::jitter).
    pub jitter: f64,
    /// The factor of the [`early_refresh`](crate::Policy::early_refresh).
    pub early_refresh: f64,
    /// The maximum size of a stored body in bytes. It is that of the policy, or less if no tier can
    /// store it.
    pub max_body: usize,
    /// The limit of [`max_new_keys_per_minute`](crate::Policy::max_new_keys_per_minute).
    pub max_new_keys_per_minute: Option<u32>,
    /// The limit of [`fill_timeout`](crate::Policy::fill_timeout).
    #[serde(rename = "fill_timeout_seconds", serialize_with = "seconds")]
    pub fill_timeout: Duration,
    /// The limit of [`serve_stale_after`](crate::Policy::serve_stale_after).
    #[serde(rename = "serve_stale_after_seconds", serialize_with = "optional_seconds")]
    pub serve_stale_after: Option<Duration>,
    /// The pause of [`retry_after_error`](crate::Policy::retry_after_error).
    #[serde(rename = "retry_after_error_seconds", serialize_with = "seconds")]
    pub retry_after_error: Duration,
    /// The limit of [`max_reruns`](crate::Policy::max_reruns).
    pub max_reruns: usize,
    /// The lag of [`replica_lag`](crate::Policy::replica_lag).
    #[serde(rename = "replica_lag_seconds", serialize_with = "optional_seconds")]
    pub replica_lag: Option<Duration>,
    /// The content codings that the cache applies to stored responses, the preferred one first.
    pub codings: Vec<ContentCoding>,
}

/// The parts of the cache key of a policy, for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyDescription {
    /// The part that stands for the URI: `URI`, `URI on any host`, `function`, or a template in
    /// quotes.
    pub source: String,
    /// The query parameters: `all`, `none`, `only …` or `all but …`, and `; sorted` behind that.
    pub query: String,
    /// The request fields.
    pub headers: Vec<String>,
    /// The cookies.
    pub cookies: Vec<String>,
    /// `user` with [`per_user`](crate::Policy::per_user), and `partition` with
    /// [`partition`](crate::Policy::partition).
    pub partition: Option<&'static str>,
}

impl Policy {
    /// Describes the policy. Bodies are stored up to `max_body`.
    pub(crate) fn describe(&self, max_body: usize, routes: Vec<String>) -> PolicyDescription {
        let text = |name: &std::sync::Arc<str>| name.to_string();
        let templates = |templates: &[larder_core::key::template::Template]| {
            templates.iter().map(|template| template.as_str().to_owned()).collect()
        };
        let (lifetime, limits) = (&self.store.lifetime, &self.fill_limits);
        let statuses = self.store.statuses.added();
        PolicyDescription {
            name: self.name.as_ref().map(text),
            class: self.class_name().to_owned(),
            routes,
            key: self.describe_key(),
            ignores_cookies: self.cookies.ignore_all,
            ignored_cookies: self.cookies.ignored.iter().map(ToString::to_string).collect(),
            shares_authorized: self.store.share_authorized,
            honors_requests: self.store.honor_request,
            requires_permission: self.store.require_explicit,
            tags: templates(&self.tags),
            tag_functions: self.tag_functions.len(),
            invalidates: templates(&self.invalidation_rules.written_tags),
            ttl: lifetime.fresh,
            statuses: statuses.map(|(code, ttl)| (code.as_u16(), ttl.unwrap_or(lifetime.fresh))).collect(),
            stale_while_revalidate: lifetime.while_revalidate,
            stale_if_error: lifetime.if_error,
            jitter: self.jitter.fraction(),
            early_refresh: self.early_refresh.beta(),
            max_body,
            max_new_keys_per_minute: self.max_new_keys,
            fill_timeout: limits.head,
            serve_stale_after: limits.stale_after,
            retry_after_error: limits.retry_after_error,
            max_reruns: limits.max_reruns,
            replica_lag: self.replica_lag,
            codings: self.codings().to_vec(),
        }
    }

    fn describe_key(&self) -> KeyDescription {
        let kind = if self.is_per_user { "user" } else { "partition" };
        KeyDescription {
            source: self.key.to_string(),
            query: self.query.to_string(),
            headers: self.key_headers.iter().map(ToString::to_string).collect(),
            cookies: self.cookies.keyed.iter().map(ToString::to_string).collect(),
            partition: self.partition.as_ref().map(|_| kind),
        }
    }
}

fn all_seconds<S: Serializer>(times: &BTreeMap<u16, Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(times.iter().map(|(status, time)| (status, time.as_secs_f64())))
}

impl fmt::Display for PolicyDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().or(self.routes.first().map(String::as_str)).unwrap_or("unnamed");
        write!(f, "{name} ({}): ttl {:?}", self.class, self.ttl)?;
        for (status, ttl) in &self.statuses {
            write!(f, ", {status} for {ttl:?}")?;
        }
        let windows = [
            ("stale-while-revalidate", self.stale_while_revalidate),
            ("stale-if-error", self.stale_if_error),
        ];
        for (window, time) in windows.iter().filter(|(_, time)| !time.is_zero()) {
            write!(f, ", {window} {time:?}")?;
        }
        write!(f, ", key {}", self.key)?;
        let names = [("tags", &self.tags), ("invalidates", &self.invalidates)];
        for (what, names) in names.iter().filter(|(_, names)| !names.is_empty()) {
            write!(f, ", {what} {}", names.join(" "))?;
        }
        let flags = [
            // A policy for each user shares nothing with other users.
            (self.shares_authorized && self.key.partition != Some("user"), "shares authorized"),
            (self.honors_requests, "honors directives of requests"),
            (self.requires_permission, "responses permit storing"),
        ];
        if !self.codings.is_empty() {
            let codings: Vec<_> = self.codings.iter().map(|coding| coding.as_str()).collect();
            write!(f, ", codings {}", codings.join(" "))?;
        }
        for (_, flag) in flags.iter().filter(|(is_set, _)| *is_set) {
            write!(f, ", {flag}")?;
        }
        Ok(())
    }
}

impl fmt::Display for KeyDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if self.query != "all" {
            write!(f, " with query {}", self.query)?;
        }
        for header in &self.headers {
            write!(f, " + field {header}")?;
        }
        for cookie in &self.cookies {
            write!(f, " + cookie {cookie}")?;
        }
        if let Some(partition) = self.partition {
            write!(f, " + {partition}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http::header::ACCEPT_LANGUAGE;

    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn described(policy: Policy) -> PolicyDescription {
        policy.resolved().describe(1_024, vec!["/a".to_owned()])
    }

    #[test]
    fn a_policy_has_a_text() {
        let plain = Policy::ttl(secs(90));
        let cases = [
            (plain.clone(), "/a (custom): ttl 90s, key URI"),
            (
                plain.clone().ignore_host().ignore_query(),
                "/a (custom): ttl 90s, key URI on any host with query none",
            ),
            (plain.clone().key_with(|_| None), "/a (custom): ttl 90s, key function"),
            (
                plain.clone().key("item:{id}{?page}").per_user(|_| None).name("item"),
                "item (custom): ttl 90s, key \"item:{id}{?page}\" with query only page + user",
            ),
            (
                plain.clone().key_header(ACCEPT_LANGUAGE).key_cookie("theme").partition(|_| None),
                "/a (custom): ttl 90s, key URI + field accept-language + cookie theme + partition",
            ),
            (
                plain
                    .clone()
                    .status(StatusCode::NOT_FOUND, secs(5))
                    .stale_if_error(secs(7))
                    .tag("a")
                    .tag("b:{id}")
                    .invalidates("c"),
                "/a (custom): ttl 90s, 404 for 5s, stale-if-error 7s, key URI, tags a b:{id}, invalidates c",
            ),
            (Policy::ttl(secs(90)).share_authorized(), "/a (custom): ttl 90s, key URI, shares authorized"),
            (
                Policy::rfc9111().honor_request_directives().name("a"),
                "a (rfc9111): ttl 0ns, key URI, honors directives of requests, responses permit storing",
            ),
        ];
        for (policy, text) in cases {
            assert_eq!(described(policy).to_string(), text);
        }
    }

    /// Each setting has another number, so that none stands for another one.
    #[test]
    fn each_setting_is_described() {
        let policy = Policy::ttl(secs(1))
            .stale_while_revalidate(secs(2))
            .stale_if_error(secs(3))
            .fill_timeout(secs(4))
            .serve_stale_after(secs(5))
            .retry_after_error(secs(6))
            .max_reruns(7)
            .replica_lag(secs(8))
            .status(StatusCode::NOT_FOUND, secs(9))
            .jitter(0.25)
            .early_refresh(1.5);
        let described = described(policy);
        let PolicyDescription { ttl, stale_while_revalidate, stale_if_error, fill_timeout, .. } = described;
        let times = [ttl, stale_while_revalidate, stale_if_error, fill_timeout, described.retry_after_error];
        assert_eq!(times, [1, 2, 3, 4, 6].map(secs));
        assert_eq!((described.serve_stale_after, described.replica_lag), (Some(secs(5)), Some(secs(8))));
        assert_eq!((described.max_reruns, described.jitter, described.early_refresh), (7, 0.25, 1.5));
        assert_eq!(described.statuses, [(404, secs(9))].into());
    }

    #[test]
    fn durations_are_serialized_as_seconds() {
        let policy = Policy::ttl(secs(90))
            .status(StatusCode::NOT_FOUND, Duration::from_millis(1_500))
            .stale_while_revalidate(secs(3))
            .max_new_keys_per_minute(600);
        let json = serde_json::to_value(described(policy)).unwrap();
        assert_eq!(json["ttl_seconds"], 90.0);
        assert_eq!(json["status_seconds"], serde_json::json!({ "404": 1.5 }));
        assert_eq!(json["stale_while_revalidate_seconds"], 3.0);
        assert_eq!(json["serve_stale_after_seconds"], serde_json::Value::Null);
        assert_eq!((&json["max_body"], &json["max_new_keys_per_minute"]), (&1_024.into(), &600.into()));
        assert_eq!(json["key"]["source"], "URI");
    }
}
