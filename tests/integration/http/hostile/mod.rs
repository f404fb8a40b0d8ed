//! Malicious requests: no client gets a response for another client, or one that another client
//! forged.

mod bodies;
mod credentials;
mod fields;
mod queries;
mod space;
mod targets;

use larder_testing::{Answer, Origin};
use larder_tests::http::Site;

/// The response to bytes that no client library would send.
#[derive(Debug, Clone, PartialEq)]
struct Reply {
    head: String,
    body: String,
}

impl Reply {
    fn field(&self, name: &str) -> &str {
        let value = |line: &str| {
            let (known, _) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(known.len() + 2)
        };
        self.head.lines().find_map(|line| value(line).map(|from| &line[from..])).unwrap_or_default()
    }

    fn x_cache(&self) -> &str {
        self.field("x-cache")
    }

    /// Returns `X-Cache` and the body.
    fn summary(&self) -> (&str, &str) {
        (self.x_cache(), &self.body)
    }

    fn status(&self) -> &str {
        self.head.get(9..12).unwrap_or_default()
    }

    /// Returns why the request bypassed the cache.
    fn detail(&self) -> &str {
        self.field("cache-status").rsplit_once("detail=").map_or("", |(_, detail)| detail)
    }
}

/// Sends these lines unchanged, ends the head, and reads the whole response.
async fn raw(site: &Site, lines: &str) -> Reply {
    raw_with(site, lines, "").await
}

async fn raw_with(site: &Site, lines: &str, body: &str) -> Reply {
    let request = format!("{lines}\r\nConnection: close\r\n\r\n{body}");
    let read = site.raw(&request).await.to_end().await;
    let (head, body) = read.split_once("\r\n\r\n").unwrap_or((&read, ""));
    Reply { head: head.to_owned(), body: body.to_owned() }
}

/// Gets a page with an ordinary request.
async fn get(site: &Site, path: &str) -> Reply {
    raw(site, &format!("GET {path} HTTP/1.1\r\nHost: shop.example")).await
}

/// Returns an origin that repeats its target and these fields, so that a client controls the
/// response.
fn repeating(names: &'static [&'static str]) -> Origin {
    Origin::new(move |request, _| {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let all = |name: &str| request.headers.get_all(name).iter().map(text).collect::<Vec<_>>().join("+");
        let fields = names.iter().map(|name| format!(" {name}={}", all(name))).collect::<String>();
        Answer::ok(format!("{}{fields}", request.uri))
    })
}
