//! The elements with which values are written.

/// The destination of a value.
pub trait Sink {
    /// Appends the bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A sink that counts the bytes written to it.
pub struct Count(pub usize);

impl Sink for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// Writes a length: seven bits per byte, the lowest first (LEB128).
///
/// The highest bit of a byte means that more bytes follow.
pub fn length(sink: &mut dyn Sink, length: usize) {
    let mut rest = length;
    while rest >= 0x80 {
        let [low, ..] = rest.to_le_bytes();
        sink.put(&[low | 0x80]);
        rest >>= 7;
    }
    let [low, ..] = rest.to_le_bytes();
    sink.put(&[low]);
}

/// Writes bytes, preceded by their number.
pub fn bytes(sink: &mut dyn Sink, bytes: &[u8]) {
    length(sink, bytes.len());
    sink.put(bytes);
}

/// Writes items, preceded by their number.
pub fn list<T>(sink: &mut dyn Sink, items: &[T], write: impl Fn(&mut dyn Sink, &T)) {
    length(sink, items.len());
    for item in items {
        write(sink, item);
    }
}
