//! The buffer of a stored response, and the size of the response in memory.

use bytes::Bytes;

use super::CachedResponse;
use crate::engine::allocated_size::{allocated_arc, allocated_bytes};

/// The maximum length of a body that is copied into the buffer of its response.
///
/// For a larger one, the copy costs more than the few bytes are worth.
pub(super) const MAX_GATHERED: usize = 4 * 1024;

impl CachedResponse {
    /// Moves the names, the values of the fields and a small body into one buffer of their size.
    ///
    /// Each buffer has a reference count and what the allocator adds. And what a hit reads lies
    /// together.
    pub(super) fn gather(&mut self) {
        let (names_len, values_len) = (self.meta.names.weight(), self.fields.values_len());
        let body = if Self::is_gathered(self.body.len()) { self.body.clone() } else { Bytes::new() };
        let mut buffer = Vec::with_capacity(names_len + values_len + body.len());
        self.meta.names.write_to(&mut buffer);
        self.fields.write_values_to(&mut buffer);
        buffer.extend_from_slice(&body);
        let mut buffer = Bytes::from(buffer);
        self.meta.names = self.meta.names.moved_to(buffer.split_to(names_len));
        self.fields.move_values_to(buffer.split_to(values_len));
        if !body.is_empty() {
            self.body = buffer;
        }
    }

    /// Whether a body of this length is moved into the buffer of the response.
    pub(super) const fn is_gathered(length: usize) -> bool {
        length <= MAX_GATHERED
    }

    /// Returns the number of bytes that the response takes in memory, besides the text of its key.
    ///
    /// This is what an allocator takes, to a few per cent.
    pub(crate) fn weight(&self) -> u64 {
        let is_gathered = Self::is_gathered(self.body.len());
        let gathered = if is_gathered { self.body.len() } else { 0 };
        let sum = allocated_arc(size_of::<Self>())
            + allocated_bytes(self.meta.names.weight() + self.fields.values_len() + gathered)
            + if is_gathered { 0 } else { allocated_bytes(self.body.len()) }
            + self.fields.table_weight()
            + self.meta.rare_weight()
            + self.coded.weight();
        sum as u64
    }
}
