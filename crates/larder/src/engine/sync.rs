//! The synchronization primitives of the code in which the order of steps between threads matters.
//!
//! They are imported from here, so that `tests/loom` can replace them and explore every order.

pub(crate) use std::sync::atomic::AtomicU64;
pub(crate) use std::sync::{Mutex, MutexGuard, RwLock};

pub(crate) use tokio::sync::{Notify, watch};
pub(crate) use tokio::time::timeout_at;
