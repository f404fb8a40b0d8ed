//! The quarantine of writes that the sink refuses.

use fred::types::Value;
use larder_core::lease::LeaseId;
use larder_core::store::StoreError;
use larder_core::write_queue::{DeadLetterPage, PartitionId, QuarantineReply, RetryProgress, WriteRef};

use super::{digits, names, owned, write_reply};
use crate::reply::{parts, text, unreadable};
use crate::store::RedisStore;

/// The maximum length of an error in bytes. The rest is cut off.
const MAX_ERROR: usize = 1024;
/// The maximum number of keys in a page.
const MAX_PAGE: u32 = 1000;

/// A write that the sink refuses.
pub(super) struct Failed<'a> {
    pub(super) partition: PartitionId<'a>,
    pub(super) reader: LeaseId,
    pub(super) write: WriteRef<'a>,
    pub(super) error: &'a str,
}

/// Moves a write to the quarantine.
pub(super) async fn quarantine(
    store: &RedisStore,
    failed: Failed<'_>,
) -> Result<QuarantineReply, StoreError> {
    let names = names(store, &failed.partition)?;
    let WriteRef { place, sequence, key } = failed.write;
    let arguments = [
        owned(failed.reader),
        digits(place),
        digits(sequence),
        Value::from(key),
        Value::from(shortened(failed.error)),
    ];
    let answer = store.run(&store.inner.queue.quarantine, &names.with_reader(), &arguments).await?;
    match text(&answer) {
        Some("moved") => Ok(QuarantineReply::Moved),
        Some("gone") => Ok(QuarantineReply::Gone),
        Some("lost") => Ok(QuarantineReply::NotReader),
        _ => Err(unreadable("the answer to a quarantine")),
    }
}

/// Returns the beginning of the text that is not too long.
fn shortened(error: &str) -> &str {
    let mut end = error.len().min(MAX_ERROR);
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    &error[..end]
}

/// Returns a page of the keys in quarantine.
pub(super) async fn dead_letters(
    store: &RedisStore,
    partition: PartitionId<'_>,
    after: Option<u64>,
    count: u32,
) -> Result<DeadLetterPage, StoreError> {
    let names = names(store, &partition)?;
    let arguments =
        [after.map_or_else(|| Value::from_static_str(""), digits), digits(count.clamp(1, MAX_PAGE).into())];
    let answer = store.run(&store.inner.queue.dead, &names.main(), &arguments).await?;
    read_page(&answer).ok_or_else(|| unreadable("the dead letters"))
}

fn read_page(answer: &Value) -> Option<DeadLetterPage> {
    let [more, last, letters @ ..] = parts(answer)? else { return None };
    let next = match text(more)? {
        "1" => Some(write_reply::digits(last)?),
        _ => None,
    };
    // A letter that cannot be read must not hide the others.
    Some(DeadLetterPage { letters: letters.iter().filter_map(write_reply::dead_letter).collect(), next })
}

/// Moves dead letters of a key back to the queue.
pub(super) async fn retry(
    store: &RedisStore,
    partition: PartitionId<'_>,
    key: &str,
) -> Result<RetryProgress, StoreError> {
    let names = names(store, &partition)?;
    let answer = store.run(&store.inner.queue.retry, &names.main(), &[Value::from(key)]).await?;
    let progress = match parts(&answer) {
        Some([moved, done]) => write_reply::digits(moved)
            .zip(text(done))
            .map(|(moved, done)| RetryProgress { moved, is_done: done == "1" }),
        _ => None,
    };
    progress.ok_or_else(|| unreadable("the answer to a retry"))
}

/// Drops a dead letter.
pub(super) async fn discard(
    store: &RedisStore,
    partition: PartitionId<'_>,
    key: &str,
    sequence: u64,
) -> Result<bool, StoreError> {
    let names = names(store, &partition)?;
    let arguments = [Value::from(key), digits(sequence)];
    let answer = store.run(&store.inner.queue.discard, &names.main(), &arguments).await?;
    Ok(text(&answer) == Some("1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_error_is_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let long = "ü".repeat(600);
        assert_eq!(shortened(&long).len(), MAX_ERROR);
        assert_eq!(shortened(&format!("a{long}")).len(), MAX_ERROR - 1);
    }

    #[test]
    fn an_unreadable_letter_does_not_hide_the_others() {
        let mut letter = ["a", "3", "v", "x", "oops"].map(Value::from).to_vec();
        letter.push(0.into());
        let page = [Value::from("1"), Value::from("9"), Value::Null, Value::Array(letter)];
        let page = read_page(&Value::Array(page.to_vec())).unwrap();
        assert_eq!((page.letters.len(), page.next), (1, Some(9)));
        let end = Value::Array(vec!["0".into(), "".into()]);
        assert_eq!(read_page(&end), Some(DeadLetterPage::default()));
        assert_eq!(read_page(&Value::Null), None);
    }
}
