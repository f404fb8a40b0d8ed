//! A handwritten layer: the URI is the key, a hit is one `GET`, and the encoding is minimal.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{Request, Response};
use fred::prelude::{Builder, Client, ClientLike, Config, KeysInterface};
use http_body_util::BodyExt;
use tower::{Service, ServiceExt, service_fn};

use super::frame;

/// Returns a service over `origin` that answers from the Redis at `url`, and stores missing
/// responses there.
///
/// # Panics
///
/// Panics if Redis is not available, now or at any request.
pub async fn handwritten<S>(
    url: &str,
    origin: S,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let client = Builder::from_config(Config::from_url(url).expect("a URL")).build().expect("a client");
    client.init().await.expect("a connection");
    service_fn(move |request| answer(client.clone(), origin.clone(), request))
}

async fn answer<S>(client: Client, origin: S, request: Request<Body>) -> Result<Response<Body>, Infallible>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let key = request.uri().to_string();
    let found: Option<bytes::Bytes> = client.get(&key).await.expect("an answer from Redis");
    if let Some(found) = found {
        return Ok(frame::decode(found));
    }
    let (response, body) = origin.oneshot(request).await?.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    let response = Response::from_parts(response, ());
    let stored = frame::encode(&response, &body);
    let () = client.set(key, stored, None, None, false).await.expect("an answer from Redis");
    Ok(response.map(|()| Body::from(body)))
}
