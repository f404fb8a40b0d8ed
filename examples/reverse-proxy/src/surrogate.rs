//! The `Surrogate-Control` field of the Edge Architecture Specification 1.0 (W3C note, 2001), the
//! predecessor of RFC 9213.
//!
//! Old services still send it. For the cache it is one more targeted field. Unlike in RFC 9213, a
//! parameter can restrict a directive to one surrogate among several. This module evaluates that
//! parameter.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::tags::TagFields;
use crate::via::ViaName;

pub(crate) const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");
const SURROGATE_CAPABILITY: HeaderName = HeaderName::from_static("surrogate-capability");

/// Announces the name of this proxy to the origin, in place of the surrogates before it.
///
/// The response may be stored, and is then for every client. An origin must not make it for what
/// one client announced, such as `ESI/1.0`. Surrogates before this proxy get no `Surrogate-Control`
/// anyway.
pub(crate) fn announce(request: &mut HeaderMap, name: &ViaName) {
    request.remove(SURROGATE_CAPABILITY);
    if let Ok(capability) = HeaderValue::try_from(format!("{name}=\"Surrogate/1.0\"")) {
        request.insert(SURROGATE_CAPABILITY, capability);
    }
}

/// Returns the fields that the proxy uses itself, so that clients do not get them.
///
/// Other targeted fields are passed on. RFC 9213 §3.1: "CDN caches that use CDN-Cache-Control will
/// typically forward this header so that downstream CDN caches can use it as well."
pub(crate) fn consumed_fields(targets: &[HeaderName], tags: &TagFields) -> Box<[HeaderName]> {
    let control = targets.iter().filter(|name| **name == SURROGATE_CONTROL);
    control.chain(tags.names()).cloned().collect()
}

/// Keeps the directives for every surrogate and those for this one. The latter come last, because
/// the last of two duplicates counts in a dictionary of structured fields (RFC 9651 §3.2).
pub(crate) fn filter_directives(response: &mut HeaderMap, name: &ViaName) {
    let lines = response.get_all(SURROGATE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let members: Vec<&str> = lines.flat_map(|line| split(line, ',')).map(str::trim).collect();
    if members.is_empty() {
        return;
    }
    let (mut all, mut ours) = (Vec::new(), Vec::new());
    for member in members {
        let mut parts = split(member, ';').map(str::trim);
        let directive = parts.next().unwrap_or_default();
        match parts.next() {
            None => all.push(directive),
            Some(target) if target == name.as_str() => ours.push(directive),
            Some(_) => {}
        }
    }
    all.append(&mut ours);
    match HeaderValue::try_from(all.join(", ")) {
        Ok(left) if !left.is_empty() => drop(response.insert(SURROGATE_CONTROL, left)),
        _ => drop(response.remove(SURROGATE_CONTROL)),
    }
}

/// Splits a text at this character, except inside quotation marks.
fn split(text: &str, at: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |sign| {
        quoted ^= sign == '"';
        sign == at && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_for_this_surrogate_is_left() {
        let cases: [(&[&str], Option<&str>); 8] = [
            (&["max-age=3600"], Some("max-age=3600")),
            (&["max-age=3600;larder"], Some("max-age=3600")),
            (&["max-age=3600;other"], None),
            (&["max-age=60, max-age=3600;larder, no-store;other"], Some("max-age=60, max-age=3600")),
            (&["max-age=3600; larder , max-age=60"], Some("max-age=60, max-age=3600")),
            (&["no-store", "content=\"ESI/1.0, a;b\""], Some("no-store, content=\"ESI/1.0, a;b\"")),
            (&[""], None),
            (&[], None),
        ];
        for (lines, expected) in cases {
            let mut fields = HeaderMap::new();
            for line in lines {
                fields.append(SURROGATE_CONTROL, line.parse().unwrap());
            }
            filter_directives(&mut fields, &"larder".parse().unwrap());
            let left: Vec<_> =
                fields.get_all(SURROGATE_CONTROL).iter().map(|line| line.to_str().unwrap()).collect();
            assert_eq!(left, Vec::from_iter(expected), "{lines:?}");
        }
    }

    #[test]
    fn only_this_surrogate_is_announced() {
        let mut fields = HeaderMap::from_iter([(SURROGATE_CAPABILITY, "a=\"ESI/1.0\"".parse().unwrap())]);
        announce(&mut fields, &"larder".parse().unwrap());
        let lines: Vec<_> = fields.get_all(SURROGATE_CAPABILITY).iter().collect();
        assert_eq!(lines, ["larder=\"Surrogate/1.0\""]);
    }
}
