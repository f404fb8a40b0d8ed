//! A cache in front of a scripted origin.

use std::time::Duration;

use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty};
use larder::{Cache, CacheService, Policy};
use larder_testing::{Answer, ManualClock, Origin};
use tower::{Layer, ServiceExt};

pub(crate) struct Proxy {
    pub(crate) cache: Cache,
    service: CacheService<Origin>,
    pub(crate) origin: Origin,
    pub(crate) clock: ManualClock,
}

/// Returns a cache with this policy in front of an origin that gives these answers in order.
pub(crate) fn proxy(policy: Policy, answers: impl IntoIterator<Item = Answer>) -> Proxy {
    before(policy, Origin::queue(answers))
}

/// Returns a cache with this policy in front of this origin.
pub(crate) fn before(policy: Policy, origin: Origin) -> Proxy {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).build();
    let service = cache.layer(policy).layer(origin.clone());
    Proxy { cache, service, origin, clock }
}

impl Proxy {
    /// Sends a request with these fields, and returns the response with its body as text.
    pub(crate) async fn send(&self, method: &str, uri: &str, fields: &[(&str, &str)]) -> Response<String> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = Request::builder().method(method).uri(uri);
        if !fields.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "shop.example");
        }
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
        let (parts, body) = self.service.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Response::from_parts(parts, String::from_utf8(body.to_vec()).unwrap())
    }

    pub(crate) async fn get(&self, fields: &[(&str, &str)]) -> Response<String> {
        self.send("GET", "/", fields).await
    }

    /// Advances the clock of the cache.
    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// Returns the values of a field, joined by commas. Empty if the field is absent.
pub(crate) fn field(response: &Response<String>, name: &str) -> String {
    let lines = response.headers().get_all(name).iter().map(|value| value.to_str().unwrap());
    lines.collect::<Vec<_>>().join(", ")
}

/// The status and the fields of a response.
pub(crate) type Head<'a> = (u16, &'a [(&'a str, &'a str)]);

/// Returns answers with these heads. The body of each is its number, counted from 1.
pub(crate) fn answers(bodies: &[Head<'_>]) -> Vec<Answer> {
    let answer = |(index, (status, fields)): (usize, &Head<'_>)| {
        let answer = Answer::status((*status).try_into().unwrap()).body((index + 1).to_string());
        fields.iter().fold(answer, |answer, (name, value)| answer.header(*name, *value))
    };
    bodies.iter().enumerate().map(answer).collect()
}
