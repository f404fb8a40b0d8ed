//! Waiting until a store answers.

use std::time::Duration;

use larder_core::store::{StoreError, StoreErrorKind};
use tokio::time::{Instant, sleep};

/// An address at which no response is stored, since no key is empty.
pub(super) const NO_ADDRESS: &str = "{}";

/// How often a connection is tried while the store connects.
const CONNECT_INTERVAL: Duration = Duration::from_millis(5);

/// Asks the store until it answers or refuses the question, or until the deadline.
pub(super) async fn until_answered<T>(
    deadline: Instant,
    mut ask: impl AsyncFnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    loop {
        match ask().await {
            Err(error) if error.kind() != StoreErrorKind::Refused && Instant::now() < deadline => {
                sleep(CONNECT_INTERVAL).await;
            }
            result => return result,
        }
    }
}
