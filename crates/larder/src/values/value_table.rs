//! The values of one collection, as they are listed.

use std::any::Any;
use std::sync::Arc;

use larder_core::key::list_order::list_order;

use crate::engine::listing::filter::StoredFilter;
use crate::engine::listing::list::ListedTable;
use crate::engine::report::MemoryUsage;
use crate::values::collection_policy::CollectionPolicy;
use crate::values::listed_value::ListedValue;

/// The approximate size of a key besides its text, in bytes.
const KEY_BYTES: u64 = 48;

/// A memory tier of a collection.
pub(crate) trait MemoryUse: Send + Sync {
    fn usage(&self) -> MemoryUsage;

    /// Returns the options of the collection.
    fn policy(&self) -> CollectionPolicy;

    /// Returns all values in memory. This is no use of them.
    fn values(&self) -> Box<dyn Iterator<Item = Arc<dyn ListedValue>> + Send + '_>;

    /// Returns all values in memory with their keys. This is no use of them.
    fn entries(&self) -> Box<dyn Iterator<Item = (AnyKey, Arc<dyn ListedValue>)> + Send + '_>;

    /// Returns the value with this key. This is no use of it.
    fn find(&self, key: &AnyKey) -> Option<Arc<dyn ListedValue>>;
}

/// The key of a value, of any type. All collections of one name have the same one.
pub(crate) type AnyKey = Box<dyn Any + Send + Sync>;

/// The memory tiers of all collections with one name.
pub(crate) struct ValueTable<'a> {
    pub(super) name: &'a str,
    pub(super) memories: Vec<Arc<dyn MemoryUse>>,
}

/// The key of a value in a listing.
pub(crate) struct ListedKey {
    key: AnyKey,
    /// The length of its text, which stands for its size.
    text_bytes: u64,
}

impl ListedTable for ValueTable<'_> {
    type Key = ListedKey;
    type Entry = Arc<dyn ListedValue>;

    fn name(&self) -> &str {
        self.name
    }

    fn entries(&self) -> impl Iterator<Item = (ListedKey, Arc<dyn ListedValue>)> + Send {
        self.memories.iter().flat_map(|memory| memory.entries()).map(|(key, value)| {
            let text_bytes = value.meta().key.len() as u64;
            (ListedKey { key, text_bytes }, value)
        })
    }

    fn find(&self, key: &ListedKey) -> Option<Arc<dyn ListedValue>> {
        self.memories.iter().find_map(|memory| memory.find(&key.key))
    }

    fn place(value: &Arc<dyn ListedValue>) -> u128 {
        list_order(&value.meta().key, 0)
    }

    fn is_shown(filter: &StoredFilter, value: &Arc<dyn ListedValue>) -> bool {
        let meta = value.meta();
        filter.shows(&meta.key, &meta.names)
    }

    fn weigh(key: &ListedKey) -> u64 {
        KEY_BYTES + key.text_bytes
    }
}
