//! The names of the write queue's keys.

use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::PartitionId;

use crate::keys::is_namespace;

/// The names of the keys of one partition, which share a slot.
#[derive(Debug)]
pub(crate) struct PartitionNames {
    prefix: String,
    /// Names of the partition's state, writes, keys in quarantine and write ids.
    ///
    /// The scripts take them in this order.
    pub(crate) main: [String; 4],
    /// Name of the record of the reader.
    pub(crate) reader: String,
    /// Name of the setup of the whole collection, in another slot.
    pub(crate) setup: String,
}

impl PartitionNames {
    /// Returns the names in the namespace. Returns `None` if the partition is impossible.
    pub(crate) fn new(namespace: &str, partition: &PartitionId<'_>) -> Option<Self> {
        let PartitionId { collection, number, .. } = *partition;
        if !partition.is_valid() || !is_namespace(collection) {
            return None;
        }
        let prefix = format!("larder:{{{namespace}:queue:{collection}:{number}}}:");
        let main = ["state", "writes", "quarantined", "ids"].map(|what| format!("{prefix}{what}"));
        let reader = format!("{prefix}reader");
        let setup = format!("larder:{{{namespace}:queue:{collection}}}:setup");
        Some(Self { prefix, main, reader, setup })
    }

    /// Returns the names that most scripts take.
    pub(crate) fn main(&self) -> [&str; 4] {
        self.main.each_ref().map(String::as_str)
    }

    /// Returns the names that scripts for the reader take.
    pub(crate) fn with_reader(&self) -> [&str; 5] {
        let [state, writes, quarantined, ids] = self.main();
        [state, writes, quarantined, ids, &self.reader]
    }

    /// Returns the name of the state, which stands for the node of the partition.
    pub(crate) fn state(&self) -> &str {
        &self.main[0]
    }

    /// Returns the name of the write ids.
    pub(crate) fn ids(&self) -> &str {
        &self.main[3]
    }

    /// Returns the name of the key that a wait for durability writes to.
    pub(crate) fn barrier(&self) -> String {
        format!("{}barrier", self.prefix)
    }
}

/// Returns the names of the partition's keys.
pub(crate) fn names_in(namespace: &str, partition: &PartitionId<'_>) -> Result<PartitionNames, StoreError> {
    let names = PartitionNames::new(namespace, partition);
    names.ok_or_else(|| {
        let PartitionId { collection, number, count } = partition;
        let what = format!("invalid partition: {number} of {count} of the collection {collection:?}");
        StoreError::new(StoreErrorKind::Refused, what)
    })
}

/// Returns the setup of a collection with this kind of writes, as a text.
pub(crate) fn setup_text(partition: &PartitionId<'_>, kind: char) -> String {
    format!("{} {kind}", partition.count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_a_partition_share_its_tag() {
        let partition = PartitionId { collection: "cart", number: 3, count: 16 };
        let names = PartitionNames::new("shop", &partition).unwrap();
        assert_eq!(
            names.with_reader(),
            [
                "larder:{shop:queue:cart:3}:state",
                "larder:{shop:queue:cart:3}:writes",
                "larder:{shop:queue:cart:3}:quarantined",
                "larder:{shop:queue:cart:3}:ids",
                "larder:{shop:queue:cart:3}:reader",
            ]
        );
        assert_eq!(names.setup, "larder:{shop:queue:cart}:setup");
        assert_eq!(names.barrier(), "larder:{shop:queue:cart:3}:barrier");
    }

    #[test]
    fn an_impossible_partition_has_no_names() {
        for (collection, number, count) in
            [("a:b", 0, 1), ("a}b", 0, 1), ("", 0, 1), ("a", 1, 1), ("a", 0, 0), ("a", 0, 2000)]
        {
            let partition = PartitionId { collection, number, count };
            assert!(PartitionNames::new("shop", &partition).is_none(), "{partition:?}");
        }
    }
}
