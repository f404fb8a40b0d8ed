//! Stored responses in content codings, each made once.

mod alone;
mod ends;
mod layers_around;
mod representations;
mod spellings;

use std::io::Read as _;

use http::Method;
use larder::inspect::{ListPage, StoredFilter, StoredInfo};
use larder::{Cache, ContentCoding, Policy};
use larder_testing::{Answer, Origin};
use larder_tests::http::{Page, Site, soon};

use crate::support::hourly;

/// A policy with all codings.
pub(crate) fn coding() -> Policy {
    hourly().encode([ContentCoding::Br, ContentCoding::Zstd, ContentCoding::Gzip])
}

/// Returns a JSON text of about 7 KiB for each version.
pub(crate) fn json(version: usize) -> String {
    let items: Vec<_> =
        (0..200).map(|id| format!(r#"{{"id":{id},"name":"item","version":{version}}}"#)).collect();
    format!("[{}]", items.join(","))
}

/// An origin whose answers have a version, which begins with 0 and grows with each run, and a
/// strong tag.
pub(crate) fn versions() -> Origin {
    Origin::new(|_, run| answer(json(run - 1)).header("etag", format!("\"v{}\"", run - 1)))
}

pub(crate) fn answer(body: impl Into<bytes::Bytes>) -> Answer {
    Answer::ok(body).header("content-type", "application/json")
}

pub(crate) async fn send(site: &Site, method: Method, fields: &[(&'static str, &str)]) -> Page {
    fields.iter().fold(site.ask(method, "/a"), |ask, (name, value)| ask.with(name, value)).send().await
}

/// Sends a `GET` that accepts these codings.
pub(crate) async fn accepting(site: &Site, codings: &str) -> Page {
    send(site, Method::GET, &[("accept-encoding", codings)]).await
}

/// Returns the content of a page without its coding.
pub(crate) fn decoded(page: &Page) -> String {
    let mut text = String::new();
    match page.field("content-encoding").as_str() {
        "" => text = page.text(),
        "br" => _ = brotli::Decompressor::new(&*page.body, 4096).read_to_string(&mut text).unwrap(),
        "gzip" => _ = flate2::read::GzDecoder::new(&*page.body).read_to_string(&mut text).unwrap(),
        "zstd" => text = String::from_utf8(zstd::decode_all(&*page.body).unwrap()).unwrap(),
        other => unreachable!("an unknown coding {other}"),
    }
    text
}

pub(crate) async fn entries(cache: &Cache) -> Vec<StoredInfo> {
    cache.stored_responses(&StoredFilter::default(), ListPage::default()).await.entries
}

/// Waits until the stored responses have exactly these codings, in this order.
pub(crate) async fn kept(cache: &Cache, codings: &[ContentCoding]) {
    soon("the codings", async {
        while entries(cache).await.into_iter().flat_map(|entry| entry.codings).ne(codings.iter().copied()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Stores a response with its form in brotli. Returns the page that has it.
pub(crate) async fn in_brotli(cache: &Cache, site: &Site) -> Page {
    accepting(site, "br").await;
    kept(cache, &[ContentCoding::Br]).await;
    let page = accepting(site, "br").await;
    assert_eq!((page.x_cache().as_str(), page.field("content-encoding").as_str()), ("HIT", "br"));
    page
}
