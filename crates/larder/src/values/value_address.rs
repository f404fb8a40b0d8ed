//! The address of a value in the shared tier.

use std::ops::Range;
use std::sync::Arc;

use arrayvec::ArrayString;
use larder_core::stored::address;

use crate::engine::lease::claim::ClaimTarget;
use crate::values::value_key::{ValueKey, key_buffer};

/// The maximum length of an address that is made without a buffer on the heap, in bytes.
const INLINE: usize = 256;

/// The last bytes of a value in the shared tier, or `None` if there is no readable value.
pub(super) type Fingerprint = Option<[u8; 8]>;

/// The address of a value in the shared tier, which contains its encoded key.
///
/// Each hit in the shared tier makes one, so it is a single allocation.
#[derive(Clone)]
pub(super) struct ValueAddress(Arc<str>);

impl ValueAddress {
    /// Returns the address of the value with this key, or `None` if the key is too long.
    pub(super) fn new(collection: &str, key: &impl ValueKey) -> Option<Self> {
        key_buffer(collection, key).as_str().map(Self::from_text)
    }

    /// Returns the address that is this text.
    pub(super) fn from_address(address: &str) -> Self {
        Self(address.into())
    }

    /// Returns the address of the value with this encoded key.
    pub(super) fn from_text(text: &str) -> Self {
        let mut inline = ArrayString::<INLINE>::new();
        let fits = ["{", text, "}"].iter().all(|part| inline.try_push_str(part).is_ok());
        Self(if fits { inline.as_str().into() } else { address::primary(text).into() })
    }

    pub(super) const fn as_shared(&self) -> &Arc<str> {
        &self.0
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the encoded key.
    pub(super) fn text(&self) -> &str {
        text_of(&self.0)
    }

    /// Returns the target of a lease claim, after a lookup has seen this fingerprint.
    pub(super) fn target(&self, fingerprint: Fingerprint) -> ClaimTarget {
        ClaimTarget { address: self.as_str().to_owned(), fingerprint, is_looked_up: true }
    }

    /// Returns the target of a lease claim without a lookup before.
    ///
    /// The value with this fingerprint is known to be of no use.
    pub(super) fn known_target(&self, fingerprint: [u8; 8]) -> ClaimTarget {
        ClaimTarget { is_looked_up: false, ..self.target(Some(fingerprint)) }
    }
}

/// Returns the encoded key in an address, which is the key in braces.
pub(super) fn text_of(address: &str) -> &str {
    address.get(1..address.len().saturating_sub(1)).unwrap_or_default()
}

/// Adds the address of the value with this key to a text, and returns its place there.
///
/// Returns `None` if the key is too long.
pub(super) fn push_address(
    addresses: &mut String,
    collection: &str,
    key: &impl ValueKey,
) -> Option<Range<usize>> {
    let buffer = key_buffer(collection, key);
    let (text, begin) = (buffer.as_str()?, addresses.len());
    addresses.push('{');
    addresses.push_str(text);
    addresses.push('}');
    Some(begin..addresses.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_key_in_braces_whatever_its_length() {
        for length in [0, 1, 200, 249, 250, 251, 252, 300, 5_000] {
            let text = format!("v|a|{}", "x".repeat(length));
            let address = ValueAddress::new("a", &"x".repeat(length)).unwrap();
            assert_eq!(address.as_str(), address::primary(&text));
            assert_eq!(address.text(), text);
            let mut all = String::from("{another}");
            let place = push_address(&mut all, "a", &"x".repeat(length)).unwrap();
            assert_eq!(&all[place], address.as_str());
        }
        assert!(ValueAddress::new("a", &"x".repeat(10_000)).is_none());
    }
}
