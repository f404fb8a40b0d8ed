//! The scripted origin follows its script and records its requests.
#![allow(clippy::unwrap_used)] // Clippy does not see that the helpers here are tests too.

use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use larder_testing::{Answer, AnswerBody, Gate, Origin, Step};
use tower::{Service, ServiceExt};

async fn get(origin: &Origin, uri: &str) -> Response<AnswerBody> {
    let request = Request::get(uri).body(Empty::<&[u8]>::new()).unwrap();
    origin.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response<AnswerBody>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Returns the data of the next frame.
async fn data(body: &mut AnswerBody) -> String {
    let bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn the_script_sees_the_request_and_the_number_of_the_call() {
    let origin = Origin::new(|request, call| {
        Answer::ok(format!("{} {call}", request.uri))
            .header("cache-control", "max-age=60")
            .header("vary", String::from("accept"))
            .header("vary", "cookie")
    });
    assert_eq!(text(get(&origin, "/a?b=c").await).await, "/a?b=c 1");

    let response = get(&origin, "/").await;
    assert_eq!(response.headers()["cache-control"], "max-age=60");
    assert_eq!(response.headers().get_all("vary").iter().count(), 2);
    assert_eq!(text(response).await, "/ 2");
}

#[tokio::test]
async fn clones_remember_every_request_without_its_extensions() {
    let origin = Origin::always(Answer::status(StatusCode::NO_CONTENT));
    let request = Request::put("/x").header("accept", "*/*").extension(7_u8).body(()).unwrap();
    let response = origin.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    get(&origin, "/y").await;

    assert_eq!(origin.calls(), 2);
    let requests = origin.requests();
    assert_eq!((&requests[0].method, requests[0].uri.path()), (&Method::PUT, "/x"));
    assert_eq!(requests[0].headers["accept"], "*/*");
    assert!(requests[0].extensions.is_empty());
    assert_eq!((&requests[1].method, requests[1].uri.path()), (&Method::GET, "/y"));
}

#[tokio::test]
async fn a_queue_is_answered_in_order_and_says_when_it_is_empty() {
    let origin = Origin::queue([Answer::ok("one"), Answer::ok("two")]);
    assert_eq!(text(get(&origin, "/").await).await, "one");
    assert_eq!(text(get(&origin, "/").await).await, "two");
    let beyond = get(&origin, "/").await;
    assert_eq!(beyond.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(beyond).await, "no answer is scripted for call 3");
}

#[tokio::test]
async fn a_held_call_counts_at_once_and_answers_when_the_gate_opens() {
    let gate = Gate::new();
    let origin = Origin::queue([Answer::ok("slow").held_at(&gate), Answer::ok("fast")]);
    let slow = tokio::spawn({
        let origin = origin.clone();
        async move { text(get(&origin, "/").await).await }
    });
    gate.arrived(1).await;
    assert_eq!(origin.calls(), 1);
    assert_eq!(text(get(&origin, "/").await).await, "fast");
    assert!(!slow.is_finished());

    gate.open();
    assert_eq!(slow.await.unwrap(), "slow");
}

#[tokio::test]
async fn a_panicking_answer_panics_after_its_gate() {
    let gate = Gate::new();
    let origin = Origin::always(Answer::panicking("out of cheese").held_at(&gate));
    let call = tokio::spawn(origin.clone().oneshot(Request::new(())));
    gate.arrived(1).await;
    assert!(!call.is_finished());
    gate.open();

    let panic = call.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "out of cheese");
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
#[should_panic(expected = "called without `poll_ready`")]
async fn each_clone_has_to_be_ready_itself() {
    let mut ready = Origin::always(Answer::ok(""));
    ServiceExt::<Request<()>>::ready(&mut ready).await.unwrap();
    drop(ready.clone().call(Request::new(())));
}

#[test]
#[should_panic(expected = "x: ")]
fn a_header_that_cannot_be_is_a_mistake_of_the_test() {
    let _ = Answer::ok("").header("x", "\n");
}

#[tokio::test]
async fn a_body_given_as_bytes_tells_its_length() {
    let mut body = get(&Origin::always(Answer::ok("four")), "/").await.into_body();
    assert_eq!(body.size_hint().exact(), Some(4));
    assert!(!body.is_end_stream());
    assert_eq!(data(&mut body).await, "four");
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.is_end_stream());

    let empty = get(&Origin::always(Answer::ok("")), "/").await.into_body();
    assert_eq!((empty.size_hint().exact(), empty.is_end_stream()), (Some(0), true));
}

#[tokio::test]
async fn a_body_of_steps_takes_them_one_by_one() {
    let gate = Gate::new();
    let trailers = HeaderMap::from_iter([(http::header::ETAG, "\"a\"".parse().unwrap())]);
    let steps =
        [Step::data("one"), Step::Hold(gate.clone()), Step::data("two"), Step::Trailers(trailers.clone())];
    let origin = Origin::always(Answer::ok("").steps(steps));
    let mut body = get(&origin, "/").await.into_body();
    assert_eq!(body.size_hint().exact(), None);
    assert_eq!(data(&mut body).await, "one");

    let rest = tokio::spawn(async move { body.collect().await.unwrap() });
    gate.arrived(1).await;
    assert!(!rest.is_finished());
    gate.open();
    let rest = rest.await.unwrap();
    assert_eq!(rest.trailers(), Some(&trailers));
    assert_eq!(rest.to_bytes(), "two");
}

#[tokio::test]
async fn a_failing_body_ends_with_its_error() {
    let steps = [Step::data("half"), Step::fail("disk on fire"), Step::data("never")];
    let mut body = get(&Origin::always(Answer::ok("").steps(steps)), "/").await.into_body();
    assert_eq!(data(&mut body).await, "half");
    assert_eq!(body.frame().await.unwrap().unwrap_err().to_string(), "disk on fire");
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_never_ends() {
    let steps = [Step::data("some"), Step::Stall];
    let mut body = get(&Origin::always(Answer::ok("").steps(steps)), "/").await.into_body();
    assert_eq!(data(&mut body).await, "some");
    let more = tokio::time::timeout(Duration::from_secs(3600), body.frame()).await;
    assert!(more.is_err());
    assert!(!body.is_end_stream());
}

#[tokio::test]
async fn a_repeating_body_goes_on() {
    let steps = [Step::Repeat("tick".into())];
    let mut body = get(&Origin::always(Answer::ok("").steps(steps)), "/").await.into_body();
    for _ in 0..1000 {
        assert_eq!(data(&mut body).await, "tick");
    }
    assert!(!body.is_end_stream());
}
