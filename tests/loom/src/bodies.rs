//! A body that is still arriving, and its followers.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use larder_core::log::names::Names;
use larder_core::time::Boot;
use loom::future::block_on;
use loom::thread;

use crate::flights::{Exit, position, unwind};
use crate::memory::held::{Held, Meta};
use crate::sync::AtomicU64;

/// The operations of a body that the scenarios use. `larder`'s own source implements it, and so
/// does each copy with a mistake.
pub trait Stream: Sized + Send + 'static {
    /// A position in the body.
    type Reader: Send + 'static;

    /// Creates an empty body.
    fn begin() -> Self;
    /// Returns a reader at the beginning.
    fn reader(&self) -> Self::Reader;
    /// Adds a part.
    fn push(&self, part: &'static str);
    /// Completes the body.
    fn finish(self, whole: &'static str);
    /// Returns the next part, `None` at the end, or an error if the rest will not come.
    fn poll(reader: &mut Self::Reader, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Broken>>;
}

/// The rest of the body will not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // The error has no details.
pub struct Broken;

macro_rules! streams {
    ($($(#[$doc:meta])* $name:ident $stream:ident),+ $(,)?) => { $(
        // The scenarios use only a part, and the mistakes are written tersely.
        #[allow(dead_code, unused_mut, unused_variables, clippy::all)]
        pub(crate) mod $name {
            include!(concat!(env!("OUT_DIR"), "/arriving_", stringify!($name), ".rs"));

            $(#[$doc])*
            pub struct $stream(Writer);

            /// See [`Stream::Reader`](super::Stream::Reader).
            pub struct Place(Reader);

            impl super::Stream for $stream {
                type Reader = Place;

                fn begin() -> Self {
                    Self(Writer::new(super::head(), SizeHint::new(), &[]))
                }

                fn reader(&self) -> Place {
                    Place(Reader::new(Arc::clone(self.0.arriving())))
                }

                fn push(&self, part: &'static str) {
                    self.0.push(Bytes::from_static(part.as_bytes()));
                }

                fn finish(self, whole: &'static str) {
                    self.0.finish(Bytes::from_static(whole.as_bytes()));
                }

                fn poll(
                    reader: &mut Place,
                    cx: &mut Context<'_>,
                ) -> Poll<Result<Option<Bytes>, super::Broken>> {
                    reader.0.poll(cx).map(|next| match next {
                        Next::Data(data) => Ok(Some(data)),
                        Next::End => Ok(None),
                        Next::Broken => Err(super::Broken),
                    })
                }
            }
        }
        pub use self::$name::$stream;
    )+ };
}

streams! {
    /// The original.
    sound Sound,
    /// Waiters are woken before there is new data.
    woken_too_early WokenTooEarly,
    /// A fill that is dropped does not end the body.
    vanishes_in_silence VanishesInSilence,
    /// A waiter reuses its earlier place in the list of waiters.
    takes_an_old_place TakesAnOldPlace,
    /// Data that was read before the end is read again after it.
    ends_from_the_beginning EndsFromTheBeginning,
}

pub(crate) fn head() -> Arc<Held> {
    let meta = Meta { position: position(), names: Names::new("/", &["k".into()], &[], &[]) };
    Arc::new(Held { meta, filled_at: Some(Boot::ZERO), valid_at: AtomicU64::new(0) })
}

/// Reads everything that a follower receives. Returns whether the body ended.
pub(crate) fn read(
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<Result<Option<Bytes>, Broken>>,
) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    loop {
        match block_on(poll_fn(&mut poll)) {
            Ok(Some(data)) => read.extend_from_slice(&data),
            Ok(None) => return (read, true),
            Err(Broken) => return (read, false),
        }
    }
}

/// A body arrives in two parts, with this many followers. The fill may stop before the second part.
pub fn followed<S: Stream>(followers: usize, exit: Exit) {
    let stream = S::begin();
    let readers: Vec<_> = (0..followers).map(|_| stream.reader()).collect();
    let readers: Vec<_> = readers
        .into_iter()
        .map(|mut reader| thread::spawn(move || read(|cx| S::poll(&mut reader, cx))))
        .collect();
    stream.push("a");
    match exit {
        Exit::Ends => {
            stream.push("b");
            stream.finish("ab");
        }
        Exit::Dropped => drop(stream),
        Exit::Panics => unwind(stream),
    }
    for reader in readers {
        let Ok((read, is_whole)) = reader.join() else { return };
        assert_eq!(is_whole, exit == Exit::Ends, "how it ends");
        assert!(b"ab".starts_with(&read) && (!is_whole || read == b"ab"), "what was read: {read:?}");
    }
}
