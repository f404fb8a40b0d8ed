//! Captures log lines of this thread, which runs a whole test.

use std::sync::{Arc, Mutex, Once};

use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<u8>>>);

/// Makes `tracing` ask the subscriber of each thread at every event.
///
/// `tracing` caches for each callsite whether any subscriber is interested, for all threads
/// together. With a single subscriber, the first thread decides, and that may belong to another
/// test without a subscriber. This global subscriber is interested in nothing, but never allows the
/// answer to be cached.
pub(crate) fn let_threads_decide() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::registry().with(dynamic_filter_fn(|_, _| false)).init());
}

impl Journal {
    /// Captures everything up to this level, until the guard is dropped.
    pub(crate) fn listen(level: Level) -> (Self, DefaultGuard) {
        let_threads_decide();
        let journal = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .without_time()
            .with_writer(journal.clone())
            .finish();
        (journal, tracing::subscriber::set_default(subscriber))
    }

    /// Returns the lines since the last call.
    pub(crate) fn lines(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    /// Returns the cache's lines among them.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = |line: &String| line.contains(" larder: ");
        self.lines().into_iter().filter(told).collect()
    }
}

impl std::io::Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Journal {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
