//! zstd, with the feature `compress`.
//!
//! Each thread keeps its contexts, because creating one takes longer than a small value.

#[cfg(feature = "compress")]
pub(super) use with_zstd::{IS_AVAILABLE, compress, content_len, decompress};
#[cfg(not(feature = "compress"))]
pub(super) use without_zstd::{IS_AVAILABLE, compress, content_len, decompress};

#[cfg(feature = "compress")]
mod with_zstd {
    use std::cell::RefCell;

    use zstd::bulk::{Compressor, Decompressor};
    use zstd::zstd_safe::get_frame_content_size;

    pub(in super::super) const IS_AVAILABLE: bool = true;

    /// The level between which and the next one the time doubles, and JSON gets a few percent
    /// smaller.
    const LEVEL: i32 = 3;

    thread_local! {
        static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }

    /// Writes a frame to the start of `frame`, and returns its length. `None` if it does not fit.
    pub(in super::super) fn compress(content: &[u8], frame: &mut [u8]) -> Option<usize> {
        COMPRESSOR.with_borrow_mut(|compressor| {
            if compressor.is_none() {
                *compressor = Compressor::new(LEVEL).ok();
            }
            compressor.as_mut()?.compress_to_buffer(content, frame).ok()
        })
    }

    /// Returns the length that the frame states for its content.
    pub(in super::super) fn content_len(frame: &[u8]) -> Option<u64> {
        get_frame_content_size(frame).ok()?
    }

    /// Writes the content of a frame, which has to fill `content`.
    pub(in super::super) fn decompress(frame: &[u8], content: &mut [u8]) -> Option<()> {
        let length = DECOMPRESSOR.with_borrow_mut(|decompressor| {
            if decompressor.is_none() {
                *decompressor = Decompressor::new().ok();
            }
            decompressor.as_mut()?.decompress_to_buffer(frame, content).ok()
        })?;
        (length == content.len()).then_some(())
    }
}

#[cfg(not(feature = "compress"))]
mod without_zstd {
    /// Without the feature, no value is compressed, and a compressed one is of another version.
    pub(in super::super) const IS_AVAILABLE: bool = false;

    pub(in super::super) const fn compress(_: &[u8], _: &mut [u8]) -> Option<usize> {
        None
    }

    pub(in super::super) const fn content_len(_: &[u8]) -> Option<u64> {
        None
    }

    pub(in super::super) const fn decompress(_: &[u8], _: &mut [u8]) -> Option<()> {
        None
    }
}
