//! The result of a read of the shared tier, as one collection can use it.

use std::sync::Arc;

use crate::values::cached_value::CachedValue;
use crate::values::value_address::Fingerprint;

/// The result of a read, which concurrent requests for the value share.
pub(super) struct SharedRead<V> {
    pub(super) value: SharedValue<V>,
    pub(super) fingerprint: Fingerprint,
}

/// A value in the shared tier, as this collection can use it.
pub(super) enum SharedValue<V> {
    Value(Arc<CachedValue<V>>),
    Absent,
    /// A value of another schema or codec, which other instances can use.
    OtherSchema,
    /// A value of another version of Larder, which instances of that version can use.
    OtherVersion,
    /// A value that cannot be decoded, or that does not belong under its key.
    Unreadable,
}

impl<V> Clone for SharedRead<V> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), fingerprint: self.fingerprint }
    }
}

impl<V> Clone for SharedValue<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Value(cached) => Self::Value(Arc::clone(cached)),
            Self::Absent => Self::Absent,
            Self::OtherSchema => Self::OtherSchema,
            Self::OtherVersion => Self::OtherVersion,
            Self::Unreadable => Self::Unreadable,
        }
    }
}
