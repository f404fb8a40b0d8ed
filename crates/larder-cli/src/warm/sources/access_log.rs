//! A line of an access log, in the common or the combined log format.
//!
//! `127.0.0.1 - - [10/Oct/2025:13:55:36 +0000] "GET /a?b=c HTTP/1.1" 200 2326 "referrer" "agent"`.
//! Apache's `vhost_combined` has the host in front: its line begins with `shop.example:443`.

use crate::arguments::RequestUrl;

/// Returns the page of a line, if its request is worth repeating: a `GET` with a response that can
/// be stored.
pub(super) fn page(line: &str) -> Option<RequestUrl> {
    let (before, rest) = line.split_once('"')?;
    let (request, after) = rest.split_once('"')?;
    let mut words = request.split(' ');
    let (method, target, protocol) = (words.next()?, words.next()?, words.next()?);
    let status: u16 = after.split_whitespace().next()?.parse().ok()?;
    let is_request = method == "GET" && protocol.starts_with("HTTP/") && words.next().is_none();
    if !is_request || !matches!(status, 200..=299 | 301 | 304 | 308) {
        return None;
    }
    let page = RequestUrl::parse(target)?;
    let host = page.host.clone().or_else(|| virtual_host(before));
    Some(RequestUrl { host, ..page })
}

/// Whether a line is one of an access log, with any request.
pub(super) fn is_access_log(line: &str) -> bool {
    let Some((before, rest)) = line.split_once('"') else { return false };
    let status = rest.split_once('"').and_then(|(_, after)| after.split_whitespace().next());
    let is_status =
        status.is_some_and(|status| status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit()));
    is_status && before.contains('[') && before.trim_end().ends_with(']')
}

/// Returns the host of `vhost_combined`, which has five words before the date's, where others have
/// four. The default port is left out, as clients do.
fn virtual_host(before: &str) -> Option<String> {
    let names = before.split_once('[')?.0;
    let mut words = names.split_whitespace();
    let first = words.next().filter(|_| words.count() == 3)?;
    let (host, port) = first.rsplit_once(':')?;
    let host = if matches!(port, "80" | "443") { host } else { first };
    RequestUrl::parse(&format!("http://{host}/"))?.host
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(line: &str) -> Option<(Option<String>, String)> {
        page(line).map(|page| (page.host, page.target))
    }

    #[test]
    fn the_pages_of_common_and_combined_logs() {
        const COMMON: &str = "127.0.0.1 - ann [10/Oct/2025:13:55:36 -0700] ";
        let common = |rest: &str| of(&format!("{COMMON}{rest}"));
        assert_eq!(common(r#""GET /a?b=c HTTP/1.1" 200 2326"#), Some((None, "/a?b=c".to_owned())));
        assert_eq!(
            common(r#""GET /a HTTP/2.0" 304 - "https://x/" "agent \"x\"""#),
            Some((None, "/a".to_owned()))
        );
        let absolute = common(r#""GET http://Shop.example/a HTTP/1.1" 200 1"#);
        assert_eq!(absolute, Some((Some("shop.example".to_owned()), "/a".to_owned())));
        for line in [
            r#""POST /a HTTP/1.1" 200 1"#,
            r#""HEAD /a HTTP/1.1" 200 1"#,
            r#""GET /a HTTP/1.1" 404 1"#,
            r#""GET /a HTTP/1.1" 500 1"#,
            r#""GET /a b HTTP/1.1" 200 1"#,
            r#""GET /a" 200 1"#,
            r#""GET * HTTP/1.1" 200 1"#,
            r#""\x16\x03\x01" 400 0"#,
            r#""-" 408 0"#,
            r#""GET /a HTTP/1.1""#,
            "",
        ] {
            assert_eq!(common(line), None, "{line}");
        }
    }

    #[test]
    fn a_virtual_host_is_in_front() {
        let line = |host: &str| {
            format!(r#"{host} 10.0.0.1 - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 1 "-" "x""#)
        };
        for (host, expected) in [
            ("shop.example:443", Some("shop.example")),
            ("shop.example:8080", Some("shop.example:8080")),
            ("shop.example", None),
        ] {
            assert_eq!(page(&line(host)).unwrap().host.as_deref(), expected, "{host}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "\\PC{0,80}", quoted in "[\" \\[\\]A-Z/0-9.:-]{0,60}") {
            let _ = (page(&line), page(&quoted), is_access_log(&line), is_access_log(&quoted));
        }
    }
}
