//! The user's side of write-behind: what brings writes to the database.

use std::future::Future;

use crate::values::behind::flush_result::{FlushError, Flushed};

/// Brings queued writes to the database. `W` is the [`Write`] of a write-behind collection, or an
/// [`Operation`](crate::values::Operation).
///
/// Each write comes at least once: it comes again if the instance ends, or loses the connection to
/// its store, after the commit.
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
/// A flush returns the number of rows that it changed. The writes that were ignored are
/// [counted](crate::values::WriteBehindStats::ignored).
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
/// use larder::values::{FlushError, Flushed, Sink, Write};
///
/// /// A table of carts: the sequence number, and the items unless the cart was deleted.
/// #[derive(Default)]
/// struct Carts(Mutex<HashMap<u64, (u64, Option<Vec<String>>)>>);
///
/// impl Sink<Write<u64, Vec<String>>> for Carts {
///     async fn flush(&self, batch: &[Write<u64, Vec<String>>]) -> Result<Flushed, FlushError> {
///         let mut table = self.0.lock().map_err(|_| FlushError::unavailable("lock is poisoned"))?;
///         let mut rows = 0;
///         for Write { key, sequence, value } in batch {
///             let row = table.entry(*key).or_default();
///             if row.0 < *sequence {
///                 *row = (*sequence, value.clone());
///                 rows += 1;
///             }
///         }
///         Ok(Flushed::rows(rows))
///     }
/// }
/// ```
pub trait Sink<W>: Send + Sync + 'static {
    /// Writes a batch to the database, commits it, and returns how many rows changed.
    ///
    /// # Errors
    ///
    /// Returns an error if any write of the batch is not committed. Writes that are committed
    /// nevertheless come again.
    fn flush(&self, batch: &[W]) -> impl Future<Output = Result<Flushed, FlushError>> + Send;
}

/// A write on its way to the database: a value, or a deletion.
///
/// A batch has at most one write for each key. Destructure it, as the example of [`Sink`] does: the
/// compiler then reports a sequence number that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A pattern has to name all fields.
pub struct Write<K, V> {
    /// The key.
    pub key: K,
    /// The sequence number, which grows with each write of the same key.
    ///
    /// Store it with the row, and ignore the write if the row has the same one or a higher one.
    pub sequence: u64,
    /// The value. `None` is a deletion.
    pub value: Option<V>,
}
