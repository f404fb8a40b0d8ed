//! The collections of typed values.

use larder::values::Values;
use larder::{Cache, ConfigError, ttl};
use serde::{Deserialize, Serialize};

use super::routes::SHORT;
use crate::item::{Family, Item};
use crate::reference_model::Reported;
use crate::wire;

/// A version of an item, as a service layer caches it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Version {
    /// The item, so that a value under a wrong key is found.
    pub(super) item: String,
    pub(super) version: u64,
    /// The run of the load. `None` if a write stored the value.
    pub(super) run: Option<u64>,
}

impl Version {
    pub(super) fn loaded(item: Item, reported: &Reported) -> Self {
        Self { item: item.to_string(), version: reported.version, run: Some(reported.run) }
    }

    /// Returns the body that shows it.
    pub(super) fn body(&self, language: &str) -> String {
        let Self { item, version, run } = self;
        let run = run.map_or_else(|| wire::WRITTEN.to_owned(), |run| run.to_string());
        format!("{item} {version} {run} {language}")
    }
}

/// The collections, one for each family of values.
#[derive(Debug, Clone)]
pub(super) struct Collections {
    values: Values<usize, Version>,
    write_through: Values<usize, Version>,
    nested: Values<usize, Version>,
}

impl Collections {
    pub(super) fn build(cache: &Cache) -> Result<Self, ConfigError> {
        let collection = |family: Family| {
            let tag = move |id: &usize| [Item { family, id: *id }.name()];
            let values = cache.values(family.as_str()).tags(move |id, _: Option<&Version>| tag(id));
            match family {
                // Its values expire often, and a route has to end with its value. A write names the
                // route, too.
                Family::Nested => values.ttl(SHORT).invalidates(tag),
                _ => values.ttl(ttl::STANDARD),
            }
            .build()
        };
        Ok(Self {
            values: collection(Family::Values)?,
            write_through: collection(Family::WriteThrough)?,
            nested: collection(Family::Nested)?,
        })
    }

    /// Returns the collection of a family, if it has one.
    pub(super) const fn of(&self, family: Family) -> Option<&Values<usize, Version>> {
        match family {
            Family::Values => Some(&self.values),
            Family::WriteThrough => Some(&self.write_through),
            Family::Nested => Some(&self.nested),
            _ => None,
        }
    }
}
