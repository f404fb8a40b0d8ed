//! The `Forwarded` field: the sender and the target of a request (RFC 7239).

use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, HOST};
use http::{HeaderMap, HeaderValue};

/// Appends what this proxy knows to the elements of the proxies before it.
///
/// RFC 7239 §4: "A proxy server that wants to add a new "Forwarded" header field value can either
/// append it to the last existing "Forwarded" header field after a comma separator or add a new
/// field at the end of the header block." Earlier elements come from the client, and §8.1 says not
/// to rely on them. Only the last element is reliable.
pub(crate) fn append(fields: &mut HeaderMap, peer: SocketAddr) {
    let mut element = format!("for={}", node(peer.ip()));
    if let Some(host) = fields.get(HOST).and_then(|host| host.to_str().ok()) {
        // An accepted host contains no quotation marks or backslashes.
        element.push_str(&format!(";host=\"{host}\""));
    }
    element.push_str(";proto=http");
    if let Ok(element) = HeaderValue::try_from(element) {
        fields.append(FORWARDED, element);
    }
}

/// RFC 7239 §6.1: "an IPv6 address is always enclosed in square brackets", and quoted, since a
/// colon is in no token.
fn node(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("\"[{ip}]\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_added_at_the_end() {
        type Case = (&'static str, Option<&'static str>, Option<&'static str>, &'static [&'static str]);
        let cases: [Case; 4] = [
            (
                "192.0.2.60:4711",
                Some("shop.example"),
                None,
                &["for=192.0.2.60;host=\"shop.example\";proto=http"],
            ),
            (
                "[2001:db8:cafe::17]:4711",
                Some("[::1]:8080"),
                Some("for=unknown"),
                &["for=unknown", "for=\"[2001:db8:cafe::17]\";host=\"[::1]:8080\";proto=http"],
            ),
            ("[::ffff:192.0.2.1]:1", None, None, &["for=192.0.2.1;proto=http"]),
            ("127.0.0.1:1", None, Some("for=a, for=b"), &["for=a, for=b", "for=127.0.0.1;proto=http"]),
        ];
        for (peer, host, before, expected) in cases {
            let mut fields = HeaderMap::new();
            if let Some(host) = host {
                fields.insert(HOST, host.parse().unwrap());
            }
            if let Some(before) = before {
                fields.insert(FORWARDED, before.parse().unwrap());
            }
            append(&mut fields, peer.parse().unwrap());
            let lines: Vec<_> = fields.get_all(FORWARDED).iter().collect();
            assert_eq!(lines, expected);
        }
    }
}
