//! Finds stored responses and leases for operators.

use bytes::Bytes;
use fred::interfaces::KeysInterface;
use larder_core::invalidation::selector::{KeyScope, Selector};
use larder_core::lease::Holder;
use larder_core::monitoring::{EntryPage, LeaseState};
use larder_core::store::{ScanCursor, StoreError};
use larder_core::stored::address;

use crate::patience::{backstop, wait_within};
use crate::scan::{limit, scan_selected, scan_variants};
use crate::store::Inner;

/// The first bytes of a value, up to its kind.
const KIND_END: usize = 3;
/// The kind of a value that names the fields which select a variant.
const VARIANTS: u8 = 2;

/// Finds a page of entries that the selector names.
pub(crate) async fn find(
    inner: &Inner,
    selector: &Selector,
    from: Option<ScanCursor>,
) -> Result<EntryPage, StoreError> {
    match (selector.key_scope(), from) {
        (KeyScope::Unknown, _) => Ok(EntryPage::default()),
        (KeyScope::Exact(key), None) => find_key(inner, &key).await,
        (KeyScope::Exact(key), Some(sweep)) => {
            let page = scan_variants(inner, &key, sweep.cursor).await?;
            let next = (page.cursor != 0).then_some(ScanCursor { cursor: page.cursor, ..sweep });
            Ok(EntryPage { addresses: addresses(inner, page.names), next })
        }
        (KeyScope::Scan(texts), from) => {
            let page = scan_selected(inner, selector, &texts, from.unwrap_or_default()).await?;
            Ok(page.map_or_else(EntryPage::default, |page| EntryPage {
                addresses: addresses(inner, page.names),
                next: page.next,
            }))
        }
    }
}

/// Looks for a key by itself. The next page has its variants, if it has any.
async fn find_key(inner: &Inner, key: &str) -> Result<EntryPage, StoreError> {
    let address = address::primary(key);
    let name = inner.keys.response(&address);
    let client = inner.data.within(backstop(limit(inner)));
    let waited = wait_within(limit(inner), client.getrange::<Bytes, _>(name, 0, KIND_END)).await;
    let head = inner.settle_on(&inner.data, key, None, waited)?;
    let next = (head.get(KIND_END) == Some(&VARIANTS)).then(ScanCursor::default);
    let addresses = if head.is_empty() { Vec::new() } else { vec![address] };
    Ok(EntryPage { addresses, next })
}

fn addresses(inner: &Inner, names: Vec<String>) -> Vec<String> {
    let address = |name: String| inner.keys.address_in(&name).map(str::to_owned);
    names.into_iter().filter_map(address).collect()
}

/// Reads the lease at an address.
pub(crate) async fn lease(inner: &Inner, address: &str) -> Result<Option<LeaseState>, StoreError> {
    let client = inner.data.within(backstop(limit(inner)));
    let get = client.get::<Option<Bytes>, _>(inner.keys.lease(address));
    let waited = wait_within(limit(inner), get).await;
    Ok(inner.settle_on(&inner.data, address, None, waited)?.as_deref().and_then(lease_state))
}

/// Reads the value of a lease. `claim.lua` and `release.lua` write it.
fn lease_state(value: &[u8]) -> Option<LeaseState> {
    match value {
        b"pass" => Some(LeaseState::Uncacheable),
        b"later" => Some(LeaseState::RetryLater),
        value => Holder::from_bytes(value).map(LeaseState::Held),
    }
}

#[cfg(test)]
mod tests {
    use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
    use larder_core::lease::LeaseId;

    use super::*;

    #[test]
    fn a_lease_is_read_for_what_it_is() {
        let watermark = Watermark { log: LogId::new(1, 2), local: 0 };
        let position = Position { incarnation: Incarnation::from_bytes([7; 16]), watermark };
        let holder = Holder { id: LeaseId::from_bytes([1; 16]), position };
        assert_eq!(lease_state(&holder.to_bytes()), Some(LeaseState::Held(holder)));
        assert_eq!(lease_state(b"pass"), Some(LeaseState::Uncacheable));
        assert_eq!(lease_state(b"later"), Some(LeaseState::RetryLater));
        assert_eq!(lease_state(b"else"), None);
    }
}
