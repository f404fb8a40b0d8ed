//! The errors of a write-behind collection.

use std::error::Error;
use std::fmt;

use larder_core::write_queue::{DurabilityGap, WriteId};

/// Why a write was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WriteErrorKind {
    /// The write was not sent or was refused. It is not queued, and never will be.
    NotQueued,
    /// The write may take effect. [`WriteError::id`] lets you send it again.
    Unknown,
    /// The queue is full. The write is not queued.
    Full,
    /// The store cannot provide the durability of the collection. The write is not queued.
    NotDurable,
    /// The key or the value cannot be encoded, or is too large. The write is not queued.
    Invalid,
}

impl WriteErrorKind {
    /// Returns the word for the kind, such as `not-queued`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotQueued => "not-queued",
            Self::Unknown => "unknown",
            Self::Full => "full",
            Self::NotDurable => "not-durable",
            Self::Invalid => "invalid",
        }
    }
}

/// The error of a write that was not acknowledged.
#[derive(Debug)]
pub struct WriteError {
    kind: WriteErrorKind,
    id: Option<WriteId>,
    cause: Box<dyn Error + Send + Sync>,
}

impl WriteError {
    pub(super) fn new(kind: WriteErrorKind, what: &str) -> Self {
        Self::caused(kind, what)
    }

    pub(super) fn caused(kind: WriteErrorKind, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, id: None, cause: cause.into() }
    }

    /// Creates the error of a write that may take effect.
    pub(super) fn unknown(id: WriteId, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { id: Some(id), ..Self::caused(WriteErrorKind::Unknown, cause) }
    }

    pub(super) fn gap(gap: DurabilityGap) -> Self {
        Self::caused(WriteErrorKind::NotDurable, gap)
    }

    /// Returns the kind of the error.
    #[must_use]
    pub const fn kind(&self) -> WriteErrorKind {
        self.kind
    }

    /// Returns the id of a write that may take effect.
    ///
    /// Pass it to [`write_with_id`](crate::values::WriteBehind::write_with_id) or
    /// [`push_with_id`](crate::values::Operations::push_with_id), which do not queue the write a
    /// second time.
    #[must_use]
    pub const fn id(&self) -> Option<WriteId> {
        self.id
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            WriteErrorKind::NotQueued => "write not queued",
            WriteErrorKind::Unknown => "write may be queued",
            WriteErrorKind::Full => "write queue is full",
            WriteErrorKind::NotDurable => "write queue is not durable enough",
            WriteErrorKind::Invalid => "write cannot be queued",
        })
    }
}

impl Error for WriteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

/// The error of a read of a write-behind collection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError<E> {
    /// The load failed.
    Load(E),
    /// The queue could not be asked whether there is a write that the database does not have yet.
    ///
    /// [`may_lag`](crate::values::WriteBehindBuilder::may_lag) loads the value instead.
    PendingUnavailable,
    /// The pending write cannot be decoded. It has another schema, for example.
    PendingUnreadable,
}

impl<E> fmt::Display for ReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Load(_) => "load failed",
            Self::PendingUnavailable => "write queue could not be asked for a pending write",
            Self::PendingUnreadable => "pending write cannot be decoded",
        })
    }
}

impl<E: Error + 'static> Error for ReadError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Load(error) => Some(error),
            Self::PendingUnavailable | Self::PendingUnreadable => None,
        }
    }
}
