//! An operation as the sink gets it.

/// An operation on its way to the database, for a [`Sink`](crate::values::Sink).
///
/// A batch can have several operations of one key, each in its order. None of them is left out or
/// merged with another one.
///
/// # Apply each operation once
///
/// An operation comes again if the instance ends, or loses the connection to its store, after the
/// commit. A counter would count it twice. So **apply a batch in one transaction, store the
/// sequence number with each row, and ignore an operation whose number is not higher**:
///
/// ```sql
/// -- Once for each operation of the batch, in its order, in one transaction.
/// INSERT INTO page_views (page, views, seq) VALUES ($1, $2, $3)
/// ON CONFLICT (page) DO UPDATE
/// SET views = page_views.views + excluded.views, seq = excluded.seq
/// WHERE page_views.seq < excluded.seq
/// ```
///
/// The number is only right if the order of the key is kept. **If an operation fails, roll back the
/// later ones of its key as well.** Otherwise the failed one is ignored when it comes again, and is
/// lost. A transaction does that.
///
/// A statement that inserts all operations at once fails if two of them have the same key. An
/// `UPDATE` alone loses the operations of a key that has no row.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use larder::values::{FlushError, Flushed, Operation, Sink};
///
/// /// A table of views by page: the sequence number, and the number of views.
/// #[derive(Default)]
/// struct PageViews(Mutex<HashMap<u64, (u64, u64)>>);
///
/// impl Sink<Operation<u64, u64>> for PageViews {
///     async fn flush(&self, batch: &[Operation<u64, u64>]) -> Result<Flushed, FlushError> {
///         let mut table = self.0.lock().map_err(|_| FlushError::unavailable("lock is poisoned"))?;
///         let mut rows = 0;
///         for Operation { key, sequence, operation: views } in batch {
///             let row = table.entry(*key).or_default();
///             if row.0 < *sequence {
///                 *row = (*sequence, row.1 + views);
///                 rows += 1;
///             }
///         }
///         Ok(Flushed::rows(rows))
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A pattern has to name all fields.
pub struct Operation<K, Op> {
    /// The key.
    pub key: K,
    /// The sequence number, which grows with each operation of the same key.
    ///
    /// Store it with the row, and ignore the operation if the row has the same one or a higher one.
    pub sequence: u64,
    /// The operation.
    pub operation: Op,
}
