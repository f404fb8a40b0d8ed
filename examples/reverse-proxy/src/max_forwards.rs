//! The `Max-Forwards` field, which limits how far a `TRACE` or `OPTIONS` request goes (RFC 9110
//! §7.6.2).

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, COOKIE, MAX_FORWARDS, PROXY_AUTHORIZATION};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

use crate::proxy_error::text_response;

/// Decrements the count, or answers the request if it ends here.
///
/// "Each intermediary that receives a TRACE or OPTIONS request containing a Max-Forwards header
/// field MUST check and update its value prior to forwarding the request."
pub(crate) fn check(parts: &mut Parts) -> Option<Response<Full<Bytes>>> {
    if parts.method != Method::TRACE && parts.method != Method::OPTIONS {
        return None;
    }
    let left = left(parts.headers.get(MAX_FORWARDS)?)?;
    if left > 0 {
        // "the lesser of: a) the received value decremented by one (1), or b) the recipient's
        // maximum supported value"
        parts.headers.insert(MAX_FORWARDS, HeaderValue::from(left - 1));
        return None;
    }
    // "If the received value is zero (0), the intermediary MUST NOT forward the request; instead,
    // the intermediary MUST respond to the request as the final recipient."
    Some(if parts.method == Method::TRACE { echo(parts) } else { options() })
}

/// `Max-Forwards = 1*DIGIT`. Other values are ignored.
fn left(value: &HeaderValue) -> Option<u32> {
    let digits = value.to_str().ok()?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u32::MAX))
}

/// RFC 9110 §9.3.8: "The final recipient of the request SHOULD reflect the message received,
/// excluding some fields described below, back to the client as the content of a 200 (OK)
/// response." The excluded fields are "likely to contain sensitive data".
fn echo(parts: &Parts) -> Response<Full<Bytes>> {
    let mut message = format!("{} {} {:?}\r\n", parts.method, parts.uri, parts.version);
    for (name, value) in &parts.headers {
        if ![AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name) {
            // Writing to a string does not fail.
            let _ = write!(message, "{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
        }
    }
    message.push_str("\r\n");
    let mut answer = text_response(StatusCode::OK, message);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("message/http"));
    answer
}

/// RFC 9110 §9.3.7: lists the methods that this proxy answers itself.
fn options() -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("OPTIONS, TRACE"));
    answer
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use http::Request;

    fn parts(method: &str, left: Option<&str>) -> Parts {
        let mut request =
            Request::builder().method(method).uri("/a").header("a", "1").header("cookie", "b=2");
        if let Some(left) = left {
            request = request.header(MAX_FORWARDS, left);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_count_goes_down_to_nought() {
        let cases = [
            ("TRACE", Some("0"), Err(200)),
            ("OPTIONS", Some("0"), Err(204)),
            ("OPTIONS", Some("000"), Err(204)),
            ("TRACE", Some("1"), Ok(Some("0"))),
            ("OPTIONS", Some("70"), Ok(Some("69"))),
            ("OPTIONS", Some("99999999999999999999"), Ok(Some("4294967294"))),
            ("OPTIONS", Some("many"), Ok(Some("many"))),
            ("OPTIONS", Some("-1"), Ok(Some("-1"))),
            ("OPTIONS", None, Ok(None)),
            // "A recipient MAY ignore a Max-Forwards header field received with any other request
            // methods."
            ("GET", Some("0"), Ok(Some("0"))),
        ];
        for (method, received, expected) in cases {
            let mut parts = parts(method, received);
            let answered = check(&mut parts).map(|answer| answer.status().as_u16());
            let left = parts.headers.get(MAX_FORWARDS).map(|left| left.to_str().unwrap());
            match expected {
                Err(status) => assert_eq!(answered, Some(status), "{method} {received:?}"),
                Ok(forwarded) => assert_eq!((answered, left), (None, forwarded), "{method} {received:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_trace_response_echoes_the_request_without_secrets() {
        let echo = check(&mut parts("TRACE", Some("0"))).unwrap();
        assert_eq!(echo.headers()[CONTENT_TYPE], "message/http");
        let body = echo.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "TRACE /a HTTP/1.1\r\na: 1\r\nmax-forwards: 0\r\n\r\n");
    }
}
