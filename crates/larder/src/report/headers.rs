//! The header fields that tell what the cache did: `Age`, `X-Cache`, `X-Cache-Key` and `Cache-Status` (RFC 9211).

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AGE, CACHE_STATUS};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder_core::outcome::{NotStored, Outcome};

pub(crate) const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
pub(crate) const X_CACHE_KEY: HeaderName = HeaderName::from_static("x-cache-key");

/// What this cache calls itself in `Cache-Status`.
const NAME: &str = "Larder";
/// Enough for every member that this cache writes, so that it is written without growing.
const USUAL_MEMBER: usize = 96;

/// What a request that the cache forwarded came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Forwarded {
    /// The status that the handler answered with, where it ran for this request.
    pub(crate) status: Option<StatusCode>,
    /// Whether the response is being stored, and if not why.
    pub(crate) stored: Option<Result<(), NotStored>>,
    /// Whether the request waited for another one's fill.
    pub(crate) collapsed: bool,
}

/// Makes room in a stored response's fields for those that each hit writes anew, and sets what all hits share. Returns
/// what other caches, nearer to the origin, said of it.
pub(crate) fn prepare(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let others = joined(headers);
    headers.reserve(3);
    headers.insert(AGE, HeaderValue::from_static("0"));
    headers.insert(CACHE_STATUS, HeaderValue::from_static(NAME));
    headers.insert(X_CACHE, HeaderValue::from_static("HIT"));
    others
}

/// Takes back what [`prepare`] did.
pub(crate) fn unprepare(headers: &mut HeaderMap, others: Option<&HeaderValue>) {
    headers.remove(AGE);
    headers.remove(X_CACHE);
    headers.remove(CACHE_STATUS);
    if let Some(others) = others {
        headers.insert(CACHE_STATUS, others.clone());
    }
}

/// Completes the fields of a response that is served from a [prepared](prepare) stored one.
pub(crate) fn served(
    headers: &mut HeaderMap,
    outcome: Outcome,
    age: Duration,
    fresh: Duration,
    others: Option<&HeaderValue>,
) {
    if !matches!(outcome, Outcome::Hit(_)) {
        headers.insert(X_CACHE, HeaderValue::from_static(outcome.x_cache()));
    }
    headers.insert(AGE, whole_seconds(age));
    let mut member = String::with_capacity(USUAL_MEMBER);
    member.push_str(NAME);
    member.push_str("; hit; ttl=");
    write_ttl(&mut member, fresh, age);
    match outcome {
        Outcome::Stale(tier, reason) => {
            let _ = write!(member, "; detail=\"{}, {}\"", tier.as_str(), reason.as_str());
        }
        _ => {
            member.push_str("; detail=");
            member.push_str(outcome.reason());
        }
    }
    headers.insert(CACHE_STATUS, behind(others, member));
}

/// Completes the fields of a response that the handler made, for this request or for one that it waited with.
pub(crate) fn forwarded(headers: &mut HeaderMap, outcome: Outcome, forwarded: Forwarded) {
    let others = joined(headers);
    headers.insert(X_CACHE, HeaderValue::from_static(outcome.x_cache()));
    let mut member = String::with_capacity(USUAL_MEMBER);
    let fwd = match outcome {
        Outcome::Miss(reason) => reason.fwd(),
        Outcome::Bypass(reason) => reason.fwd(),
        Outcome::Hit(_) | Outcome::Stale(..) => "miss",
    };
    let _ = write!(member, "{NAME}; fwd={fwd}");
    if let Some(status) = forwarded.status {
        let _ = write!(member, "; fwd-status={}", status.as_str());
    }
    if forwarded.stored == Some(Ok(())) {
        member.push_str("; stored");
    }
    if forwarded.collapsed {
        member.push_str("; collapsed");
    }
    let _ = match forwarded.stored {
        Some(Err(reason)) => write!(member, "; detail=\"{}, not stored: {reason}\"", outcome.reason()),
        _ => write!(member, "; detail={}", outcome.reason()),
    };
    headers.insert(CACHE_STATUS, behind(others.as_ref(), member));
}

/// Sets `X-Cache-Key`. An encoded key is visible ASCII.
pub(crate) fn key(headers: &mut HeaderMap, key: &str) {
    if let Ok(value) = HeaderValue::from_str(key) {
        headers.insert(X_CACHE_KEY, value);
    }
}

/// The members of other caches as one list.
fn joined(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut lines = headers.get_all(CACHE_STATUS).iter();
    let first = lines.next()?;
    let mut list = first.as_bytes().to_vec();
    for line in lines {
        list.extend_from_slice(b", ");
        list.extend_from_slice(line.as_bytes());
    }
    HeaderValue::from_maybe_shared(Bytes::from(list)).ok()
}

/// RFC 9211 §2: "each cache that handles the response … appends a value", so that the one nearest to the origin is first.
fn behind(others: Option<&HeaderValue>, member: String) -> HeaderValue {
    let line = match others {
        None => Bytes::from(member),
        Some(others) => Bytes::from([others.as_bytes(), b", ", member.as_bytes()].concat()),
    };
    HeaderValue::from_maybe_shared(line).unwrap_or(HeaderValue::from_static(NAME))
}

/// RFC 9211 §2.4: the remaining freshness lifetime, negative for a stale response.
fn write_ttl(member: &mut String, fresh: Duration, age: Duration) {
    let (fresh, age) = (fresh.as_secs(), age.as_secs());
    if fresh < age {
        member.push('-');
    }
    write_number(member, fresh.abs_diff(age));
}

/// RFC 9111 §1.2.2: ages are whole seconds, and 2^31 stands for all greater ones.
fn whole_seconds(age: Duration) -> HeaderValue {
    let seconds = age.as_secs().min(1 << 31);
    let mut digits = String::with_capacity(10);
    write_number(&mut digits, seconds);
    HeaderValue::from_maybe_shared(Bytes::from(digits)).unwrap_or(HeaderValue::from_static("0"))
}

/// `core::fmt` takes several times as long, and this runs twice on each hit.
fn write_number(text: &mut String, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend(digits[at..].iter().map(|digit| char::from(*digit)));
}
