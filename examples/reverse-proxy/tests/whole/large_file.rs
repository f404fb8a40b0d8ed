//! An origin with a file of 100 MB.

use std::sync::LazyLock;

use crate::support::{Origin, Wire, field};

pub(crate) const LEN: usize = 100_000_000;
pub(crate) const ETAG: &str = "\"v1\"";

/// Bytes that differ from place to place, so that a part in the wrong place is seen.
pub(crate) static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..LEN as u64 / 8).flat_map(|word| (word.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_le_bytes()).collect()
});

/// Starts an origin that sends the file at every path, or the range that a request asks for.
pub(crate) async fn origin(fields: &'static str) -> Origin {
    Origin::answering(move |wire, head| send(wire, head, fields)).await
}

async fn send(mut wire: Wire, request: String, fields: &str) {
    let range = range(&request);
    let (status, range_field) = match &range {
        Some(start) => ("206 Partial Content", format!("Content-Range: bytes {start}-{}/{LEN}\r\n", LEN - 1)),
        None => ("200 OK", String::new()),
    };
    let part = &FILE[range.unwrap_or(0)..];
    wire.write(&head(status, part.len(), &format!("{range_field}{fields}"))).await;
    for chunk in part.chunks(1 << 20) {
        if wire.write_bytes(chunk).await.is_err() {
            return;
        }
    }
}

/// Returns the head of a response with a body of this length.
pub(crate) fn head(status: &str, length: usize, fields: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nETag: {ETAG}\r\nAccept-Ranges: bytes\r\nContent-Length: {length}\r\n{fields}Connection: close\r\n\r\n"
    )
}

/// Returns the start of the range that a request asks for, if the range counts.
fn range(head: &str) -> Option<usize> {
    let range = field(head, "range").first()?.strip_prefix("bytes=")?.strip_suffix('-')?;
    let counts = field(head, "if-range").first().is_none_or(|etag| *etag == ETAG);
    range.parse().ok().filter(|_| counts)
}

/// Panics unless this is the file from `start` on. The bytes are not printed.
#[track_caller]
pub(crate) fn assert_is_file_from(start: usize, body: &[u8]) {
    assert_eq!(body.len(), LEN - start);
    assert!(body == &FILE[start..], "the bytes differ");
}
