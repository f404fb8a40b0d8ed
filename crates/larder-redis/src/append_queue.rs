//! The appends to the invalidation log that wait for the next batch.

use fred::types::Value;
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::store::StoreError;

use crate::gather::GatherQueue;

/// The appends that wait for the next batch.
pub(crate) type AppendQueue = GatherQueue<AppendCall, AppendResult>;

pub(crate) type AppendResult = Result<(Incarnation, LogId), StoreError>;

/// The events of one invalidation, as arguments of the script.
#[derive(Debug)]
pub(crate) struct AppendCall {
    pub(crate) fields: Vec<Value>,
    pub(crate) weight: usize,
}
