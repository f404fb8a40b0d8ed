//! The items that are read and written. Each family has a route, a policy and ways of invalidation.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The number of items in most families: small, so that each is read and written often and races
/// are frequent.
pub const ITEMS: usize = 5;

/// The number of items in a family whose writes are queued: larger, so that a write that is lost is
/// not replaced before anyone reads the item.
pub const QUEUED_ITEMS: usize = 20;

/// A route and its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[allow(clippy::exhaustive_enums)] // Code that handles a family has to handle all of them.
pub enum Family {
    /// Tagged by the policy.
    Tag,
    /// Tagged by the handler.
    Said,
    /// Stored under a key of its own.
    Key,
    /// InvalidationOutcome by its path.
    Prefix,
    /// InvalidationOutcome by a pattern over paths.
    Glob,
    /// Written by `PUT`, so that the layer invalidates its URI.
    Uri,
    /// Served stale while it is revalidated, and when the handler fails.
    Patient,
    /// With an `ETag` and a short lifetime.
    Etag,
    /// With a `Last-Modified` that is the same for two versions within one second, and a short
    /// lifetime.
    Dated,
    /// In three languages.
    Vary,
    /// Gone in every other version: 404.
    Absent,
    /// With a handler that often fails.
    Failing,
    /// A typed value below HTTP, without a layer. Its loads sometimes fail.
    Values,
    /// A typed value that is written through.
    WriteThrough,
    /// A cached route whose handler uses a typed value.
    Nested,
    /// A typed value that is written behind. It runs alone: see [`Family::is_queued`].
    WriteBehind,
    /// Operations that are queued, and a typed value that shows their result. It runs only with
    /// families whose writes are queued.
    Operations,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 17] = [
        Self::Tag,
        Self::Said,
        Self::Key,
        Self::Prefix,
        Self::Glob,
        Self::Uri,
        Self::Patient,
        Self::Etag,
        Self::Dated,
        Self::Vary,
        Self::Absent,
        Self::Failing,
        Self::Values,
        Self::WriteThrough,
        Self::Nested,
        Self::WriteBehind,
        Self::Operations,
    ];

    /// Returns the first segment of its paths.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Said => "said",
            Self::Key => "key",
            Self::Prefix => "prefix",
            Self::Glob => "glob",
            Self::Uri => "uri",
            Self::Patient => "patient",
            Self::Etag => "etag",
            Self::Dated => "dated",
            Self::Vary => "vary",
            Self::Absent => "absent",
            Self::Failing => "failing",
            Self::Values => "values",
            Self::WriteThrough => "write-through",
            Self::Nested => "nested",
            Self::WriteBehind => "write-behind",
            Self::Operations => "operations",
        }
    }

    /// Returns the ways in which a write to it may invalidate.
    #[must_use]
    pub const fn ways(self) -> &'static [Way] {
        match self {
            Self::Tag => &[Way::Tag, Way::Tag, Way::Tag, Way::SoftTag, Way::All],
            Self::Said | Self::Dated | Self::Absent | Self::Failing => &[Way::Tag],
            Self::Key => &[Way::Key],
            Self::Prefix => &[Way::Prefix],
            Self::Glob => &[Way::Glob],
            Self::Uri => &[Way::Put],
            Self::Patient | Self::Etag => &[Way::Tag, Way::SoftTag],
            Self::Vary => &[Way::Tag, Way::Uri],
            Self::Values => &[Way::ValueKey, Way::ValueKey, Way::Tag, Way::SoftTag],
            Self::WriteThrough => &WRITTEN_THROUGH,
            Self::Nested => &[Way::Tag, Way::SoftTag, Way::WriteThrough, Way::Transaction],
            Self::WriteBehind | Self::Operations => &[Way::Queued],
        }
    }

    /// Returns the number of its items.
    #[must_use]
    pub const fn items(self) -> usize {
        if self.is_queued() { QUEUED_ITEMS } else { ITEMS }
    }

    /// Whether its writes are queued in Redis, and brought to the database later.
    ///
    /// Such families run without the others. Their servers keep what they have acknowledged, so no
    /// fault may take that away.
    #[must_use]
    pub const fn is_queued(self) -> bool {
        matches!(self, Self::WriteBehind | Self::Operations)
    }

    /// Whether a queued write of an item replaces the older ones in the queue, and is shown before
    /// the database has it.
    #[must_use]
    pub const fn replaces_queued(self) -> bool {
        matches!(self, Self::WriteBehind)
    }

    /// Whether some of its writes store the value that they commit.
    #[must_use]
    pub const fn is_written_through(self) -> bool {
        matches!(self, Self::WriteThrough | Self::Nested)
    }

    /// Whether a stale response may be shown after a soft invalidation. This requires a policy with
    /// a window.
    #[must_use]
    pub const fn has_windows(self) -> bool {
        matches!(self, Self::Patient)
    }
}

/// Most writes store their value. The others race with them.
const WRITTEN_THROUGH: [Way; 10] = [
    Way::WriteThrough,
    Way::WriteThrough,
    Way::WriteThrough,
    Way::Transaction,
    Way::Transaction,
    Way::FailedWrite,
    Way::CancelledWrite,
    Way::ValueKey,
    Way::Tag,
    Way::SoftTag,
];

/// The way in which a write invalidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[allow(clippy::exhaustive_enums)] // Code that handles a way has to handle all of them.
pub enum Way {
    /// The item's tag, hard.
    Tag,
    /// The item's tag, soft.
    SoftTag,
    /// The item's key.
    Key,
    /// The path above the item's path.
    Prefix,
    /// A pattern over the item's path.
    Glob,
    /// The item's URI, by name.
    Uri,
    /// The item's URI, by a `PUT` that goes through the layer.
    Put,
    /// Everything.
    All,
    /// The key of a typed value.
    ValueKey,
    /// `write_through`, which also stores the new value.
    WriteThrough,
    /// `begin_write`, the commit, and `finish`.
    Transaction,
    /// A `write_through` that commits and then fails.
    FailedWrite,
    /// A `write_through` that commits and is then dropped.
    CancelledWrite,
    /// `write` of a collection whose writes are queued.
    Queued,
}

impl Way {
    const ALL: [Self; 14] = [
        Self::Tag,
        Self::SoftTag,
        Self::Key,
        Self::Prefix,
        Self::Glob,
        Self::Uri,
        Self::Put,
        Self::All,
        Self::ValueKey,
        Self::WriteThrough,
        Self::Transaction,
        Self::FailedWrite,
        Self::CancelledWrite,
        Self::Queued,
    ];

    /// Whether the write of a typed value invalidates by itself.
    #[must_use]
    pub const fn is_of_a_value(self) -> bool {
        matches!(self, Self::WriteThrough | Self::Transaction | Self::FailedWrite | Self::CancelledWrite)
    }

    /// Returns its name in requests and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::SoftTag => "soft-tag",
            Self::Key => "key",
            Self::Prefix => "prefix",
            Self::Glob => "glob",
            Self::Uri => "uri",
            Self::Put => "put",
            Self::All => "all",
            Self::ValueKey => "value-key",
            Self::WriteThrough => "write-through",
            Self::Transaction => "transaction",
            Self::FailedWrite => "failed-write",
            Self::CancelledWrite => "cancelled-write",
            Self::Queued => "queued",
        }
    }
}

/// A resource with versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Item {
    /// Its family.
    pub family: Family,
    /// Its number in the family, below [`Family::items`].
    pub id: usize,
}

impl Item {
    /// Returns the path that shows it.
    #[must_use]
    pub fn path(self) -> String {
        format!("/{}/{}/show", self.family.as_str(), self.id)
    }

    /// Returns its tag, which is also its key if it has one.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}:{}", self.family.as_str(), self.id)
    }

    /// Returns every item.
    pub fn all() -> impl Iterator<Item = Self> {
        Family::ALL.into_iter().flat_map(|family| (0..family.items()).map(move |id| Self { family, id }))
    }

    /// Returns its number among all items.
    #[must_use]
    pub fn index(self) -> usize {
        let before = Family::ALL.iter().take_while(|family| **family != self.family);
        before.map(|family| family.items()).sum::<usize>() + self.id
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.family.as_str(), self.id)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error of a text that names no item or way.
#[derive(Debug)]
pub struct UnknownName(());

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is nothing of this name")
    }
}

impl std::error::Error for UnknownName {}

impl FromStr for Item {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let (family, id) = text.split_once('/').ok_or(UnknownName(()))?;
        let family = Family::ALL.into_iter().find(|known| known.as_str() == family).ok_or(UnknownName(()))?;
        let id = id.parse().ok().filter(|id| *id < family.items()).ok_or(UnknownName(()))?;
        Ok(Self { family, id })
    }
}

impl FromStr for Way {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|way| way.as_str() == text).ok_or(UnknownName(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_has_a_name_and_a_number_of_its_own() {
        for (index, item) in Item::all().enumerate() {
            assert_eq!(item.index(), index);
            assert_eq!(item.to_string().parse::<Item>().unwrap(), item);
        }
        for wrong in ["tag", "tag/99", "none/1", "tag/x"] {
            assert!(wrong.parse::<Item>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_way_has_a_name_of_its_own() {
        for way in Way::ALL {
            assert_eq!(way.as_str().parse::<Way>().unwrap(), way);
        }
    }
}
