use http::HeaderMap;
use http_body_util::BodyExt as _;
use larder_testing::{Answer, AnswerBody, Gate, Origin, Step as Does};
use tower::ServiceExt as _;

use super::*;
use crate::http::body::CacheBody;
use crate::http::body::tee::tee;
use crate::testing::soon;

const LIMIT: usize = 8;

async fn body(answer: Answer) -> AnswerBody {
    let request = http::Request::new(());
    Origin::always(answer).oneshot(request).await.unwrap().into_body()
}

async fn steps(steps: impl IntoIterator<Item = Does>) -> AnswerBody {
    body(Answer::ok("").steps(steps)).await
}

#[tokio::test]
async fn a_body_that_is_there_is_read_without_waiting() {
    let whole = |at_once| match at_once {
        CollectNow::Complete(body) => body.into_bytes(),
        CollectNow::Pending(..) => panic!("it is all there"),
    };
    let one = body(Answer::ok("hello")).await;
    assert_eq!(whole(Collector::new(one, LIMIT).poll_now().await), "hello");
    let many = steps([Does::data("he"), Does::data("llo")]).await;
    assert_eq!(whole(Collector::new(many, LIMIT).poll_now().await), "hello");
    let none = body(Answer::ok("")).await;
    assert_eq!(whole(Collector::new(none, LIMIT).poll_now().await), "");
    let full = body(Answer::ok("x".repeat(LIMIT))).await;
    assert_eq!(whole(Collector::new(full, LIMIT).poll_now().await).len(), LIMIT);
}

/// The buffer that a handler wrote into may be much larger than the data.
#[tokio::test]
async fn a_collected_body_does_not_keep_the_handlers_buffer_alive() {
    let large = Bytes::from(vec![b'x'; 1 << 16]);
    let small = large.slice(..4);
    let at_once = Collector::new(body(Answer::ok(small)).await, LIMIT).poll_now().await;
    let CollectNow::Complete(whole) = at_once else { panic!("it is all there") };
    let whole = whole.into_bytes();
    assert_eq!(whole, "xxxx");
    assert!(!large.as_ptr_range().contains(&whole.as_ptr()));
}

#[tokio::test]
async fn a_body_that_waits_is_pending_with_the_data_read_so_far() {
    let gate = Gate::new();
    let waiting = steps([Does::data("he"), Does::Hold(gate.clone()), Does::data("llo")]).await;
    let CollectNow::Pending(collector, None) = Collector::new(waiting, LIMIT).poll_now().await else {
        panic!("it waits");
    };
    assert_eq!(collector.chunks(), ["he"]);
    let (writer, reader) = tee(http_body::SizeHint::new());
    let client = tokio::spawn(CacheBody::tee(reader).collect());
    let stored = tokio::spawn(to_the_end(collector, None, writer));
    gate.open();
    assert_eq!(soon(stored).await.unwrap(), Ok(Bytes::from_static(b"hello")));
    assert_eq!(soon(client).await.unwrap().unwrap().to_bytes(), "llo", "earlier data was pushed before");
}

async fn to_the_end<B: Body<Data = Bytes>>(
    collector: Collector<B>,
    first: Option<BodyStep<B>>,
    writer: Tee<B>,
) -> Result<Bytes, NotStored> {
    let mut reading = BodyReading { followers: None, length: None, release: None };
    let (bytes, writer) = collector.collect_rest(first, writer, &mut reading, std::future::pending()).await?;
    writer.finish();
    Ok(bytes)
}

/// A body that does not end in time is handed over to its client and not stored.
#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_end_is_handed_over() {
    let body = steps(vec![Does::data("he"), Does::Stall]).await;
    let CollectNow::Pending(collector, first) = Collector::new(body, LIMIT).poll_now().await else {
        panic!("it has not ended");
    };
    let (writer, reader) = tee(http_body::SizeHint::new());
    assert_eq!(to_the_end(collector, first, writer).await, Err(NotStored::Endless));
    let client = tokio::time::timeout(MAX_BODY_TIME, CacheBody::tee(reader).collect()).await;
    assert!(client.is_err(), "it does not look as if it had ended");
}

/// A body of known length does end, so it may take longer, but not without limit.
#[tokio::test(start_paused = true)]
async fn a_body_of_known_length_may_take_longer_as_long_as_it_comes() {
    let pause = MAX_BODY_TIME - Duration::from_secs(1);
    for (length, steps, expected) in [
        (Some(4), 4, Ok(Bytes::from_static(b"xxxx"))),
        (None, 4, Err(NotStored::Endless)),
        (Some(100), 100, Err(NotStored::Endless)),
    ] {
        let frames = futures_of(steps, pause);
        let CollectNow::Pending(collector, first) = Collector::new(frames, 1_000).poll_now().await else {
            panic!("it waits");
        };
        let (writer, _reader) = tee(http_body::SizeHint::new());
        let mut reading = BodyReading { followers: None, length, release: None };
        let read = collector.collect_rest(first, writer, &mut reading, std::future::pending()).await;
        assert_eq!(read.map(|(bytes, writer)| (bytes, writer.finish()).0), expected, "{length:?}");
    }
}

/// Returns a body with this number of frames of one byte, each after a pause.
fn futures_of(frames: usize, pause: Duration) -> impl Body<Data = Bytes, Error = std::convert::Infallible> {
    struct Slow(usize, Duration, Pin<Box<tokio::time::Sleep>>);
    impl Body for Slow {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            if self.0 == 0 {
                return Poll::Ready(None);
            }
            std::task::ready!(self.2.as_mut().poll(cx));
            self.0 -= 1;
            let pause = self.1;
            self.2 = Box::pin(tokio::time::sleep(pause));
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }
    Slow(frames, pause, Box::pin(tokio::time::sleep(pause)))
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_the_end_are_let_go_in_time_and_the_body_is_read_on() {
    let body = futures_of(3, Duration::from_secs(2));
    let CollectNow::Pending(collector, None) = Collector::new(body, LIMIT).poll_now().await else {
        panic!("it waits");
    };
    let (writer, _reader) = tee(http_body::SizeHint::new());
    let begun = Instant::now();
    let mut released_after = Vec::new();
    let mut release = || released_after.push(begun.elapsed().as_secs());
    let at = begun + Duration::from_secs(1);
    let mut reading = BodyReading { followers: None, length: None, release: Some((at, &mut release)) };
    let read = collector.collect_rest(None, writer, &mut reading, std::future::pending()).await;
    assert_eq!(read.map(|(bytes, writer)| (bytes, writer.finish()).0), Ok(Bytes::from_static(b"xxx")));
    assert_eq!(released_after, [1]);
}

#[tokio::test]
async fn a_body_that_nobody_waits_for_is_read_no_further() {
    let body = steps(vec![Does::data("he"), Does::Stall]).await;
    let CollectNow::Pending(collector, first) = Collector::new(body, LIMIT).poll_now().await else {
        panic!("it waits");
    };
    let (writer, _reader) = tee(http_body::SizeHint::new());
    let mut reading = BodyReading { followers: None, length: None, release: None };
    let read = collector.collect_rest(first, writer, &mut reading, std::future::ready(())).await;
    assert!(matches!(read, Err(NotStored::Abandoned)));
}

/// Returns why a body with these steps is not stored, and what its client still gets.
async fn rest(does: Vec<Does>) -> (NotStored, Result<(Bytes, bool), String>) {
    let CollectNow::Pending(collector, Some(first)) =
        Collector::new(steps(does).await, LIMIT).poll_now().await
    else {
        panic!("it is not storable");
    };
    let reason = first.not_stored_reason().unwrap();
    let (writer, reader) = tee(http_body::SizeHint::new());
    for data in collector.chunks() {
        writer.push(Frame::data(data.clone()));
    }
    assert_eq!(to_the_end(collector, Some(first), writer).await, Err(reason));
    let read = soon(CacheBody::tee(reader).collect()).await;
    let read = read.map(|read| (read.trailers().is_some(), read.to_bytes()));
    (reason, read.map(|(trailers, bytes)| (bytes, trailers)).map_err(|error| error.to_string()))
}

#[tokio::test]
async fn a_body_that_is_not_for_storing_reaches_its_client_untouched() {
    let (reason, read) = rest(vec![Does::data("hello"), Does::data("world"), Does::data("!")]).await;
    assert_eq!(reason, NotStored::TooLarge);
    assert_eq!(read, Ok((Bytes::from_static(b"helloworld!"), false)));

    let (reason, read) = rest(vec![Does::data("hello"), Does::Trailers(HeaderMap::new())]).await;
    assert_eq!(reason, NotStored::Trailers);
    assert_eq!(read, Ok((Bytes::from_static(b"hello"), true)));

    let (reason, read) = rest(vec![Does::data("hello"), Does::fail("broken")]).await;
    assert_eq!(reason, NotStored::BodyError);
    assert_eq!(read, Err("broken".to_owned()));
}

#[test]
fn the_last_byte_that_fits_is_the_limits() {
    let take = |size: usize| {
        let mut collector = Collector::new(http_body_util::Empty::<Bytes>::new(), LIMIT);
        collector.accept(Some(Ok(Frame::data(Bytes::from(vec![0; LIMIT - 1])))));
        collector.accept(Some(Ok(Frame::data(Bytes::from(vec![0; size])))))
    };
    assert!(matches!(take(1), BodyStep::Data(_)));
    assert!(matches!(take(2), BodyStep::TooLarge(_)));
}

/// A body that lets its reader wait once, and then panics.
struct Panics(bool);

impl Body for Panics {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.0 {
            std::panic::resume_unwind(Box::new("in the body"));
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[tokio::test]
async fn a_body_that_panics_does_so_where_its_client_is() {
    let CollectNow::Pending(collector, None) = Collector::new(Panics(false), LIMIT).poll_now().await else {
        panic!("it waits");
    };
    let (writer, reader) = tee(http_body::SizeHint::new());
    let client = tokio::spawn(CacheBody::tee(reader).collect());
    let stored = tokio::spawn(to_the_end(collector, None, writer));
    assert!(soon(stored).await.unwrap_err().is_panic());
    assert!(soon(client).await.unwrap_err().is_panic());
}
