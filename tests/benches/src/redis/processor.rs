//! The time that this process spends on processors: unlike the rate, it hardly depends on what else
//! the machine does.

use std::fs;
use std::time::Duration;

/// The processor time of all threads that this process has now; `None` where the kernel does not
/// tell.
pub(super) fn time() -> Option<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir("/proc/self/task").ok()? {
        // Linux: the time on a processor, the time of waiting for one, both in nanoseconds, and how
        // often it got one.
        let told = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanos += told.split_whitespace().next()?.parse::<u64>().ok()?;
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
