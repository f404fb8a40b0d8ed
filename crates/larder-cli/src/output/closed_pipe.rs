//! Notices that the reader of the output has left.

/// How often it is checked.
#[cfg(unix)]
const INTERVAL: std::time::Duration = std::time::Duration::from_millis(200);

/// Completes when the other end of the standard output is closed, as after `larder tail | head -1`.
///
/// A write would notice it too. But the next line may come after hours, and the shell waits.
#[cfg(unix)]
pub(crate) async fn reader_has_left() {
    use rustix::event::{PollFd, PollFlags, poll};

    loop {
        let stdout = std::io::stdout();
        let mut ends = [PollFd::new(&stdout, PollFlags::empty())];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let is_answered = poll(&mut ends, Some(&now)).is_ok_and(|count| count > 0);
        // A terminal that hangs up sends a signal. A file never has these flags.
        if is_answered && ends[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) {
            return;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Never completes: the next write notices it.
#[cfg(not(unix))]
pub(crate) async fn reader_has_left() {
    std::future::pending().await
}
