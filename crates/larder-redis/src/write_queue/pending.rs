//! Pending values.

use fred::types::Value;
use larder_core::store::StoreError;
use larder_core::write_queue::{KeyState, PartitionId};

use super::{Setup, names, write_reply};
use crate::reply::{bytes, parts, unreadable};
use crate::store::RedisStore;

/// Returns the state of each key.
pub(super) async fn pending(
    store: &RedisStore,
    partition: PartitionId<'_>,
    keys: &[&str],
) -> Result<Vec<KeyState>, StoreError> {
    let names = names(store, &partition)?;
    let count = Value::from(partition.count.to_string());
    let arguments: Vec<Value> =
        std::iter::once(count).chain(keys.iter().map(|key| Value::from(*key))).collect();
    let answer = store.run(&store.inner.queue.pending, &names.main(), &arguments).await?;
    let setup = Setup { partition, names: &names, kind: None };
    let unknown = || unreadable("the answer to a lookup of pending values");
    let (what, rest) = parts(&answer).and_then(<[Value]>::split_first).ok_or_else(unknown)?;
    match (&*bytes(what).ok_or_else(unknown)?, rest) {
        (b"keys", states) if states.len() == keys.len() => {
            states.iter().map(write_reply::key_state).collect::<Option<_>>().ok_or_else(unknown)
        }
        (b"new", []) => {
            setup.compare(store).await?;
            Ok(vec![KeyState::default(); keys.len()])
        }
        (b"other", [there]) => Err(setup.mismatch(&bytes(there).unwrap_or_default())),
        _ => Err(unknown()),
    }
}
