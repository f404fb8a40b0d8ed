//! Whether a request has a body that its header fields do not announce.

use http::request::Parts;

/// Whether the request has a body that its header fields do not announce.
///
/// From HTTP/2 on, a body needs no header field at all. Of all types of bodies, only axum's can be
/// inspected.
#[inline]
pub(crate) fn has_unannounced_body<Q: 'static>(parts: &Parts, body: &Q) -> bool {
    parts.version > http::Version::HTTP_11 && is_sent(body)
}

#[cfg(feature = "axum")]
fn is_sent<Q: 'static>(body: &Q) -> bool {
    use std::any::Any;

    use http_body::Body as _;

    let body = (body as &dyn Any).downcast_ref::<axum::body::Body>();
    body.is_some_and(|body| !body.is_end_stream() && body.size_hint().exact() != Some(0))
}

/// Returns `false`: nothing is known about a body that is only passed on.
#[cfg(not(feature = "axum"))]
fn is_sent<Q: 'static>(_: &Q) -> bool {
    false
}

#[cfg(all(test, feature = "axum"))]
mod tests {
    use axum::body::Body;
    use http::{Request, Version};

    use super::*;

    fn parts(version: Version) -> Parts {
        let mut parts = Request::new(()).into_parts().0;
        parts.version = version;
        parts
    }

    #[test]
    fn a_body_that_no_field_announces_is_seen_where_there_can_be_one() {
        let parts_of_two = parts(Version::HTTP_2);
        assert!(has_unannounced_body(&parts_of_two, &Body::from("a")));
        assert!(!has_unannounced_body(&parts_of_two, &Body::empty()));
        assert!(!has_unannounced_body(&parts_of_two, &Body::from("")));
        assert!(!has_unannounced_body(&parts_of_two, &()));
        assert!(!has_unannounced_body(&parts(Version::HTTP_11), &Body::from("a")), "its fields announce it");
    }
}
