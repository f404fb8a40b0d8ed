//! Frees the memory of invalidated responses.
//!
//! If the selector gives the exact key, the response is removed directly. Other responses are found
//! with `SCAN` on each primary. A script compares positions and removes responses with `UNLINK`. It
//! keeps a response that was filled after the invalidation.

use std::time::Duration;

use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::cluster::ClusterRouting;
use fred::types::config::Options;
use fred::types::{ClusterHash, CustomCommand, Value};
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::KeyScope;
use larder_core::store::{ReclaimReport, ReclaimRequest, ScanCursor, StoreError, StoreErrorKind};
use larder_core::stored::{address, wire};

use crate::keys::Keys;
use crate::reply::{number, parts, text, unreadable};
use crate::store::Inner;
use crate::timeouts::LOG_TIMEOUT;

/// The number of keys that one scan visits, which takes about 0.1 ms of the server's time.
const COUNT: i64 = 500;

/// The maximum number of keys that one run of the script reads.
const AT_ONCE: usize = 100;

/// Performs one step. Fails at once while a circuit is open or had a recent timeout.
pub(crate) async fn step(
    inner: &Inner,
    what: &ReclaimRequest,
    from: Option<ScanCursor>,
) -> Result<ReclaimReport, StoreError> {
    if !inner.health.is_closed() {
        return Err(StoreError::new(StoreErrorKind::CircuitOpen, ""));
    }
    match (what.selector.key_scope(), from) {
        (KeyScope::Unknown, _) => Ok(ReclaimReport::default()),
        (KeyScope::Exact(key), None) => unlink_key(inner, what, &key).await,
        (KeyScope::Exact(key), Some(sweep)) => unlink_variants(inner, what, &key, sweep).await,
        (KeyScope::Scan(_), None) => {
            Ok(ReclaimReport { next: Some(ScanCursor::default()), ..ReclaimReport::default() })
        }
        (KeyScope::Scan(texts), Some(sweep)) => scan_matching(inner, what, &texts, sweep).await,
    }
}

async fn unlink_key(inner: &Inner, what: &ReclaimRequest, key: &str) -> Result<ReclaimReport, StoreError> {
    let name = inner.keys.response(&address::primary(key));
    let removed = remove(inner, what, &[&name]).await?;
    // The next step searches for variants, but only if the key had more than one response.
    let next = removed.variants.then(ScanCursor::default);
    Ok(ReclaimReport { responses: removed.count, scans: 0, next })
}

async fn unlink_variants(
    inner: &Inner,
    what: &ReclaimRequest,
    key: &str,
    sweep: ScanCursor,
) -> Result<ReclaimReport, StoreError> {
    let pattern = format!("{}*", literal(&inner.keys.response(&format!("{}:v:", address::primary(key)))));
    // The variants share the key's slot.
    let slot = ClusterHash::Custom(ClusterRouting::hash_key(key.as_bytes()));
    let options = Options { cluster_hash: Some(slot), ..inner.data.options(limit(inner)) };
    let page = scan(inner, &options, sweep.cursor, pattern).await?;
    let names: Vec<_> = page.names.iter().filter(|name| inner.keys.key_in(name) == Some(key)).collect();
    let next = (page.cursor != 0).then_some(ScanCursor { cursor: page.cursor, ..sweep });
    Ok(ReclaimReport { responses: remove_all(inner, what, &names).await?, scans: 1, next })
}

async fn scan_matching(
    inner: &Inner,
    what: &ReclaimRequest,
    texts: &[Box<str>],
    sweep: ScanCursor,
) -> Result<ReclaimReport, StoreError> {
    let primaries = inner.data.primaries();
    let Some(node) = primaries.get(sweep.node) else {
        return Ok(ReclaimReport::default());
    };
    let options = Options { cluster_node: node.clone(), ..inner.data.options(limit(inner)) };
    let page = scan(inner, &options, sweep.cursor, pattern(&inner.keys, texts)).await?;
    let is_named = |name: &&String| inner.keys.key_in(name).is_some_and(|key| what.selector.names_key(key));
    let names: Vec<_> = page.names.iter().filter(is_named).collect();
    let responses = remove_all(inner, what, &names).await?;
    let next = match page.cursor {
        0 => ScanCursor { node: sweep.node + 1, cursor: 0 },
        cursor => ScanCursor { cursor, ..sweep },
    };
    let next = (next.node < primaries.len()).then_some(next);
    Ok(ReclaimReport { responses, scans: 1, next })
}

/// The names that one scan found, and the cursor for the next scan.
///
/// The cursor is 0 after the last scan.
struct ScanPage {
    cursor: u64,
    names: Vec<String>,
}

async fn scan(
    inner: &Inner,
    options: &Options,
    cursor: u64,
    pattern: String,
) -> Result<ScanPage, StoreError> {
    let command = CustomCommand::new_static("SCAN", ClusterHash::Random, false);
    let arguments: Vec<Value> = vec![
        cursor.to_string().into(),
        Value::from_static_str("MATCH"),
        pattern.into(),
        Value::from_static_str("COUNT"),
        Value::Integer(COUNT),
    ];
    let client = inner.data.with(options);
    let answer =
        client.custom::<Value, _>(command, arguments).await.map_err(|error| failed(inner, &error))?;
    page(&answer).ok_or_else(|| unreadable("the answer to a scan"))
}

fn page(answer: &Value) -> Option<ScanPage> {
    let [cursor, names] = parts(answer)? else {
        return None;
    };
    // The store writes only names that are text, so it did not write the others.
    let names = parts(names)?.iter().filter_map(text).map(str::to_owned).collect();
    Some(ScanPage { cursor: text(cursor)?.parse().ok()?, names })
}

async fn remove_all(inner: &Inner, what: &ReclaimRequest, names: &[&String]) -> Result<u64, StoreError> {
    let mut names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let is_cluster = inner.data.is_clustered();
    // In a cluster, a script may access keys of one slot only.
    let slot = |name: &&str| if is_cluster { ClusterRouting::hash_key(name.as_bytes()) } else { 0 };
    names.sort_by_key(slot);
    let mut removed = 0;
    for together in names.chunk_by(|one, next| slot(one) == slot(next)) {
        for some in together.chunks(AT_ONCE) {
            removed += remove(inner, what, some).await?.count;
        }
    }
    Ok(removed)
}

struct Removed {
    count: u64,
    /// Whether one of the removed values listed the fields that select a variant.
    variants: bool,
}

async fn remove(inner: &Inner, what: &ReclaimRequest, names: &[&str]) -> Result<Removed, StoreError> {
    let event = [Value::Bytes(head(what.incarnation, what.before).to_vec().into())];
    let run = inner.scripts.reclaim.run(&inner.data, limit(inner), names, &event);
    let answer = run.await.map_err(|error| failed(inner, &error))?;
    let removed = || match parts(&answer)? {
        [count, variants] => {
            Some(Removed { count: u64::try_from(number(count)?).ok()?, variants: number(variants)? != 0 })
        }
        _ => None,
    };
    removed().ok_or_else(|| unreadable("the answer to a removal"))
}

/// Returns the first bytes of a response with this position: those that the script compares.
fn head(incarnation: Incarnation, id: LogId) -> [u8; wire::LOG_ID.end] {
    let mut head = [0; wire::LOG_ID.end];
    head[wire::INCARNATION].copy_from_slice(&incarnation.to_bytes());
    head[wire::LOG_ID].copy_from_slice(&id.to_be_bytes());
    head
}

/// Returns the time limit for each command. No request waits for these commands.
fn limit(inner: &Inner) -> Duration {
    inner.command_timeout.max(LOG_TIMEOUT)
}

fn failed(inner: &Inner, error: &Error) -> StoreError {
    inner.data.to_store_error(error)
}

/// Returns the pattern for responses whose encoded keys contain these texts in this order.
///
/// The key has to begin with the first text.
fn pattern(keys: &Keys, texts: &[Box<str>]) -> String {
    let mut pattern = literal(&keys.response("{"));
    for text in texts {
        pattern.push_str(&literal(text));
        pattern.push('*');
    }
    pattern
}

/// Returns a pattern that matches only this text.
///
/// Keys contain text from requests, which may contain wildcards.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_what_users_wrote_and_no_more() {
        let keys = Keys::new("s[h]*p", 1);
        let texts = ["u|".into(), "|".into(), "|/a?\\*".into()];
        assert_eq!(pattern(&keys, &texts), r"larder:s\[h\]\*p:v1:{u|*|*|/a\?\\\**");
        assert_eq!(pattern(&Keys::new("shop", 2), &["".into()]), "larder:shop:v2:{*");
    }

    #[test]
    fn a_page_that_makes_no_sense_is_none() {
        let names = Value::Array(vec!["a".into(), Value::Bytes(b"\xff".as_slice().into()), "b".into()]);
        let read = page(&Value::Array(vec!["17".into(), names])).unwrap();
        assert_eq!((read.cursor, read.names), (17, vec!["a".to_owned(), "b".to_owned()]));
        for answer in [
            Value::Null,
            Value::Array(vec!["1".into()]),
            Value::Array(vec!["x".into(), Value::Array(vec![])]),
        ] {
            assert!(page(&answer).is_none(), "{answer:?}");
        }
    }
}
