//! Frees the memory of invalidated responses.
//!
//! If the selector gives the exact key, the response is removed directly. Other responses are found
//! with `SCAN` on each primary. A script compares positions and removes responses with `UNLINK`. It
//! keeps a response that was filled after the invalidation.

use fred::types::Value;
use fred::types::cluster::ClusterRouting;
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::KeyScope;
use larder_core::store::{ReclaimReport, ReclaimRequest, ScanCursor, StoreError, StoreErrorKind};
use larder_core::stored::{address, wire};

use crate::reply::{number, parts, unreadable};
use crate::scan::{failed, limit, scan_selected, scan_variants};
use crate::store::Inner;

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
    let page = scan_variants(inner, key, sweep.cursor).await?;
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
    let Some(page) = scan_selected(inner, &what.selector, texts, sweep).await? else {
        return Ok(ReclaimReport::default());
    };
    let names: Vec<_> = page.names.iter().collect();
    let responses = remove_all(inner, what, &names).await?;
    let next = page.next;
    Ok(ReclaimReport { responses, scans: 1, next })
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
