//! Waiting until several servers agree.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// The maximum time for that. A setup that works takes much less.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until the condition holds, in real time. An error counts as "not yet".
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        let state = is_so();
        if matches!(state, Ok(true)) {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            let last = state.err().map(|error| format!(": {error}")).unwrap_or_default();
            let message = format!("not within {PATIENCE:?}: {what}{last}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        thread::sleep(PAUSE);
    }
}
