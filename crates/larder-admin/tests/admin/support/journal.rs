//! A record of the log lines of one thread, which runs the whole test.

use std::io;
use std::sync::{Arc, Mutex, Once};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The log lines that were written on this thread. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<u8>>>);

impl Journal {
    /// Records the log lines until the guard is dropped.
    ///
    /// `tracing` caches for all threads whether a subscriber is interested in a callsite. The
    /// global subscriber enables nothing, but it has to be asked about each event, so `tracing`
    /// caches nothing.
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing_subscriber::registry().with(dynamic_filter_fn(|_, _| false)).init());
        let journal = Self::default();
        let writer = journal.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).without_time();
        let subscriber = subscriber.with_writer(move || writer.clone()).finish();
        (journal, tracing::subscriber::set_default(subscriber))
    }

    /// Returns the lines of the cache and of its operations since the last call.
    pub(crate) fn lines(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().filter(|line| line.contains(" larder: ")).map(str::to_owned).collect()
    }
}

impl io::Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
