//! The header fields that report what the cache did.
//!
//! These are `Age`, `X-Cache`, `X-Cache-Key` and `Cache-Status` (RFC 9211).

mod forwarded_member;
pub(crate) mod reporting;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::time::Duration;

use arrayvec::ArrayString;
use bytes::Bytes;
use http::header::{AGE, CACHE_STATUS, Entry};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder_core::outcome::{NotStored, Outcome, Tier};

use crate::http::cache_status::forwarded_member::{forwarded_member, prepared_member};
use crate::http::cache_status::reporting::{MAX_WRITTEN_NAME, Reporting};

pub(crate) const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
pub(crate) const X_CACHE_KEY: HeaderName = HeaderName::from_static("x-cache-key");

// Constants are validated at compile time, so that a hit does not have to validate them.
const ZERO: HeaderValue = HeaderValue::from_static("0");
/// Stands for the member of this cache until one is written.
const OWN: HeaderValue = HeaderValue::from_static(reporting::DEFAULT_NAME);
const HIT: HeaderValue = HeaderValue::from_static("HIT");
/// The capacity for a member in bytes. It is enough for every member that is written for a hit.
const MAX_MEMBER: usize = MAX_WRITTEN_NAME + 90;

/// The number of header fields that a table has room for without growing.
///
/// It is enough for the fields of most responses and the three of the cache.
const RESERVED: usize = 12;

/// The facts about a request that the cache forwarded.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ForwardInfo {
    /// The status of the handler's response, if the handler ran for this request.
    pub(crate) status: Option<StatusCode>,
    /// Whether the response was stored, and if not, why. `None` if that is not certain yet.
    pub(crate) stored: Option<Result<(), NotStored>>,
    /// Whether the request waited for another request's fill.
    pub(crate) collapsed: bool,
}

impl ForwardInfo {
    /// Returns the facts about a request for which the handler ran.
    pub(crate) const fn answered(status: StatusCode, stored: Option<Result<(), NotStored>>) -> Self {
        Self { status: Some(status), stored, collapsed: false }
    }

    /// Returns the facts about a request for which the handler failed.
    ///
    /// The handler ran for this request, or for another one whose fill this request waited for.
    /// `status` is `None` if the handler returned an error instead of a response.
    pub(crate) const fn failed(status: Option<StatusCode>, collapsed: bool) -> Self {
        Self { status, stored: None, collapsed }
    }
}

/// RFC 9211 §2.4: the remaining freshness lifetime, negative for a stale response.
struct TimeToLive {
    fresh: u64,
    age: u64,
}

impl fmt::Display for TimeToLive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.fresh < self.age { "-" } else { "" };
        write!(f, "{sign}{}", self.fresh.abs_diff(self.age))
    }
}

/// Reserves entries for the two fields that each hit rewrites in a stored response.
///
/// Also sets the fields that are the same for all hits. Returns the `Cache-Status` of other caches,
/// nearer to the origin.
///
/// The two fields come first, so that a hit finds them without a lookup. Rewriting them then takes
/// a tenth of the time of the hit.
pub(crate) fn reserve(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let others = combined(headers.get_all(CACHE_STATUS).iter());
    headers.remove(CACHE_STATUS);
    let mut prepared = reserved_with_capacity(headers.len() + 3);
    for (name, value) in &*headers {
        prepared.append(name.clone(), value.clone());
    }
    prepared.insert(X_CACHE, HIT);
    *headers = prepared;
    others
}

/// Returns only the entries that [`reserve`] makes, for a response whose fields are read later.
pub(crate) fn reserved() -> HeaderMap {
    reserved_with_capacity(RESERVED)
}

fn reserved_with_capacity(fields: usize) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(fields);
    fields.insert(AGE, ZERO);
    fields.insert(CACHE_STATUS, OWN);
    fields
}

/// Does the work of [`reserve`] for fields that were read into the map of [`reserved`].
pub(crate) fn finish_reserved(headers: &mut HeaderMap) -> Option<HeaderValue> {
    // Most responses have each field only once. That is checked without a lookup.
    if headers.len() == headers.keys_len() || headers.get_all(CACHE_STATUS).iter().nth(1).is_none() {
        headers.insert(X_CACHE, HIT);
        return None;
    }
    let others: Vec<_> = headers.get_all(CACHE_STATUS).iter().skip(1).cloned().collect();
    headers.remove(CACHE_STATUS);
    for other in others {
        headers.append(CACHE_STATUS, other);
    }
    reserve(headers)
}

/// Reverts [`reserve`].
pub(crate) fn unreserve(headers: &mut HeaderMap, others: Option<&HeaderValue>) {
    headers.remove(AGE);
    headers.remove(X_CACHE);
    restore_others(headers, others);
}

/// Completes the fields of a stored response that is served. [`reserve`] has prepared them.
pub(crate) fn set_hit(
    reporting: &Reporting,
    headers: &mut HeaderMap,
    outcome: Outcome,
    age: Duration,
    fresh: Duration,
    others: Option<&HeaderValue>,
) {
    if !matches!(outcome, Outcome::Hit(_)) {
        headers.insert(X_CACHE, x_cache(outcome));
    }
    let status = append_member(others, hit_member(reporting.name(), outcome, age, fresh).as_str());
    let age = whole_seconds(age);
    let mut first = headers.iter_mut();
    match (first.next(), first.next()) {
        (Some((name, old_age)), Some((other_name, old_status)))
            if *name == AGE && *other_name == CACHE_STATUS =>
        {
            *old_age = age;
            *old_status = status;
        }
        // Nothing is known about other maps.
        _ => {
            headers.insert(AGE, age);
            headers.insert(CACHE_STATUS, status);
        }
    }
    if !reporting.is_complete() {
        remove_disabled(reporting, headers, others);
    }
}

/// Removes the fields that are turned off from those of a stored response.
///
/// The members of other caches stay.
#[cold]
fn remove_disabled(reporting: &Reporting, headers: &mut HeaderMap, others: Option<&HeaderValue>) {
    if !reporting.x_cache {
        headers.remove(X_CACHE);
    }
    if !reporting.cache_status {
        restore_others(headers, others);
    }
}

/// Restores the `Cache-Status` of other caches, in place of the field reserved for this cache.
fn restore_others(headers: &mut HeaderMap, others: Option<&HeaderValue>) {
    headers.remove(CACHE_STATUS);
    if let Some(others) = others {
        headers.insert(CACHE_STATUS, others.clone());
    }
}

fn hit_member(name: &str, outcome: Outcome, age: Duration, fresh: Duration) -> ArrayString<MAX_MEMBER> {
    let mut member = ArrayString::new();
    // The member always fits. No client and no handler can choose the length of any part of it.
    let mut push = |text: &str| {
        let _ = member.try_push_str(text);
    };
    push(name);
    push("; hit; ttl=");
    // RFC 9211 §2.4: the remaining freshness lifetime, negative for a stale response.
    let (fresh, age) = (delta_seconds(fresh), delta_seconds(age));
    if fresh < age {
        push("-");
    }
    push(itoa::Buffer::new().format(fresh.abs_diff(age)));
    match outcome {
        Outcome::Stale(tier, reason) => {
            push("; detail=\"");
            push(tier.as_str());
            push(", ");
            push(reason.as_str());
            push("\"");
        }
        _ => {
            push("; detail=");
            push(outcome.reason());
        }
    }
    member
}

/// Completes the fields of a stored response that is served because the handler failed.
///
/// [`reserve`] has prepared them. RFC 9211 §2.1: a hit "was not forwarded". This request was
/// forwarded, so it is not reported as a hit. The handler's status is reported if it is known
/// (§2.3).
pub(crate) fn set_stale_on_error(
    reporting: &Reporting,
    headers: &mut HeaderMap,
    outcome: Outcome,
    age: Duration,
    fresh: Duration,
    others: Option<&HeaderValue>,
    forwarded: ForwardInfo,
) {
    set_hit(reporting, headers, outcome, age, fresh, others);
    if !reporting.cache_status {
        return;
    }
    let ttl = TimeToLive { fresh: delta_seconds(fresh), age: delta_seconds(age) };
    let mut member = format!("{}; fwd=stale", reporting.name());
    forwarded.write(|text| member.push_str(text));
    let tier = outcome.tier().map_or("", Tier::as_str);
    let _ = write!(member, "; ttl={ttl}; detail=\"{tier}, {}\"", outcome.reason());
    headers.insert(CACHE_STATUS, append_member(others, &member));
}

/// Completes the fields of a response that the handler made.
///
/// The handler ran for this request, or for another one whose fill this request waited for.
pub(crate) fn set_forwarded(
    reporting: &Reporting,
    headers: &mut HeaderMap,
    outcome: Outcome,
    forwarded: ForwardInfo,
) {
    if reporting.x_cache {
        headers.insert(X_CACHE, x_cache(outcome));
    }
    if !reporting.cache_status {
        return;
    }
    match headers.entry(CACHE_STATUS) {
        Entry::Vacant(place) => {
            let prepared = prepared_member(reporting.name(), outcome, forwarded);
            let written = || append_member(None, &forwarded_member(reporting.name(), outcome, forwarded));
            place.insert(prepared.unwrap_or_else(written));
        }
        Entry::Occupied(mut place) => {
            let (others, member) =
                (combined(place.iter()), forwarded_member(reporting.name(), outcome, forwarded));
            place.insert(append_member(others.as_ref(), &member));
        }
    }
}

/// Returns the value of `X-Cache`.
const fn x_cache(outcome: Outcome) -> HeaderValue {
    match outcome {
        Outcome::Hit(_) => HIT,
        Outcome::Stale(..) => const { HeaderValue::from_static("STALE") },
        Outcome::Miss(_) => const { HeaderValue::from_static("MISS") },
        Outcome::Bypass(_) => const { HeaderValue::from_static("BYPASS") },
    }
}

/// Sets `X-Cache-Key`. An encoded key is visible ASCII, so it is always a valid value.
pub(crate) fn set_key(headers: &mut HeaderMap, key: &str) {
    if let Ok(value) = HeaderValue::from_str(key) {
        headers.insert(X_CACHE_KEY, value);
    }
}

/// Returns the members of other caches as one list.
fn combined<'a>(mut lines: impl Iterator<Item = &'a HeaderValue>) -> Option<HeaderValue> {
    let first = lines.next()?;
    let mut list = first.as_bytes().to_vec();
    for line in lines {
        list.extend_from_slice(b", ");
        list.extend_from_slice(line.as_bytes());
    }
    HeaderValue::from_maybe_shared(Bytes::from(list)).ok()
}

/// Returns the members of other caches, with ours as the last one.
///
/// RFC 9211 §2: "The first member represents the cache closest to the origin server".
fn append_member(others: Option<&HeaderValue>, member: &str) -> HeaderValue {
    let line = match others {
        None => HeaderValue::from_str(member),
        Some(others) => HeaderValue::from_bytes(&[others.as_bytes(), b", ", member.as_bytes()].concat()),
    };
    line.unwrap_or(OWN)
}

/// Returns a time in whole seconds.
///
/// RFC 9111 §1.2.2: 2^31 stands for all longer times.
fn delta_seconds(time: Duration) -> u64 {
    time.as_secs().min(1 << 31)
}

/// Returns the value of `Age`.
///
/// Most ages are short. A table has their values, without an allocation or a reference count.
pub(crate) fn whole_seconds(age: Duration) -> HeaderValue {
    let seconds = delta_seconds(age);
    let value = match usize::try_from(seconds).ok().and_then(|seconds| DECIMALS.get(seconds)) {
        Some(digits) => HeaderValue::from_maybe_shared(Bytes::from_static(without_zeros(digits))),
        None => HeaderValue::from_str(itoa::Buffer::new().format(seconds)),
    };
    value.unwrap_or(ZERO)
}

/// The numbers below 10,000 in four digits each. As ages in seconds, they cover nearly three hours.
static DECIMALS: [[u8; 4]; 10_000] = decimals();

const fn decimals() -> [[u8; 4]; 10_000] {
    let mut all = [*b"0000"; 10_000];
    let mut number = 1;
    while number < all.len() {
        all[number] = increment(all[number - 1]);
        number += 1;
    }
    all
}

const fn increment(mut digits: [u8; 4]) -> [u8; 4] {
    let mut place = 3;
    while digits[place] == b'9' {
        digits[place] = b'0';
        place -= 1;
    }
    digits[place] += 1;
    digits
}

fn without_zeros(digits: &'static [u8; 4]) -> &'static [u8] {
    match digits {
        [b'0', b'0', b'0', rest @ ..] => rest,
        [b'0', b'0', rest @ ..] => rest,
        [b'0', rest @ ..] => rest,
        all => all,
    }
}
