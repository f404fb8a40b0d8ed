//! The processor time of this process. Unlike the rate, it hardly depends on other load on the
//! machine.

use std::fs;
use std::time::Duration;

/// Returns the processor time of all threads that this process has now, or `None` if the kernel
/// does not report it.
#[must_use]
pub fn time() -> Option<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir("/proc/self/task").ok()? {
        // Linux reports the time on a processor and the time of waiting for one, both in
        // nanoseconds, and the number of time slices.
        let schedstat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanos += schedstat.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanos))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_with_work() {
        let before = time().unwrap();
        while time().unwrap() < before + Duration::from_millis(1) {}
    }
}
