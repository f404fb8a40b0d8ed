use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use http::{HeaderMap, StatusCode};

use super::*;
use crate::http::body::shared_body::SharedBodyWriter;
use crate::testing::cached;

/// A body of these frames, with this size hint.
#[derive(Default)]
struct Inner(VecDeque<Result<Frame<Bytes>, String>>, SizeHint);

impl Body for Inner {
    type Data = Bytes;
    type Error = String;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<FrameResult<String>> {
        Poll::Ready(self.0.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.1
    }
}

type Frames = Vec<Result<String, String>>;

fn failed() -> String {
    "not completed".to_owned()
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn writer(hint: SizeHint, so_far: &[Bytes]) -> SharedBodyWriter {
    SharedBodyWriter::new(cached("k", ""), hint, so_far)
}

/// Returns the body of a follower whose retry gets `other`.
fn following(writer: &SharedBodyWriter, other: Option<Response<CacheBody<Inner>>>) -> CacheBody<Inner> {
    let retry: RetryFn<Inner> = Box::new(move || Box::pin(std::future::ready(other)));
    CacheBody::following(FollowerBody::new(SharedBodyReader::new(Arc::clone(writer.body())), retry, failed))
}

fn response(frames: impl IntoIterator<Item = Result<Frame<Bytes>, String>>) -> Response<CacheBody<Inner>> {
    Response::new(CacheBody::inner(Inner(frames.into_iter().collect(), SizeHint::new())))
}

fn data(text: &'static str) -> Result<Frame<Bytes>, String> {
    Ok(Frame::data(bytes(text)))
}

/// Returns all frames that a body has now, and whether it has ended.
fn all(body: &mut CacheBody<Inner>) -> (Frames, bool) {
    let mut frames = Vec::new();
    loop {
        match Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => return (frames, false),
            Poll::Ready(None) => return (frames, true),
            Poll::Ready(Some(frame)) => frames.push(frame.map(|frame| match frame.into_data() {
                Ok(data) => String::from_utf8_lossy(&data).into_owned(),
                Err(_) => "trailers".to_owned(),
            })),
        }
        assert!(frames.len() < 100, "it does not end: {frames:?}");
    }
}

fn texts(texts: &[&str]) -> Frames {
    texts.iter().map(|text| Ok((*text).to_owned())).collect()
}

#[test]
fn a_follower_gets_all_data_of_the_fill_up_to_its_end() {
    let writer = writer(SizeHint::with_exact(5), &[bytes("ab")]);
    let mut body = following(&writer, None);
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(5), false));
    assert_eq!(all(&mut body), (texts(&["ab"]), false));
    assert_eq!(body.size_hint().exact(), Some(3));
    writer.push(bytes("c"));
    assert_eq!(all(&mut body), (texts(&["c"]), false));
    let mut late = following(&writer, None);
    writer.push(bytes("de"));
    writer.finish(bytes("abcde"));
    assert_eq!(all(&mut body), (texts(&["de"]), true));
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
    assert!(!late.is_end_stream());
    assert_eq!(all(&mut late), (texts(&["abcde"]), true));
    assert_eq!(all(&mut late), (texts(&[]), true));
}

#[test]
fn the_rest_of_what_broke_off_has_to_belong_to_it() {
    let trailers = || Ok(Frame::trailers(HeaderMap::new()));
    let cases: Vec<(Vec<_>, &[&str], Option<String>)> = vec![
        (vec![data("abcd")], &["d"], None),
        (vec![data("a"), data("bc"), data("d"), data("e")], &["d", "e"], None),
        (vec![data("abc")], &[], None),
        (vec![data("abcd"), trailers()], &["d", "trailers"], None),
        (vec![data("abcd"), Err("gone".into()), data("e")], &["d"], Some("gone".into())),
        (vec![data("ab"), Err("gone".into()), data("c")], &[], Some("gone".into())),
        (vec![data("ab")], &[], Some(failed())),
        (vec![], &[], Some(failed())),
        (vec![data("ab"), trailers()], &[], Some(failed())),
        (vec![data("abx"), data("c")], &[], Some(failed())),
        (vec![data("Abcd")], &[], Some(failed())),
    ];
    for (other, rest, error) in cases {
        let case = format!("{other:?}");
        let writer = writer(SizeHint::new(), &[bytes("abc")]);
        let mut body = following(&writer, Some(response(other)));
        assert_eq!(all(&mut body), (texts(&["abc"]), false));
        drop(writer);
        let mut expected = texts(rest);
        expected.extend(error.map(Err));
        assert!(!body.is_end_stream());
        assert_eq!(all(&mut body), (expected, true), "{case}");
        assert!(body.is_end_stream(), "{case}");
        assert_eq!(all(&mut body), (texts(&[]), true), "{case}");
    }
}

#[test]
fn the_other_response_has_to_be_about_the_same() {
    let plain = || response([data("abc")]);
    let with = |name: &'static str, value: &'static str| {
        let mut response = plain();
        response.headers_mut().insert(name, value.parse().unwrap());
        response
    };
    let status = |status| {
        let mut response = plain();
        *response.status_mut() = status;
        response
    };
    let long =
        |length| plain().map(|_| CacheBody::inner(Inner([data("abc")].into(), SizeHint::with_exact(length))));
    let cases = [
        (Some(plain()), true),
        (None, false),
        (Some(status(StatusCode::NOT_FOUND)), false),
        (Some(with("content-type", "text/html")), false),
        (Some(with("content-encoding", "br")), false),
        (Some(with("content-language", "de")), false),
        // The cache may have made an `ETag` since, and the head promised none.
        (Some(with("etag", "\"1\"")), true),
        (Some(with("date", "now")), true),
        (Some(long(3)), true),
        (Some(long(4)), false),
    ];
    for (number, (other, is_same)) in cases.into_iter().enumerate() {
        let writer = writer(SizeHint::with_exact(3), &[bytes("ab")]);
        let mut body = following(&writer, other);
        assert_eq!(all(&mut body), (texts(&["ab"]), false));
        drop(writer);
        let expected = if is_same { texts(&["c"]) } else { vec![Err(failed())] };
        assert_eq!(all(&mut body), (expected, true), "{number}");
    }
}

/// A clean end makes no difference.
#[test]
fn a_body_that_ends_early_fails() {
    let writer = writer(SizeHint::with_exact(5), &[bytes("abc")]);
    let mut bodies = [following(&writer, None), following(&writer, None)];
    assert_eq!(all(&mut bodies[0]), (texts(&["abc"]), false));
    writer.finish(bytes("abc"));
    assert!(!bodies[0].is_end_stream());
    assert_eq!(all(&mut bodies[0]), (vec![Err(failed())], true));
    assert_eq!(all(&mut bodies[1]), (vec![Ok("abc".into()), Err(failed())], true));
}

#[test]
fn a_body_may_be_shared_as_the_inner_one_may_and_is_no_larger_for_it() {
    const fn is_sync<T: Sync + Send + Unpin>() {}
    is_sync::<CacheBody<http_body_util::Full<Bytes>>>();
    assert_eq!(size_of::<Box<FollowerBody<Inner>>>(), size_of::<usize>());
    assert!(size_of::<CacheBody<http_body_util::Full<Bytes>>>() <= size_of::<Option<Bytes>>() + 16);
}
