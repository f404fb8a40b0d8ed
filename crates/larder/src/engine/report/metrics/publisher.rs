//! The task that publishes the counts of routes every second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::engine::report::route_table::RouteTable;

/// How often counts are published.
const INTERVAL: Duration = Duration::from_secs(1);

/// The task that publishes the counts of one table of routes.
#[derive(Default)]
pub(crate) struct Publisher(Mutex<Option<JoinHandle<()>>>);

impl Publisher {
    /// Starts the task, unless it runs.
    ///
    /// It ends with the table, or with its runtime. Outside of a runtime, the counts are published
    /// when the cache is closed or dropped.
    pub(crate) fn run_for(&self, table: &Arc<RouteTable>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut task = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_none_or(JoinHandle::is_finished) {
            let table = Arc::downgrade(table);
            *task = Some(runtime.spawn(async move {
                loop {
                    sleep(INTERVAL).await;
                    let Some(table) = table.upgrade() else { return };
                    table.publish();
                }
            }));
        }
    }
}

impl RouteTable {
    /// Publishes the counts of all routes.
    pub(crate) fn publish(&self) {
        for route in self.all() {
            route.publish();
        }
    }
}
