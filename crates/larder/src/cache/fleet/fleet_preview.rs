//! The reach of an invalidation in the shared store.

use std::collections::BTreeSet;

use larder_core::invalidation::selector::{KeyScope, Selector};
use larder_core::key::redact::redact;
use larder_core::store::StoreError;
use larder_core::stored::address;
use tokio::time::sleep;

use crate::cache::fleet::Fleet;
use crate::engine::invalidate::append::bounded_events;
use crate::engine::invalidate::reclaim::BETWEEN_SCANS;
use crate::engine::invalidation_log::invalidation::Invalidation;

/// The maximum number of keys that a preview shows.
const MAX_KEYS: usize = 100;

/// The entries in the shared store that an invalidation names, before it is issued.
///
/// Returned by [`Fleet::preview`]. The memory of the instances may have more, and entries in the
/// store may be refused already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetPreview {
    /// The number of entries. Each variant of a response is one, and so is the list of its fields.
    pub entries: u64,
    /// The keys of some of them, up to 100, without credentials.
    pub keys: Vec<String>,
    /// Whether all keys of the store were looked at, as far as that was necessary.
    pub is_complete: bool,
    /// The selectors whose entries cannot be found by their keys, such as tags.
    pub uncounted: Vec<String>,
}

/// The method for a preview.
impl Fleet {
    /// Counts the entries in the store that an invalidation names, without issuing it.
    ///
    /// A key of the store does not show the tags of its response, or a path behind a custom key:
    /// see [`FleetPreview::uncounted`]. Each scan looks at about 500 keys, at most 20 times in a
    /// second. After `max_scans` scans, the number is a part: see [`FleetPreview::is_complete`].
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached, or cannot find entries.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::fleet::Fleet;
    /// use larder::{Invalidation, Prefix};
    ///
    /// async fn count(fleet: &Fleet) -> Result<u64, Box<dyn std::error::Error>> {
    ///     let products = Invalidation::of(Prefix::new("/products")?);
    ///     Ok(fleet.preview(products, 200).await?.entries)
    /// }
    /// ```
    pub async fn preview(
        &self,
        what: impl Into<Invalidation> + Send,
        max_scans: u32,
    ) -> Result<FleetPreview, StoreError> {
        let events = bounded_events(what.into().events());
        let (mut addresses, mut scans_left) = (BTreeSet::new(), max_scans);
        let mut preview = FleetPreview { is_complete: true, ..FleetPreview::default() };
        for event in &events {
            if event.selector.key_scope() == KeyScope::Unknown {
                preview.uncounted.push(event.selector.to_shown_text());
                continue;
            }
            preview.is_complete &= self.find(&event.selector, &mut addresses, &mut scans_left).await?;
        }
        preview.entries = addresses.len() as u64;
        let keys: BTreeSet<_> = addresses.iter().filter_map(|address| address::key_of(address)).collect();
        preview.keys = keys.into_iter().take(MAX_KEYS).map(|key| redact(key).into_owned()).collect();
        Ok(preview)
    }

    /// Adds the addresses of what a selector names. Returns whether these are all of them.
    async fn find(
        &self,
        selector: &Selector,
        addresses: &mut BTreeSet<String>,
        scans_left: &mut u32,
    ) -> Result<bool, StoreError> {
        let mut from = None;
        loop {
            if *scans_left == 0 {
                return Ok(false);
            }
            *scans_left -= 1;
            let page = self.store.find_entries(selector, from).await?;
            addresses.extend(page.addresses);
            if page.next.is_none() {
                return Ok(true);
            }
            from = page.next;
            sleep(BETWEEN_SCANS).await;
        }
    }
}
