//! The user's side of a write-behind collection: what brings writes to the database.

use std::error::Error;
use std::fmt;
use std::future::Future;

/// Brings the writes of a write-behind collection to the database.
///
/// A batch has at most one write for each key. Each write comes at least once: it comes again if
/// the instance ends, or loses the connection to its store, after the commit.
///
/// # Compare sequence numbers
///
/// An instance that was paused may flush an old write after another instance has flushed a newer
/// one of the same key. So **store the sequence number with each row, and ignore a write whose
/// number is not higher.** That also makes a repeated write harmless. Keep the row of a deleted
/// value, with its sequence number and without a value. Compare sequence numbers only within one
/// key.
///
/// ```sql
/// INSERT INTO carts (id, items, seq) VALUES ($1, $2, $3)
/// ON CONFLICT (id) DO UPDATE SET items = excluded.items, seq = excluded.seq
/// WHERE carts.seq < excluded.seq
/// ```
///
/// A sequence number is a number of microseconds since 1970 or a little higher, so it fits into a
/// `BIGINT`.
///
/// # Errors
///
/// If a batch fails, each of its writes is tried on its own, so one write that the database rejects
/// does not stop the others. A write that fails again and again goes to the
/// [quarantine](crate::values::WriteBehind::dead_letters). If the database cannot be reached, return
/// [`FlushError::unavailable`]: that is never the fault of a write.
///
/// A panic and a flush that takes longer than
/// [`flush_timeout`](crate::values::WriteBehindBuilder::flush_timeout) count as failures. After the
/// timeout, the future is dropped.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use larder::values::{FlushError, Sink, Write};
///
/// /// A table of carts: the sequence number, and the items unless the cart was deleted.
/// #[derive(Default)]
/// struct Carts(Mutex<HashMap<u64, (u64, Option<Vec<String>>)>>);
///
/// impl Sink<u64, Vec<String>> for Carts {
///     async fn flush(&self, batch: &[Write<u64, Vec<String>>]) -> Result<(), FlushError> {
///         let mut rows = self.0.lock().map_err(|_| FlushError::unavailable("lock is poisoned"))?;
///         for write in batch {
///             let row = rows.entry(*write.key()).or_default();
///             if row.0 < write.sequence() {
///                 *row = (write.sequence(), write.value().cloned());
///             }
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Sink<K, V>: Send + Sync + 'static {
    /// Writes a batch to the database, and commits it.
    ///
    /// # Errors
    ///
    /// Returns an error if any write of the batch is not committed. Writes that are committed
    /// nevertheless come again.
    fn flush(&self, batch: &[Write<K, V>]) -> impl Future<Output = Result<(), FlushError>> + Send;
}

/// A write on its way to the database: a value, or a deletion.
#[derive(Debug, Clone)]
pub struct Write<K, V> {
    pub(super) key: K,
    pub(super) value: Option<V>,
    pub(super) sequence: u64,
    /// The name of the write in the queue.
    pub(super) place: u64,
    pub(super) text: String,
}

impl<K, V> Write<K, V> {
    /// Returns the key.
    #[must_use]
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// Returns the value. `None` is a deletion.
    #[must_use]
    pub const fn value(&self) -> Option<&V> {
        self.value.as_ref()
    }

    /// Returns the sequence number, which grows with each write of the same key.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }
}

/// The error of a [`Sink`].
///
/// Every error converts to it, as a failure that a write may be the cause of.
pub struct FlushError {
    cause: Box<dyn Error + Send + Sync>,
    is_unavailable: bool,
}

impl FlushError {
    /// Creates the error of a batch that failed. One of its writes may be the cause.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), is_unavailable: false }
    }

    /// Creates the error of a database that cannot be used. No write is the cause.
    ///
    /// The flush is repeated for as long as it takes, and nothing goes to the quarantine.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), is_unavailable: true }
    }

    /// Whether the database cannot be used.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for FlushError {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

// Not an `Error` itself. Otherwise, not every error could convert to it.
impl fmt::Debug for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlushError")
            .field("cause", &self.cause)
            .field("is_unavailable", &self.is_unavailable)
            .finish()
    }
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}
