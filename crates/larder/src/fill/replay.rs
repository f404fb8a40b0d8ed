//! A body that was read, and is passed on as if it had not been.
//!
//! Where a body has not the length that its response states, the server has to notice it as it would without the cache: one
//! buffer of known length would look complete, and a server trusts it.

use std::collections::VecDeque;

use bytes::Bytes;
use http_body::SizeHint;

use super::tee::less;

/// The frames of a body, with all that the body said of itself.
pub(crate) struct ReplayBody {
    frames: VecDeque<Bytes>,
    hint: SizeHint,
    /// Whether the body announced its end with its last frame.
    says_end: bool,
}

impl ReplayBody {
    pub(super) const fn new(frames: VecDeque<Bytes>, hint: SizeHint, says_end: bool) -> Self {
        Self { frames, hint, says_end }
    }

    pub(crate) fn next_frame(&mut self) -> Option<Bytes> {
        let frame = self.frames.pop_front()?;
        self.hint = less(&self.hint, frame.len() as u64);
        Some(frame)
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.says_end
    }

    pub(crate) const fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_of_itself_what_the_body_said() {
        let frames = || VecDeque::from([Bytes::from_static(b"he"), Bytes::from_static(b"llo")]);
        for says_end in [true, false] {
            let mut body = ReplayBody::new(frames(), SizeHint::with_exact(5), says_end);
            assert!(!body.is_end_stream());
            assert_eq!(body.next_frame().as_deref(), Some(&b"he"[..]));
            assert_eq!((body.is_end_stream(), body.size_hint().exact()), (false, Some(3)));
            assert_eq!(body.next_frame().as_deref(), Some(&b"llo"[..]));
            assert_eq!((body.is_end_stream(), body.next_frame()), (says_end, None));
        }
        assert_eq!(ReplayBody::new(frames(), SizeHint::new(), false).size_hint().exact(), None);
    }
}
