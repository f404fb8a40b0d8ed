//! Large values, which have a connection of their own.
//!
//! The answers on one connection come one after the other. A small value would wait for all of a
//! large one. So a large value is stored under a name of its own, and a short *reference* to it is
//! stored under the key. The reference has the position and the fingerprint of the value, so
//! scripts treat it like the value.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fred::interfaces::KeysInterface;
use fred::types::Expiration;
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::stored::wire;

use crate::connection::Connection;
use crate::expiry::millis;
use crate::patience::{Waited, backstop, wait_within};

/// The maximum size of a value that is stored under its key itself.
pub(crate) const MAX_INLINE: usize = 128 * 1024;

/// The speed at which large values have to be transferred, in bytes per second: 32 Mbit/s.
const MIN_SPEED: usize = 4 * 1024 * 1024;

/// The version byte of a reference. It is not that of any value.
const VERSION: u8 = 0;
const VERSION_AT: usize = 2;
const LEN: usize = wire::LOG_ID.end + 8 + 8;

/// Returns how long the transfer of this many bytes may take.
pub(crate) fn transfer_time(bytes: usize) -> Duration {
    Duration::from_secs_f64(bytes as f64 / MIN_SPEED as f64)
}

/// A reference to a large value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reference {
    len: usize,
    fingerprint: [u8; 8],
}

impl Reference {
    /// Returns the reference to store for this value, if the value is large.
    ///
    /// A value without a position has to be stored under its key, because scripts compare
    /// positions.
    pub(crate) fn encode_for(value: &[u8]) -> Option<Bytes> {
        if value.len() <= MAX_INLINE || !value.starts_with(b"LR") {
            return None;
        }
        let mut bytes = value.get(..wire::LOG_ID.end)?.to_vec();
        bytes[VERSION_AT] = VERSION;
        bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&wire::fingerprint(value)?);
        Some(bytes.into())
    }

    /// Reads a reference. Returns `None` if the value is not a reference.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        if value.len() != LEN || !value.starts_with(b"LR") || value[VERSION_AT] != VERSION {
            return None;
        }
        let len = value.get(wire::LOG_ID.end..)?.first_chunk().copied().map(u64::from_le_bytes)?;
        Some(Self { len: usize::try_from(len).ok()?, fingerprint: wire::fingerprint(value)? })
    }

    fn leads_to(&self, value: &[u8]) -> bool {
        value.len() == self.len && wire::fingerprint(value) == Some(self.fingerprint)
    }
}

/// The connection for large values.
pub(crate) struct LargeValues {
    pub(crate) link: Arc<Connection>,
    command_timeout: Duration,
    /// The bytes that are being transferred, or that wait for their turn.
    in_flight: AtomicUsize,
    /// The names of the values that are being read, one for each read.
    reads: Mutex<Vec<String>>,
}

impl LargeValues {
    pub(crate) fn new(link: Arc<Connection>, command_timeout: Duration) -> Self {
        Self { link, command_timeout, in_flight: AtomicUsize::new(0), reads: Mutex::default() }
    }

    /// Returns the value that the reference leads to. `None` if it is gone or was replaced.
    pub(crate) async fn get(&self, name: String, reference: &Reference) -> Result<Option<Bytes>, StoreError> {
        let transfer = self.begin(reference.len);
        let _read = self.begin_read(name.clone());
        let client = self.link.within(backstop(transfer.limit));
        let waited = wait_within(transfer.limit, client.get::<Option<Bytes>, _>(&name)).await;
        Ok(self.settle(waited)?.filter(|value| reference.leads_to(value)))
    }

    /// Stores a value under this name.
    pub(crate) async fn set(&self, name: String, value: Bytes, expiry: Duration) -> Result<(), StoreError> {
        let transfer = self.begin(value.len());
        let client = self.link.within(backstop(transfer.limit));
        let expiry = Some(Expiration::PX(millis(expiry)));
        let waited = wait_within(transfer.limit, client.set(name, value, expiry, None, false)).await;
        self.settle(waited)
    }

    /// Notes that the value of this name is being read, until the result is dropped.
    pub(crate) fn begin_read(&self, name: String) -> Read<'_> {
        lock(&self.reads).push(name.clone());
        Read { reads: &self.reads, name }
    }

    /// Whether the value of this name is being read.
    pub(crate) fn is_reading(&self, name: &str) -> bool {
        lock(&self.reads).iter().any(|read| read == name)
    }

    /// Counts a transfer. Its time limit grows with all that is to be transferred before its end.
    fn begin(&self, bytes: usize) -> Transfer<'_> {
        let all = self.in_flight.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        Transfer { values: self, bytes, limit: self.command_timeout + transfer_time(all) }
    }

    /// Converts the result of a transfer. Its time says more about the network than about Redis, so
    /// it does not concern the circuit breaker.
    fn settle<T>(&self, waited: Waited<T>) -> Result<T, StoreError> {
        waited.result.map_err(|error| {
            let error = self.link.to_store_error(&error);
            if error.kind() == StoreErrorKind::Timeout && !waited.wait.was_starved {
                // Otherwise the rest of this value would delay the next one.
                self.link.reconnect();
            }
            error
        })
    }
}

/// A transfer of a large value, which counts while it lasts.
struct Transfer<'a> {
    values: &'a LargeValues,
    bytes: usize,
    limit: Duration,
}

impl Drop for Transfer<'_> {
    fn drop(&mut self) {
        self.values.in_flight.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A read of a large value, which is known while it lasts.
pub(crate) struct Read<'a> {
    reads: &'a Mutex<Vec<String>>,
    name: String,
}

impl Drop for Read<'_> {
    fn drop(&mut self) {
        let mut reads = lock(self.reads);
        if let Some(at) = reads.iter().position(|read| *read == self.name) {
            reads.swap_remove(at);
        }
    }
}

fn lock(reads: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    reads.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_the_head_and_the_fingerprint_of_its_value() {
        let mut value = b"LR\x01\x01".to_vec();
        value.extend((0..=255).cycle().take(MAX_INLINE));
        let bytes = Reference::encode_for(&value).unwrap();
        assert_eq!(bytes.len(), LEN);
        assert_eq!(bytes[3..36], value[3..36]);
        assert_eq!(wire::fingerprint(&bytes), wire::fingerprint(&value));
        let reference = Reference::decode(&bytes).unwrap();
        assert!(reference.leads_to(&value));
        assert!(!reference.leads_to(&value[1..]));
        value.pop();
        value.push(7);
        assert!(!reference.leads_to(&value));
    }

    #[test]
    fn small_and_foreign_values_have_none() {
        assert_eq!(Reference::encode_for(&b"LR".repeat(MAX_INLINE / 2)), None);
        assert_eq!(Reference::encode_for(&b"XX".repeat(MAX_INLINE)), None);
        for value in [&b""[..], b"LR\0", &[b'L'; LEN], &b"LR\x01\x01".repeat(LEN / 4)] {
            assert_eq!(Reference::decode(value), None);
        }
    }
}
