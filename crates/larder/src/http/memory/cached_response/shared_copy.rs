//! The value that the shared tier has of a response, as far as this process knows it.

use larder_core::stored::address;

use super::CachedResponse;
use crate::engine::lease::claim::ClaimTarget;
use crate::engine::lease::known_fingerprint::KnownFingerprint;

/// The value that the shared tier has of a response.
pub(super) type SharedCopy = KnownFingerprint;

impl CachedResponse {
    /// Notes the fingerprint of the value that was read from the shared tier, or is written there.
    ///
    /// The write may fail, or another value may replace it. A claim then finds what is there.
    pub(crate) fn note_shared_copy(&self, fingerprint: Option<[u8; 8]>) {
        self.shared_copy.set(fingerprint);
    }

    /// Returns the target of a claim by an instance that cannot use this response.
    ///
    /// Returns `None` if it is unknown which value the shared tier has of it. A lookup finds out.
    pub(crate) fn claim_target(&self) -> Option<ClaimTarget> {
        let fingerprint = self.shared_copy.get()?;
        let key = &self.meta.key;
        let address = match self.variant() {
            0 => address::primary(key),
            variant => address::variant(key, variant),
        };
        Some(ClaimTarget { address, fingerprint: Some(fingerprint), is_looked_up: false })
    }
}
