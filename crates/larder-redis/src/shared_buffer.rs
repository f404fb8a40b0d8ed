//! Arguments of a command that share a buffer.

use bytes::BytesMut;
use fred::types::Value;

/// A buffer for the texts of many arguments.
///
/// An argument with a buffer of its own costs two allocations: the second one counts its users,
/// since the arguments are cloned on their way to the server. Here, all of them share these two.
pub(crate) struct SharedBuffer(BytesMut);

impl SharedBuffer {
    /// Creates a buffer with room for this many bytes. It grows if there are more.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(BytesMut::with_capacity(bytes))
    }

    /// Returns an argument with these bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Value {
        self.add_all([bytes])
    }

    /// Returns an argument with all of these bytes, one after the other.
    pub(crate) fn add_all<'a>(&mut self, parts: impl IntoIterator<Item = &'a [u8]>) -> Value {
        for part in parts {
            self.0.extend_from_slice(part);
        }
        Value::Bytes(self.0.split().freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::bytes;

    #[test]
    fn each_argument_has_its_own_bytes_also_if_there_are_more_than_expected() {
        let mut buffer = SharedBuffer::with_capacity(3);
        let texts = ["ab", "", "c", "and more than fit"];
        let values = texts.map(|text| buffer.add(text.as_bytes()));
        for (value, text) in values.iter().zip(texts) {
            assert_eq!(bytes(value).unwrap(), text);
        }
    }
}
