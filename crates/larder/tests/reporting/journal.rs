//! A record of the log lines of one thread, which runs the whole test.

use std::sync::{Arc, Mutex, Once};

use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The log lines that were written on this thread. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<u8>>>);

/// Makes every thread ask its own subscriber about each event.
///
/// `tracing` caches for each callsite, and for all threads together, whether a subscriber is
/// interested. While there is only one subscriber, the first thread that reaches the callsite
/// decides. That thread may belong to another test and have no subscriber. So this function
/// installs a global subscriber as well. It enables no event, but it has to be asked about each
/// one, so `tracing` caches no answer.
pub(crate) fn let_threads_decide() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::registry().with(dynamic_filter_fn(|_, _| false)).init());
}

impl Journal {
    /// Records all log lines up to this level until the guard is dropped.
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

    /// Returns the lines that were written since the last call.
    pub(crate) fn lines(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    /// Returns those of these lines that the cache wrote.
    pub(crate) fn of_cache(&self) -> Vec<String> {
        let is_of_cache = |line: &String| line.contains(" larder: ");
        self.lines().into_iter().filter(is_of_cache).collect()
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
