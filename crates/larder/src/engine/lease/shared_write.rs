//! Writing a value to the shared tier, with or without a lease.

use std::time::Duration;

use bytes::Bytes;

use crate::engine::lease::Lease;
use crate::engine::report::store_health::StoreOp;
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// A value on its way to the shared tier.
pub(crate) struct SharedWrite {
    pub(crate) address: String,
    pub(crate) value: Bytes,
    pub(crate) expiry: Duration,
}

/// Writes a value to the shared tier. In the same step, this releases the lease.
pub(crate) async fn write_shared(
    engine: &Engine,
    store: &dyn Store,
    write: SharedWrite,
    lease: Option<Lease>,
) {
    let SharedWrite { address, value, expiry } = write;
    let (began, bytes) = (engine.clock.boot(), value.len() as u64);
    let written = match lease {
        Some(lease) => lease.store(&address, value, expiry).await,
        None => store.set(&address, value, expiry).await,
    };
    if written.is_ok() {
        engine.report.shared(bytes);
    }
    engine.report.store_result(StoreOp::Write, began, &written, &*engine.clock);
}
