//! A handwritten encoding of responses for a single program: no version, no checksum, no metadata.
//!
//! It consists of the status, the number of header fields, the two lengths and the two texts of
//! each field, and the body. Numbers are two bytes, big-endian.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Encodes a response with this body.
pub(super) fn encode(response: &Response<impl Sized>, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u16(response.status().as_u16());
    put_length(&mut frame, response.headers().len());
    for (name, value) in response.headers() {
        put_length(&mut frame, name.as_str().len());
        put_length(&mut frame, value.len());
        frame.put_slice(name.as_str().as_bytes());
        frame.put_slice(value.as_bytes());
    }
    frame.put_slice(body);
    frame.freeze()
}

fn put_length(frame: &mut BytesMut, length: usize) {
    frame.put_u16(u16::try_from(length).expect("a short response"));
}

/// Decodes a response. Its values and its body are slices of the frame.
pub(super) fn decode(mut frame: Bytes) -> Response<Body> {
    let status = StatusCode::from_u16(frame.get_u16()).expect("a status");
    let fields = frame.get_u16();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    for _ in 0..fields {
        let (name, value) = (frame.get_u16(), frame.get_u16());
        let name = HeaderName::from_bytes(&frame.split_to(name.into())).expect("a name");
        let value = HeaderValue::from_maybe_shared(frame.split_to(value.into())).expect("a value");
        response.headers_mut().append(name, value);
    }
    *response.body_mut() = Body::from(frame);
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_frame_is_decoded_as_it_was_encoded() {
        let response =
            Response::builder().status(203).header("vary", "accept").header("x-two", "").body(()).unwrap();
        let decoded = decode(encode(&response, b"a body"));
        assert_eq!(decoded.status(), response.status());
        assert_eq!(decoded.headers(), response.headers());
        assert_eq!(decoded.into_body().collect().await.unwrap().to_bytes(), "a body");
    }
}
