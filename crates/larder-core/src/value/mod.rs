//! The stored value, for values that are cached below HTTP.
//!
//! * [`wire`]: how it is written for the shared tier, and read back;
//! * [`candidate`]: whether it may be used.
//!
//! Its address is [`primary`](crate::stored::address::primary).

pub mod candidate;
pub mod wire;

use std::time::Duration;

use bytes::Bytes;

use crate::invalidation::names::Names;
use crate::invalidation::position::Position;
use crate::lifetime::Lifetime;
use crate::time::WallTime;

/// A stored value, with everything that is needed to use it again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // The wire form must carry every field.
pub struct StoredValue {
    /// The encoded value. `None` is a cached absence: the load found nothing.
    pub payload: Option<Bytes>,
    /// The information that is needed to use the value again.
    pub meta: ValueMeta,
}

/// The information that is needed to use a stored value again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct ValueMeta {
    /// The encoded cache key under which the value was stored.
    ///
    /// If a store answers with the value of another key, that value is not believed.
    pub key: Box<str>,
    /// The names by which the value can be invalidated.
    pub names: Names,
    /// The position in the invalidation log before the load began.
    ///
    /// The local number is not sent to the shared tier.
    pub position: Position,
    /// The moment at which the load ended.
    pub loaded_at: WallTime,
    /// How long the value is fresh, and how long it may be used stale.
    pub lifetime: Lifetime,
    /// How long the load took.
    pub cost: Duration,
    /// The number of the value's schema, which the collection states.
    pub schema: u32,
    /// The format of the encoded value, which its codec states.
    pub format: u8,
}
