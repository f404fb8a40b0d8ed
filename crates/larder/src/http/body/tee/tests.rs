use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use http::HeaderMap;
use http_body_util::{BodyExt as _, Full};

use super::*;

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

type Inner = http_body_util::combinators::UnsyncBoxBody<Bytes, &'static str>;
type Polled = Poll<Option<Result<Bytes, &'static str>>>;

/// A reader, and a counter of its wake-ups.
struct Reader {
    body: TeeBody<Inner>,
    bell: Arc<Bell>,
}

impl Reader {
    fn poll(&mut self) -> Polled {
        let waker = Waker::from(Arc::clone(&self.bell));
        let polled = self.body.poll_frame(&mut Context::from_waker(&waker));
        polled.map(|frame| frame.map(|frame| frame.map(|frame| frame.into_data().unwrap_or_default())))
    }

    fn woken(&self) -> usize {
        self.bell.0.swap(0, Ordering::Relaxed)
    }
}

fn pair(hint: SizeHint) -> (Tee<Inner>, Reader) {
    let (tee, body) = tee(hint);
    let bell = Arc::default();
    (tee, Reader { body, bell })
}

fn data(bytes: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(bytes.as_bytes()))
}

fn is(bytes: &'static str) -> Polled {
    Poll::Ready(Some(Ok(Bytes::from_static(bytes.as_bytes()))))
}

#[test]
fn frames_are_read_in_order_up_to_the_end() {
    let (tee, mut reader) = pair(SizeHint::new());
    tee.push(data("a"));
    tee.push(data("b"));
    assert_eq!(reader.poll(), is("a"));
    assert!(!reader.body.is_end_stream());
    tee.finish();
    assert!(!reader.body.is_end_stream(), "something still waits");
    assert_eq!(reader.poll(), is("b"));
    assert!(reader.body.is_end_stream());
    assert_eq!(reader.poll(), Poll::Ready(None));
    assert_eq!(reader.poll(), Poll::Ready(None));
}

#[test]
fn a_reader_that_waits_is_woken_by_whatever_comes() {
    type Change = fn(Tee<Inner>) -> Option<Tee<Inner>>;
    let changes: [(Change, Polled); 4] = [
        (
            |tee| {
                tee.push(data("a"));
                Some(tee)
            },
            is("a"),
        ),
        (
            |tee| {
                tee.finish();
                None
            },
            Poll::Ready(None),
        ),
        (
            |tee| {
                tee.fail("broken");
                None
            },
            Poll::Ready(Some(Err("broken"))),
        ),
        (
            |tee| {
                tee.hand_over(rest("rest"));
                None
            },
            is("rest"),
        ),
    ];
    for (change, expected) in changes {
        let (tee, mut reader) = pair(SizeHint::new());
        assert_eq!(reader.poll(), Poll::Pending);
        assert_eq!(reader.woken(), 0);
        let _tee = change(tee);
        assert_eq!(reader.woken(), 1);
        assert_eq!(reader.poll(), expected);
    }
}

fn rest(bytes: &'static str) -> Pin<Box<Inner>> {
    let body = Full::new(Bytes::from_static(bytes.as_bytes()));
    Box::pin(body.map_err(|never| match never {}).boxed_unsync())
}

#[test]
fn a_failure_comes_after_what_was_read_before_it_and_is_the_last() {
    let (tee, mut reader) = pair(SizeHint::new());
    tee.push(data("a"));
    tee.fail("broken");
    assert_eq!(reader.poll(), is("a"));
    assert!(!reader.body.is_end_stream());
    assert_eq!(reader.poll(), Poll::Ready(Some(Err("broken"))));
    assert_eq!(reader.poll(), Poll::Ready(None));
}

#[test]
fn the_rest_after_a_hand_over_is_read_from_the_inner_body() {
    let (tee, mut reader) = pair(SizeHint::new());
    tee.push(data("a"));
    tee.hand_over(rest("rest"));
    assert_eq!(reader.poll(), is("a"));
    assert!(!reader.body.is_end_stream());
    assert_eq!(reader.poll(), is("rest"));
    assert!(reader.body.is_end_stream(), "as the inner body says");
    assert_eq!(reader.poll(), Poll::Ready(None));
}

#[test]
fn a_fill_that_vanishes_does_not_look_like_an_end() {
    let (tee, mut reader) = pair(SizeHint::new());
    tee.push(data("a"));
    drop(tee);
    assert_eq!(reader.poll(), is("a"));
    assert!(!reader.body.is_end_stream());
    assert_eq!(reader.poll(), Poll::Pending);
}

#[test]
fn an_inner_body_that_panics_does_so_in_the_reader() {
    let (tee, mut reader) = pair(SizeHint::new());
    assert_eq!(reader.poll(), Poll::Pending);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _tee = tee;
        std::panic::resume_unwind(Box::new("in the body"));
    }));
    assert!(caught.is_err());
    assert_eq!(reader.woken(), 1);
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reader.poll()));
    assert!(polled.is_err());
}

#[test]
fn the_size_hint_shrinks_by_what_was_read() {
    let (tee, mut reader) = pair(SizeHint::with_exact(5));
    assert_eq!(reader.body.size_hint().exact(), Some(5));
    tee.push(data("abc"));
    assert_eq!(reader.body.size_hint().exact(), Some(5));
    assert_eq!(reader.poll(), is("abc"));
    assert_eq!(reader.body.size_hint().exact(), Some(2));
    // More data than the hint announced: a hint may be wrong, and must not break anything.
    tee.push(data("defg"));
    assert_eq!(reader.poll(), is("defg"));
    assert_eq!(reader.body.size_hint().exact(), Some(0));

    let mut open = SizeHint::new();
    open.set_lower(2);
    let (tee, mut reader) = pair(open);
    tee.push(data("abc"));
    assert_eq!(reader.poll(), is("abc"));
    assert_eq!((reader.body.size_hint().lower(), reader.body.size_hint().upper()), (0, None));
}

#[tokio::test]
async fn trailers_pass_and_do_not_count_as_size() {
    let (tee, body) = tee::<Inner>(SizeHint::with_exact(1));
    tee.push(Frame::trailers(HeaderMap::new()));
    let mut body = pin!(crate::http::body::CacheBody::tee(body));
    let frame = body.frame().await.unwrap().unwrap();
    assert!(frame.is_trailers());
    assert_eq!(http_body::Body::size_hint(&*body).exact(), Some(1));
    drop(tee);
}
