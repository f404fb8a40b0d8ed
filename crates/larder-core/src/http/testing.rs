//! Helpers for the tests of this module.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::time::Wall;

/// Sun, 06 Nov 1994 08:49:37 GMT.
pub(super) const NOVEMBER: Wall = Wall::from_unix_millis(784_111_777_000);

/// Creates a header map with these lines, in this order. Values are taken as UTF-8 bytes.
///
/// A name may have several lines.
pub(super) fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), value)
        })
        .fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        })
}

pub(super) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
