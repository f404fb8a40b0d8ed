//! A body that is arriving, and the followers that read it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use larder_core::invalidation::names::Names;
use larder_core::time::BootTime;
use loom::future::block_on;
use loom::thread;

use crate::flights::{Exit, position, unwind};
use crate::memory::CachedResponse;
use crate::sync::AtomicU64;

/// The operations of a body that the scenarios use.
///
/// Both `larder`'s own body and each version with a mistake implement it.
pub trait Stream: Sized + Send + 'static {
    /// A reader, which has a position in the body.
    type SharedBodyReader: Send + 'static;

    /// Creates a body without data.
    fn begin() -> Self;
    /// Returns a reader at the beginning of the body.
    fn reader(&self) -> Self::SharedBodyReader;
    /// Adds data.
    fn push(&self, part: &'static str);
    /// Ends the body. `whole` is all of its data.
    fn finish(self, whole: &'static str);
    /// Polls for the next data.
    ///
    /// Returns `None` at the end of the body, and an error if the rest will not come.
    fn poll(reader: &mut Self::SharedBodyReader, cx: &mut Context<'_>)
    -> Poll<Result<Option<Bytes>, Broken>>;
}

/// The error of a body whose rest will not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // There are no details.
pub struct Broken;

macro_rules! streams {
    ($($(#[$doc:meta])* $name:ident $stream:ident),+ $(,)?) => { $(
        // Not all of the source is explored, and mistakes are written briefly.
        #[allow(dead_code, unused_mut, unused_variables, clippy::all)]
        pub(crate) mod $name {
            include!(concat!(env!("OUT_DIR"), "/shared_body_", stringify!($name), ".rs"));

            $(#[$doc])*
            pub struct $stream(SharedBodyWriter);

            /// See [`Stream::SharedBodyReader`](super::Stream::SharedBodyReader).
            pub struct Place(SharedBodyReader);

            impl super::Stream for $stream {
                type SharedBodyReader = Place;

                fn begin() -> Self {
                    Self(SharedBodyWriter::new(super::head(), SizeHint::new(), &[]))
                }

                fn reader(&self) -> Place {
                    Place(SharedBodyReader::new(Arc::clone(self.0.body())))
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
                        ReadEvent::Data(data) => Ok(Some(data)),
                        ReadEvent::End => Ok(None),
                        ReadEvent::Aborted => Err(super::Broken),
                    })
                }
            }
        }
        pub use self::$name::$stream;
    )+ };
}

streams! {
    /// The unchanged source.
    sound Sound,
    /// The waiting readers are determined before the change, so later ones are not woken.
    woken_too_early WokenTooEarly,
    /// A writer that is dropped does not abort the body.
    vanishes_in_silence VanishesInSilence,
    /// A reader that waited in an earlier round reuses its index from that round.
    takes_an_old_place TakesAnOldPlace,
    /// Data that was read before the end is returned again after the end.
    ends_from_the_beginning EndsFromTheBeginning,
}

pub(crate) fn head() -> Arc<CachedResponse> {
    let names = Names::new("/", &["k".into()], &[], &[]);
    Arc::new(CachedResponse {
        position: position(),
        names,
        filled_at: Some(BootTime::ZERO),
        valid_at: AtomicU64::new(0),
    })
}

/// Returns all data that a follower reads, and whether the body ends.
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

/// Sends a body in two parts to this many followers.
///
/// The second part comes only with [`Exit::Ends`].
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
