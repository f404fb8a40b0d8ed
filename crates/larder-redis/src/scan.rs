//! Scans for stored responses by their names.

use std::time::Duration;

use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::cluster::ClusterRouting;
use fred::types::config::Options;
use fred::types::{ClusterHash, CustomCommand, Value};
use larder_core::invalidation::selector::Selector;
use larder_core::store::{ScanCursor, StoreError};
use larder_core::stored::address;

use crate::keys::Keys;
use crate::reply::{parts, text, unreadable};
use crate::store::Inner;
use crate::timeouts::LOG_TIMEOUT;

/// The number of keys that one scan visits, which takes about 0.1 ms of the server's time.
const COUNT: i64 = 500;

/// The names of stored responses that a scan of all keys found.
pub(crate) struct SelectedPage {
    pub(crate) names: Vec<String>,
    pub(crate) next: Option<ScanCursor>,
}

/// Scans for the responses whose keys show that the selector names them.
///
/// Returns `None` behind the last primary.
pub(crate) async fn scan_selected(
    inner: &Inner,
    selector: &Selector,
    texts: &[Box<str>],
    sweep: ScanCursor,
) -> Result<Option<SelectedPage>, StoreError> {
    let primaries = inner.data.primaries();
    let Some(node) = primaries.get(sweep.node) else { return Ok(None) };
    let options = Options { cluster_node: node.clone(), ..inner.data.options(limit(inner)) };
    let mut page = scan(inner, &options, sweep.cursor, pattern(&inner.keys, texts)).await?;
    page.names.retain(|name| inner.keys.key_in(name).is_some_and(|key| selector.names_key(key)));
    let next = match page.cursor {
        0 => ScanCursor { node: sweep.node + 1, cursor: 0 },
        cursor => ScanCursor { cursor, ..sweep },
    };
    let next = (next.node < primaries.len()).then_some(next);
    Ok(Some(SelectedPage { names: page.names, next }))
}

/// Scans for the variants of this encoded key, which share its slot.
pub(crate) async fn scan_variants(inner: &Inner, key: &str, cursor: u64) -> Result<ScanPage, StoreError> {
    let pattern = format!("{}*", literal(&inner.keys.response(&format!("{}:v:", address::primary(key)))));
    let slot = ClusterHash::Custom(ClusterRouting::hash_key(key.as_bytes()));
    let options = Options { cluster_hash: Some(slot), ..inner.data.options(limit(inner)) };
    scan(inner, &options, cursor, pattern).await
}

/// The names that one scan found, and the cursor for the next scan.
///
/// The cursor is 0 after the last scan.
pub(crate) struct ScanPage {
    pub(crate) cursor: u64,
    pub(crate) names: Vec<String>,
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

/// Returns the time limit for each command. No request waits for these commands.
pub(crate) fn limit(inner: &Inner) -> Duration {
    inner.command_timeout.max(LOG_TIMEOUT)
}

pub(crate) fn failed(inner: &Inner, error: &Error) -> StoreError {
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
