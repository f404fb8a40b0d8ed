//! A body that is arriving, and those who follow it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use larder_core::log::names::Names;
use larder_core::time::Boot;
use loom::future::block_on;
use loom::thread;

use crate::flights::{Exit, position, unwind};
use crate::memory::CachedResponse;
use crate::sync::AtomicU64;

/// What the scenarios need of a body. It is the same for each: `larder`'s own, and those with a mistake.
pub trait Stream: Sized + Send + 'static {
    /// A place in it.
    type SharedBodyReader: Send + 'static;

    /// One of which nothing has come.
    fn begin() -> Self;
    /// A place at its beginning.
    fn reader(&self) -> Self::SharedBodyReader;
    /// More has come.
    fn push(&self, part: &'static str);
    /// This is all of it.
    fn finish(self, whole: &'static str);
    /// The next of it, the end (nothing), or the word that the rest will not come.
    fn poll(reader: &mut Self::SharedBodyReader, cx: &mut Context<'_>)
    -> Poll<Result<Option<Bytes>, Broken>>;
}

/// The rest will not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // There is nothing to tell.
pub struct Broken;

macro_rules! streams {
    ($($(#[$doc:meta])* $name:ident $stream:ident),+ $(,)?) => { $(
        #[allow(dead_code, unused_mut, unused_variables, clippy::all)] // Not everything is explored, and mistakes are written shortly.
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
    /// As it is.
    sound Sound,
    /// Those who wait are called before there is anything new.
    woken_too_early WokenTooEarly,
    /// A fill that vanishes leaves the body as it is.
    vanishes_in_silence VanishesInSilence,
    /// Who has waited before takes the place that it had then.
    takes_an_old_place TakesAnOldPlace,
    /// What was read before the end is read again after it.
    ends_from_the_beginning EndsFromTheBeginning,
}

pub(crate) fn head() -> Arc<CachedResponse> {
    let names = Names::new("/", &["k".into()], &[], &[]);
    Arc::new(CachedResponse {
        position: position(),
        names,
        filled_at: Some(Boot::ZERO),
        valid_at: AtomicU64::new(0),
    })
}

/// All that a follower is given, and whether there is an end.
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

/// A body comes in two parts, of which the fill adds the second or not, while so many follow it.
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
