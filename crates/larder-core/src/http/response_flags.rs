//! The conditions of use that a response states, as a stored response carries them.

/// The conditions of use that a stored response states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
#[allow(clippy::struct_excessive_bools)] // Each is one bit of the wire form.
pub struct ResponseFlags {
    /// Whether the response may answer requests with credentials (RFC 9111 §3.5).
    ///
    /// This follows from `public`, `s-maxage` or `must-revalidate`.
    pub shareable: bool,
    /// Whether stale use is forbidden (`must-revalidate`, `proxy-revalidate`, `s-maxage`).
    pub must_revalidate: bool,
    /// Whether the response must be validated before each use (`no-cache`).
    pub no_cache: bool,
    /// Whether the cache made the `ETag`, so that the handler cannot be asked about it.
    pub own_etag: bool,
}
