//! Values that are compressed in Redis.
//!
//! A value that is longer than the limit of [`compress_over`] is compressed before it is written,
//! and decompressed after it was read. Nothing else notices: the cache gets the value that it
//! stored, and its checksum covers that value. So an instance reads compressed values whatever its
//! own limit is.
//!
//! * [`form`]: the form of a compressed value;
//! * [`codec`]: zstd, with the feature `compress`;
//! * [`jobs`]: a bounded number of jobs in threads for blocking work, for large values;
//! * [`noise`]: a quick check for values that are compressed already.
//!
//! [`compress_over`]: crate::RedisStoreBuilder::compress_over

mod codec;
mod form;
mod jobs;
mod noise;
#[cfg(all(test, feature = "compress"))]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use larder_core::store::{StoreError, StoreErrorKind};
use tokio::runtime::Handle;

use self::form::{compress, decompress, stated_length};
use self::jobs::Jobs;

/// The maximum size of a value that is compressed without a job. That takes about 0.1 ms.
const MAX_INLINE_TO_COMPRESS: usize = 16 * 1024;
/// The maximum size of the values that are decompressed without a job. That takes about 0.1 ms.
const MAX_INLINE_TO_DECOMPRESS: usize = 64 * 1024;

/// Compresses values on their way to Redis, and decompresses those that come from there.
pub(crate) struct Compression {
    /// Longer values are compressed. `None` if none are.
    over: Option<usize>,
    /// Jobs that decompress. They do not wait for those that compress.
    reads: Jobs,
    writes: Jobs,
}

impl Compression {
    /// Creates the compression of a store. A job begins within `max_wait`, or not at all.
    pub(crate) fn new(over: Option<usize>, max_wait: Duration) -> Self {
        Self { over, reads: Jobs::new(max_wait), writes: Jobs::new(max_wait) }
    }

    /// Returns the form in which to store a value: compressed, or as it is.
    ///
    /// A value is stored as it is if that saves little, or if too many others are being compressed.
    pub(crate) async fn compress(&self, runtime: Handle, value: Bytes) -> Bytes {
        match self.over {
            Some(over) if value.len() > over => {}
            _ => return value,
        }
        if value.len() <= MAX_INLINE_TO_COMPRESS {
            return compress(&value).unwrap_or(value);
        }
        let job = {
            let value = value.clone();
            move || compress(&value)
        };
        self.writes.run(runtime, job).await.flatten().unwrap_or(value)
    }

    /// Returns the value that was stored in this form.
    ///
    /// A compressed value that is broken becomes one whose checksum does not fit.
    pub(crate) async fn decompress(&self, runtime: Handle, stored: Bytes) -> Result<Bytes, StoreError> {
        let mut values = self.decompress_all(runtime, vec![Some(stored)]).await?;
        Ok(values.pop().flatten().unwrap_or_default())
    }

    /// Returns the values that were stored in these forms.
    pub(crate) async fn decompress_all(
        &self,
        runtime: Handle,
        mut stored: Vec<Option<Bytes>>,
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        let lengths = stored.iter().flatten().filter_map(|value| stated_length(value));
        if lengths.fold(0, usize::saturating_add) <= MAX_INLINE_TO_DECOMPRESS {
            decompress_each(&mut stored);
            return Ok(stored);
        }
        let job = move || {
            decompress_each(&mut stored);
            stored
        };
        let late = || StoreError::new(StoreErrorKind::Timeout, "too many values are being decompressed");
        self.reads.run(runtime, job).await.ok_or_else(late)
    }
}

/// Whether the value has to be decompressed.
pub(crate) fn is_compressed(stored: &[u8]) -> bool {
    stated_length(stored).is_some()
}

fn decompress_each(values: &mut [Option<Bytes>]) {
    for value in values.iter_mut().flatten() {
        if is_compressed(value) {
            *value = decompress(value);
        }
    }
}
