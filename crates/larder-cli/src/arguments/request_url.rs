//! A URL or a path, as a request line and a host.

use http::Uri;
use http::uri::PathAndQuery;

/// The longest URL. A key has at most 8 KiB.
const MAX_URL: usize = 8 * 1024;

/// A URL or a path: the target of a request, and the host if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RequestUrl {
    pub(crate) host: Option<String>,
    /// The path and the query.
    pub(crate) target: String,
}

impl RequestUrl {
    /// Reads a URL such as `https://shop.example/a?b=c`, or a path such as `/a?b=c`.
    ///
    /// A client sends characters that are not ASCII as escapes, and no fragment. Returns `None` for
    /// any other text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > MAX_URL {
            return None;
        }
        let text = escape_non_ascii(text.split('#').next().unwrap_or_default());
        if text.starts_with('/') && !text.starts_with("//") {
            let target: PathAndQuery = text.parse().ok()?;
            return Some(Self { host: None, target: target.as_str().to_owned() });
        }
        let uri: Uri = text.parse().ok()?;
        let is_web = matches!(uri.scheme_str()?, "http" | "https");
        let host = uri.authority().map(|authority| authority.as_str().to_ascii_lowercase());
        let host = host.filter(|host| is_web && !host.contains('@'))?;
        let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let slash = if target.starts_with('/') { "" } else { "/" };
        Some(Self { host: Some(host), target: format!("{slash}{target}") })
    }
}

fn escape_non_ascii(text: &str) -> String {
    let escape = |character: char| match character.is_ascii() {
        true => character.to_string(),
        false => {
            let mut bytes = [0; 4];
            character.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect()
        }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_is_a_host_and_a_target() {
        for (text, expected) in [
            ("/a?b=c", Some((None, "/a?b=c"))),
            (" /a \n", Some((None, "/a"))),
            ("/ü#top", Some((None, "/%C3%BC"))),
            ("https://Shop.Example/a?b#c", Some((Some("shop.example"), "/a?b"))),
            ("http://shop.example", Some((Some("shop.example"), "/"))),
            ("http://shop.example:81?b", Some((Some("shop.example:81"), "/?b"))),
            ("http://[::1]:80/", Some((Some("[::1]:80"), "/"))),
            ("//shop.example/a", None),
            ("https://user:pw@shop.example/", None),
            ("ftp://shop.example/", None),
            ("shop.example/a", None),
            ("/a b", None),
            ("", None),
            ("*", None),
            ("http://", None),
        ] {
            let expected = expected.map(|(host, target): (Option<&str>, &str)| RequestUrl {
                host: host.map(str::to_owned),
                target: target.to_owned(),
            });
            assert_eq!(RequestUrl::parse(text), expected, "{text:?}");
        }
        assert_eq!(RequestUrl::parse(&format!("/{}", "a".repeat(MAX_URL))), None);
    }

    proptest! {
        #[test]
        fn a_target_can_be_sent(text in "(https?://[a-z.]{0,5})?/?\\PC{0,40}") {
            if let Some(url) = RequestUrl::parse(&text) {
                prop_assert!(url.target.starts_with('/'), "{}", url.target);
                prop_assert!(url.target.parse::<Uri>().is_ok(), "{}", url.target);
            }
        }
    }
}
