//! Responses that are compressed: by the cache once, or by a layer around it or inside of it.

mod client;
mod hits;
mod processor_time;
mod server;
mod spellings;
mod store_size;

use std::convert::Infallible;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Request, Response};
use bytes::Bytes;
use clap::ValueEnum;
use larder::ContentCoding::{Br, Gzip, Zstd};
use larder::{Policy, ttl};
use tower::{Service, service_fn};

pub use self::hits::send_hits;
pub use self::processor_time::print_processor_time;
pub use self::server::serve;
pub use self::spellings::print_handler_runs;
pub use self::store_size::print_store_sizes;

/// The field of today's browsers.
pub const BROWSER: &str = "gzip, deflate, br, zstd";

/// The place where responses are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// `Policy::encode`.
    Encode,
    /// A `CompressionLayer` around the cache.
    Outside,
    /// A `CompressionLayer` inside of the cache.
    Inside,
    /// Nowhere. The response is as large as the compressed one.
    Size,
}

impl Place {
    /// Returns the name that [`ValueEnum`] parses.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Returns the policy that codes responses.
fn policy() -> Policy {
    Policy::ttl(ttl::STANDARD).encode([Br, Zstd, Gzip])
}

/// Returns a JSON text of about this length: a list of products, with numbers that differ.
fn json(length: usize) -> Bytes {
    let mut text = String::from("[");
    for id in 0_u32.. {
        let price = id.wrapping_mul(2_654_435_761) % 100_000;
        let item =
            format!(r#"{{"id":{id},"name":"Product {price:x}","price":{price},"in_stock":{}}},"#, id % 3 > 0);
        if text.len() + item.len() > length {
            break;
        }
        text.push_str(&item);
    }
    text.push_str(&" ".repeat(length.saturating_sub(text.len() + 1)));
    text.push(']');
    text.into()
}

/// Returns a handler with a JSON text of this length.
pub(crate) fn service(
    length: usize,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    answering(json(length), "application/json")
}

/// Returns a handler with a body of this length that no layer compresses.
fn opaque_service(
    length: usize,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    answering(Bytes::from(vec![b'x'; length]), "image/png")
}

fn answering(
    body: Bytes,
    media_type: &'static str,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service_fn(move |_: Request<Body>| {
        let mut response = Response::new(Body::from(body.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        async { Ok(response) }
    })
}

/// Returns the length of the JSON text of this length in brotli, as the cache makes it.
fn coded_length(length: usize) -> usize {
    let mut coded = Vec::new();
    let params =
        brotli::enc::BrotliEncoderParams { quality: 5, ..brotli::enc::BrotliEncoderParams::default() };
    brotli::BrotliCompress(&mut &*json(length), &mut coded, &params).expect("it is coded");
    coded.len()
}
