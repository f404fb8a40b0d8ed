//! The names of header fields, with one byte for each usual name.

use http::header::{self, HeaderName};

use crate::wire::error::WireErrorKind;
use crate::wire::reader::Reader;
use crate::wire::writer::{self, Sink};

/// The byte before a name that is written out.
const WRITTEN_OUT: u8 = 0;

/// The names that are written as their place in this list, counted from one.
///
/// The list is part of the wire form. A name may be added at the end, together with a new version.
/// No name may move.
static USUAL: [HeaderName; 41] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CACHE_CONTROL,
    header::ETAG,
    header::LAST_MODIFIED,
    header::DATE,
    header::EXPIRES,
    header::VARY,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_DISPOSITION,
    header::CONTENT_SECURITY_POLICY,
    header::ACCEPT_RANGES,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
    header::ALLOW,
    header::ALT_SVC,
    header::LINK,
    header::LOCATION,
    header::PRAGMA,
    header::REFERRER_POLICY,
    header::RETRY_AFTER,
    header::SERVER,
    header::STRICT_TRANSPORT_SECURITY,
    header::VIA,
    header::X_CONTENT_TYPE_OPTIONS,
    header::X_FRAME_OPTIONS,
    header::X_XSS_PROTECTION,
    // Request fields, which `Vary` can name.
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::ORIGIN,
    header::USER_AGENT,
];

pub(super) fn write(sink: &mut dyn Sink, name: &HeaderName) {
    match (1..=u8::MAX).zip(&USUAL).find(|(_, usual)| *usual == name) {
        Some((place, _)) => sink.put(&[place]),
        None => {
            sink.put(&[WRITTEN_OUT]);
            writer::bytes(sink, name.as_str().as_bytes());
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<HeaderName, WireErrorKind> {
    match reader.array()? {
        [WRITTEN_OUT] => HeaderName::from_lowercase(reader.bytes()?).map_err(|_| WireErrorKind::Malformed),
        [place] => USUAL.get(usize::from(place) - 1).cloned().ok_or(WireErrorKind::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If this fails, stored values of the last version would be read with other names.
    #[test]
    fn no_name_has_moved() {
        let expected = "\
            content-type content-length cache-control etag last-modified date expires vary \
            content-encoding content-language content-location content-disposition \
            content-security-policy accept-ranges access-control-allow-credentials \
            access-control-allow-headers access-control-allow-methods access-control-allow-origin \
            access-control-expose-headers access-control-max-age allow alt-svc link location \
            pragma referrer-policy retry-after server strict-transport-security via \
            x-content-type-options x-frame-options x-xss-protection accept accept-encoding \
            accept-language authorization cookie host origin user-agent";
        let names: Vec<_> = USUAL.iter().map(HeaderName::as_str).collect();
        assert_eq!(names.join(" "), expected);
    }
}
