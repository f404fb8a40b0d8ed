//! The task that publishes counters every second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How often counts are published.
const INTERVAL: Duration = Duration::from_secs(1);

/// Counters that are published from time to time.
pub(crate) trait Publish: Send + Sync + 'static {
    /// Publishes the counts that are not published yet.
    fn publish(&self);
}

/// The task that publishes counters every second.
#[derive(Default)]
pub(crate) struct Publisher(Mutex<Option<JoinHandle<()>>>);

impl Publisher {
    /// Starts the task, unless it runs.
    ///
    /// It ends with the counters, or with its runtime. Outside of a runtime, the counts are
    /// published when the cache is dropped.
    pub(crate) fn run_for(&self, counters: &Arc<impl Publish>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut task = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_none_or(JoinHandle::is_finished) {
            let counters = Arc::downgrade(counters);
            *task = Some(runtime.spawn(async move {
                loop {
                    sleep(INTERVAL).await;
                    let Some(counters) = counters.upgrade() else { return };
                    counters.publish();
                }
            }));
        }
    }
}
