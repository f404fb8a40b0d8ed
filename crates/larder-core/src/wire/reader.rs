//! The elements with which values are read.

use bytes::Bytes;

use super::error::WireErrorKind;

/// Maximum number of items for which memory is reserved before they are seen.
///
/// The number that a list announces is not believed.
pub const MAX_RESERVED: usize = 64;

/// A reader from the front of a value. Input that does not fit is [`WireErrorKind::Malformed`].
pub struct Reader<'v> {
    value: &'v Bytes,
    rest: &'v [u8],
}

impl<'v> Reader<'v> {
    pub fn new(value: &'v Bytes) -> Self {
        Self { value, rest: value }
    }

    /// Returns how many bytes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Checks that nothing is left.
    pub fn end(&self) -> Result<(), WireErrorKind> {
        match self.rest {
            [] => Ok(()),
            _ => Err(WireErrorKind::Malformed),
        }
    }

    /// Reads the next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireErrorKind> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(WireErrorKind::Malformed)?;
        self.rest = rest;
        Ok(*array)
    }

    /// Reads a length. It is only a number yet, and may be anything.
    #[inline]
    pub fn length(&mut self) -> Result<usize, WireErrorKind> {
        match self.rest {
            // Most lengths are short.
            [byte @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(usize::from(*byte))
            }
            _ => self.long_length(),
        }
    }

    fn long_length(&mut self) -> Result<usize, WireErrorKind> {
        let mut length = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let [byte] = self.array()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(length);
            }
        }
        Err(WireErrorKind::Malformed)
    }

    /// Reads bytes that are preceded by their number.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'v [u8], WireErrorKind> {
        let length = self.length()?;
        self.take(length)
    }

    /// Reads this many bytes.
    #[inline]
    pub fn take(&mut self, length: usize) -> Result<&'v [u8], WireErrorKind> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(WireErrorKind::Malformed)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads bytes that are preceded by their number, as a slice that keeps the value alive.
    #[inline]
    pub fn shared(&mut self) -> Result<Bytes, WireErrorKind> {
        self.bytes().map(|bytes| self.value.slice_ref(bytes))
    }

    /// Returns what was read since this many bytes were [left](Self::left), as a slice that keeps
    /// the value alive.
    #[inline]
    #[must_use]
    pub fn shared_since(&self, left: usize) -> Bytes {
        let len = self.value.len();
        self.value.slice(len - left.min(len)..len - self.left())
    }

    /// Reads items that are preceded by their number. Each must take at least one byte.
    pub fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, WireErrorKind>,
    ) -> Result<Vec<T>, WireErrorKind> {
        let length = self.length()?;
        let mut items = Vec::with_capacity(length.min(MAX_RESERVED));
        for _ in 0..length {
            items.push(read(self)?);
        }
        Ok(items)
    }
}
