//! The collections of one cache, by name.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::engine::config_error::{ConfigError, ConfigErrorKind};
use crate::engine::listing::passes::Passes;
use crate::engine::report::MemoryUsage;
#[cfg(feature = "metrics")]
use crate::engine::report::metrics::publisher::{Publish, Publisher};
use crate::engine::report::value_counters::ValueCounters;
use crate::engine::report::value_stats::ValueStats;
use crate::values::collection_policy::CollectionPolicy;
use crate::values::value_table::{ListedKey, MemoryUse, ValueTable};

/// The collections of one cache.
///
/// A name stays taken when the last handle of its collection is dropped, and so do its counters.
#[derive(Default)]
pub(crate) struct ValueRegistry {
    collections: Mutex<HashMap<Box<str>, Registered>>,
    /// The listings of values that operators are reading.
    passes: Passes<ListedKey>,
    #[cfg(feature = "metrics")]
    publisher: Publisher,
}

struct Registered {
    form: CollectionForm,
    counters: Arc<ValueCounters>,
    memories: Vec<Weak<dyn MemoryUse>>,
}

/// The types and forms that all collections of one name must have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CollectionForm {
    pub(super) key: TypeId,
    pub(super) value: TypeId,
    pub(super) schema: u32,
    pub(super) format: u8,
    pub(super) kind: CollectionKind,
}

/// The kind of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CollectionKind {
    Values,
    /// Values whose writes are queued. Reads of another collection would not see those writes.
    WriteBehind,
    /// Operations. `value` is their type.
    Operations,
}

impl ValueRegistry {
    /// Registers a collection, and returns the counters of its name.
    ///
    /// # Errors
    /// If the name is empty, or in use for values of another form.
    pub(super) fn register(
        &self,
        name: &str,
        form: CollectionForm,
    ) -> Result<Arc<ValueCounters>, ConfigError> {
        let error = |what: String| Err(ConfigError::new(ConfigErrorKind::Collection, what));
        if name.is_empty() {
            return error("a collection needs a name".to_owned());
        }
        let mut collections = self.collections();
        let registered = collections.entry(name.into()).or_insert_with(|| Registered {
            form,
            counters: Arc::new(ValueCounters::new(name)),
            memories: Vec::new(),
        });
        if registered.form != form {
            return error(format!(
                "the collection {name:?} exists already with other types, another schema, another codec \
                 or another kind"
            ));
        }
        Ok(Arc::clone(&registered.counters))
    }

    /// Adds the memory tier of a registered collection.
    pub(super) fn add_memory(&self, name: &str, memory: Weak<dyn MemoryUse>) {
        if let Some(registered) = self.collections().get_mut(name) {
            registered.memories.retain(|memory| memory.strong_count() > 0);
            registered.memories.push(memory);
        }
    }

    /// Returns the counters of all collections of values.
    pub(crate) fn stats(&self) -> BTreeMap<String, ValueStats> {
        let collections = self.collections();
        let values = collections.iter().filter(|(_, one)| one.form.kind != CollectionKind::Operations);
        values.map(|(name, registered)| (String::from(&**name), registered.stats())).collect()
    }

    /// Returns the counters of one collection.
    pub(super) fn stats_of(&self, name: &str) -> ValueStats {
        self.collections().get(name).map(Registered::stats).unwrap_or_default()
    }

    /// Returns the options of all collections of values that exist, by their names.
    ///
    /// Collections with one name are in the order of their creation.
    pub(crate) fn policies(&self) -> Vec<CollectionPolicy> {
        let collections = self.collections();
        let memories = collections.values().flat_map(|registered| &registered.memories);
        let existing: Vec<_> = memories.filter_map(Weak::upgrade).collect();
        drop(collections);
        let mut policies: Vec<_> = existing.iter().map(|collection| collection.policy()).collect();
        policies.sort_by(|one, other| one.name.cmp(&other.name));
        policies
    }

    /// Returns the names of all collections of values.
    pub(crate) fn names(&self) -> Vec<String> {
        let collections = self.collections();
        let values = collections.iter().filter(|(_, one)| one.form.kind != CollectionKind::Operations);
        values.map(|(name, _)| String::from(&**name)).collect()
    }

    /// Returns the memory tiers of the collection with this name.
    ///
    /// Returns `None` if there is no such collection of values.
    pub(crate) fn memories(&self, name: &str) -> Option<Vec<Arc<dyn MemoryUse>>> {
        let collections = self.collections();
        let registered = collections.get(name).filter(|one| one.form.kind != CollectionKind::Operations)?;
        Some(registered.memories.iter().filter_map(Weak::upgrade).collect())
    }

    /// Returns the values of the collection with this name, to be listed.
    ///
    /// Returns `None` if there is no such collection of values.
    pub(crate) fn table<'a>(&self, name: &'a str) -> Option<ValueTable<'a>> {
        Some(ValueTable { name, memories: self.memories(name)? })
    }

    /// Returns the listings that operators are reading.
    pub(crate) const fn passes(&self) -> &Passes<ListedKey> {
        &self.passes
    }

    fn collections(&self) -> MutexGuard<'_, HashMap<Box<str>, Registered>> {
        self.collections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(feature = "metrics")]
impl ValueRegistry {
    /// Publishes the counters every second.
    pub(super) fn publish_regularly(self: &Arc<Self>) {
        self.publisher.run_for(self);
    }
}

#[cfg(feature = "metrics")]
impl Publish for ValueRegistry {
    fn publish(&self) {
        let counters: Vec<_> =
            self.collections().values().map(|registered| Arc::clone(&registered.counters)).collect();
        for counters in counters {
            counters.publish();
        }
    }
}

impl Registered {
    fn stats(&self) -> ValueStats {
        let memories = self.memories.iter().filter_map(Weak::upgrade);
        let sum = |sum: MemoryUsage, usage: MemoryUsage| MemoryUsage {
            entries: sum.entries + usage.entries,
            bytes: sum.bytes + usage.bytes,
        };
        self.counters.stats(memories.map(|memory| memory.usage()).fold(MemoryUsage::default(), sum))
    }
}
