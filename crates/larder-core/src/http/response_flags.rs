//! The conditions of use that a response states, as a stored response carries them.

use super::freshness::LifetimeOverride;

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
    /// Which parts of the lifetime the handler set itself, apart from the fields of the response.
    pub by_handler: SetByHandler,
}

/// The parts of a lifetime that a handler set itself.
///
/// A policy that was changed since does not limit them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)] // The fields are those of `Lifetime`.
pub struct SetByHandler {
    /// Whether the handler set the freshness lifetime.
    pub fresh: bool,
    /// Whether the handler set the window for refreshes.
    pub while_revalidate: bool,
    /// Whether the handler set the window for errors.
    pub if_error: bool,
}

impl SetByHandler {
    /// Returns the parts that this override sets.
    #[must_use]
    pub const fn of(handler_override: &LifetimeOverride) -> Self {
        Self {
            fresh: handler_override.fresh.is_some(),
            while_revalidate: handler_override.while_revalidate.is_some(),
            if_error: handler_override.if_error.is_some(),
        }
    }
}
