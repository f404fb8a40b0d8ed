//! What threads and tasks share and wait for each other by, where the order of their steps matters: under one name, so
//! that `tests/concurrency` can explore that code with other ones in their place.

pub(crate) use std::sync::atomic::AtomicU64;
pub(crate) use std::sync::{Mutex, MutexGuard, RwLock};

pub(crate) use tokio::sync::{Notify, watch};
pub(crate) use tokio::time::timeout_at;
