//! How durable an acknowledged write is.

use std::fmt;
use std::num::NonZeroU16;
use std::time::Duration;

use super::partition::PartitionId;
use super::push::WriteId;

/// The state that a write has to reach before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// The write is on the disk of the store. It survives a power failure.
    Fsync,
    /// This number of replicas have the write. It survives the loss of the primary.
    Replicas(NonZeroU16),
    /// The write is in the memory of the store. A crash of the store can lose it.
    Memory,
}

/// How often the store forces its append-only file to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FsyncPolicy {
    /// Before each reply.
    Always,
    /// About every second.
    EverySecond,
    /// Only when the operating system decides.
    Never,
}

/// The keys that the store evicts if its memory is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EvictionPolicy {
    /// Nothing. It refuses writes.
    Nothing,
    /// Keys that expire. The queue does not expire.
    Expiring,
    /// Any key, even the queue.
    Any,
}

/// How durable the store's writes are, as far as its settings are known.
///
/// `None` stands for a setting that the store does not report. For a cluster, each field has the
/// weakest setting of its primaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct DurabilityState {
    /// Whether there is an append-only file.
    pub append_only: Option<bool>,
    /// How often that file is forced to the disk.
    pub fsync: Option<FsyncPolicy>,
    /// Whether it is not forced to the disk while the file is rewritten.
    pub pauses_fsync_on_rewrite: Option<bool>,
    /// The number of connected replicas.
    pub replicas: Option<u16>,
    /// The keys that are evicted.
    pub eviction: Option<EvictionPolicy>,
    /// Whether the store can be asked to wait for the disk (`WAITAOF`).
    pub has_wait_aof: Option<bool>,
}

/// How to wait for a [`Durability`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // Callers must handle each.
pub enum DurabilityMethod {
    /// The reply to the push is enough.
    Reply,
    /// Wait for the local append-only file.
    WaitAof,
    /// Wait for this number of replicas.
    WaitReplicas(NonZeroU16),
}

/// Why a [`Durability`] cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DurabilityGap {
    /// The store may evict the queue.
    Evicts,
    /// The store has no append-only file.
    NoAppendOnlyFile,
    /// The store does not force each write to the disk, and cannot wait for it.
    NoFsync,
    /// The store does not report its settings.
    Unknown,
    /// Fewer replicas are connected.
    TooFewReplicas {
        /// The number of replicas that must have a write.
        required: u16,
        /// The number of replicas that are connected.
        connected: u16,
    },
}

impl DurabilityState {
    /// Returns how to wait for `durability`.
    ///
    /// # Errors
    ///
    /// Returns the reason if the store cannot provide it.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder_core::write_queue::{
    ///     Durability, DurabilityGap, DurabilityMethod, DurabilityState, FsyncPolicy,
    /// };
    ///
    /// let mut state = DurabilityState { append_only: Some(true), ..DurabilityState::default() };
    /// assert_eq!(state.method_for(Durability::Fsync), Err(DurabilityGap::Unknown));
    /// state.fsync = Some(FsyncPolicy::Always);
    /// state.pauses_fsync_on_rewrite = Some(false);
    /// assert_eq!(state.method_for(Durability::Fsync), Ok(DurabilityMethod::Reply));
    /// ```
    pub fn method_for(&self, durability: Durability) -> Result<DurabilityMethod, DurabilityGap> {
        if self.eviction == Some(EvictionPolicy::Any) {
            return Err(DurabilityGap::Evicts);
        }
        match durability {
            Durability::Memory => Ok(DurabilityMethod::Reply),
            Durability::Fsync => self.fsync_method(),
            Durability::Replicas(required) => match self.replicas {
                Some(connected) if connected < required.get() => {
                    Err(DurabilityGap::TooFewReplicas { required: required.get(), connected })
                }
                _ => Ok(DurabilityMethod::WaitReplicas(required)),
            },
        }
    }

    fn fsync_method(&self) -> Result<DurabilityMethod, DurabilityGap> {
        if self.append_only == Some(false) {
            return Err(DurabilityGap::NoAppendOnlyFile);
        }
        let is_on = self.append_only == Some(true);
        let never_pauses = self.pauses_fsync_on_rewrite == Some(false);
        match self.fsync {
            Some(FsyncPolicy::Always) if is_on && never_pauses => Ok(DurabilityMethod::Reply),
            Some(FsyncPolicy::Never) => Err(DurabilityGap::NoFsync),
            _ if is_on && self.has_wait_aof == Some(true) => Ok(DurabilityMethod::WaitAof),
            Some(_) if self.has_wait_aof == Some(false) && self.pauses_fsync_on_rewrite.is_some() => {
                Err(DurabilityGap::NoFsync)
            }
            _ => Err(DurabilityGap::Unknown),
        }
    }

    /// Returns the weaker setting of two primaries, for each field.
    #[must_use]
    pub fn weaker(self, other: Self) -> Self {
        Self {
            append_only: weaker(self.append_only, other.append_only, |on| !on),
            fsync: weaker(self.fsync, other.fsync, |policy| policy as u8),
            pauses_fsync_on_rewrite: weaker(
                self.pauses_fsync_on_rewrite,
                other.pauses_fsync_on_rewrite,
                |pauses| pauses,
            ),
            replicas: weaker(self.replicas, other.replicas, std::cmp::Reverse),
            eviction: weaker(self.eviction, other.eviction, |policy| policy as u8),
            has_wait_aof: weaker(self.has_wait_aof, other.has_wait_aof, |has| !has),
        }
    }
}

/// Returns the value with the higher weakness. A value that is not known stays unknown.
fn weaker<T: Copy, W: Ord>(one: Option<T>, other: Option<T>, weakness: impl Fn(T) -> W) -> Option<T> {
    let (one, other) = (one?, other?);
    Some(if weakness(one) >= weakness(other) { one } else { other })
}

impl fmt::Display for DurabilityGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evicts => f.write_str("the store may evict the queue: set maxmemory-policy volatile-lfu"),
            Self::NoAppendOnlyFile => f.write_str("the store has no append-only file: set appendonly yes"),
            Self::NoFsync => f.write_str(
                "the store does not force each write to the disk: set appendfsync always and \
                 no-appendfsync-on-rewrite no",
            ),
            Self::Unknown => f.write_str("the store does not report its settings: allow config|get"),
            Self::TooFewReplicas { required, connected } => {
                write!(f, "{connected} of {required} replicas are connected")
            }
        }
    }
}

impl std::error::Error for DurabilityGap {}

/// A request to wait until a write is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct WaitRequest<'a> {
    /// The partition of the write.
    pub partition: PartitionId<'a>,
    /// The id of the write, which has to be queued already.
    pub id: WriteId,
    /// The sequence number of the write, if it is known.
    ///
    /// After a failover, the store may have a write with this id and another number: the writer has
    /// repeated a write that was lost. Then the reply is [`WaitReply::Lost`].
    pub sequence: Option<u64>,
    /// How to wait: see [`DurabilityState::method_for`].
    pub method: DurabilityMethod,
    /// How long to wait. Minimum: 1 ms.
    pub timeout: Duration,
}

/// The reply to a [`WaitRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Callers must handle each.
pub enum WaitReply {
    /// The write is durable.
    Durable,
    /// The write was not durable in time. It is queued, and may become durable later.
    NotYet,
    /// The store does not remember the write. A failover or a restart may have lost it.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: DurabilityState = DurabilityState {
        append_only: Some(true),
        fsync: Some(FsyncPolicy::Always),
        pauses_fsync_on_rewrite: Some(false),
        replicas: Some(2),
        eviction: Some(EvictionPolicy::Expiring),
        has_wait_aof: Some(false),
    };

    #[test]
    fn each_durability_has_a_method_or_a_reason() {
        use Durability::{Fsync, Memory, Replicas};
        use DurabilityMethod::{Reply, WaitAof, WaitReplicas};
        let two = NonZeroU16::new(2).unwrap();
        let three = NonZeroU16::new(3).unwrap();
        let every_second = DurabilityState { fsync: Some(FsyncPolicy::EverySecond), ..SAFE };
        let pauses = DurabilityState { pauses_fsync_on_rewrite: Some(true), ..SAFE };
        let secret = DurabilityState { fsync: None, pauses_fsync_on_rewrite: None, ..SAFE };
        let newer = |state| DurabilityState { has_wait_aof: Some(true), ..state };
        let few = DurabilityGap::TooFewReplicas { required: 3, connected: 2 };
        let evicts = DurabilityState { eviction: Some(EvictionPolicy::Any), ..SAFE };
        let cases = [
            (SAFE, Fsync, Ok(Reply)),
            (SAFE, Memory, Ok(Reply)),
            (SAFE, Replicas(two), Ok(WaitReplicas(two))),
            (SAFE, Replicas(three), Err(few)),
            (newer(SAFE), Fsync, Ok(Reply)),
            (every_second, Fsync, Err(DurabilityGap::NoFsync)),
            (newer(every_second), Fsync, Ok(WaitAof)),
            (pauses, Fsync, Err(DurabilityGap::NoFsync)),
            (newer(pauses), Fsync, Ok(WaitAof)),
            (secret, Fsync, Err(DurabilityGap::Unknown)),
            (newer(secret), Fsync, Ok(WaitAof)),
            (
                newer(DurabilityState { fsync: Some(FsyncPolicy::Never), ..SAFE }),
                Fsync,
                Err(DurabilityGap::NoFsync),
            ),
            (
                newer(DurabilityState { append_only: Some(false), ..SAFE }),
                Fsync,
                Err(DurabilityGap::NoAppendOnlyFile),
            ),
            (evicts, Fsync, Err(DurabilityGap::Evicts)),
            (evicts, Memory, Err(DurabilityGap::Evicts)),
            (DurabilityState::default(), Fsync, Err(DurabilityGap::Unknown)),
            (DurabilityState::default(), Replicas(two), Ok(WaitReplicas(two))),
            (DurabilityState::default(), Memory, Ok(Reply)),
        ];
        for (state, durability, expected) in cases {
            assert_eq!(state.method_for(durability), expected, "{durability:?} with {state:?}");
        }
    }

    #[test]
    fn of_two_primaries_the_weaker_one_counts() {
        let weak = DurabilityState {
            append_only: Some(false),
            fsync: Some(FsyncPolicy::Never),
            pauses_fsync_on_rewrite: Some(true),
            replicas: Some(0),
            eviction: Some(EvictionPolicy::Any),
            has_wait_aof: Some(false),
        };
        let strong = DurabilityState { has_wait_aof: Some(true), ..SAFE };
        assert_eq!(strong.weaker(weak), weak);
        assert_eq!(weak.weaker(strong), weak);
        assert_eq!(strong.weaker(strong), strong);
        assert_eq!(strong.weaker(DurabilityState::default()), DurabilityState::default());
    }

    #[test]
    fn a_gap_says_what_to_do() {
        assert!(DurabilityGap::Evicts.to_string().contains("volatile-lfu"));
        assert!(DurabilityGap::NoFsync.to_string().contains("appendfsync always"));
        let few = DurabilityGap::TooFewReplicas { required: 3, connected: 2 };
        assert_eq!(few.to_string(), "2 of 3 replicas are connected");
    }
}
