//! Connection-specific fields (RFC 9110 §7.6.1) from a handler, which may copy them from an
//! upstream.

use http::Method;

use super::pair::pipelined;
use super::seen::Seen;
use super::verdict::{Expected, OF_ONE_CONNECTION, compare};
use super::*;

const KINDS: [BodyKind; 3] = [BodyKind::Full, BodyKind::Ready, BodyKind::Yielding];
const CHUNKS: [&str; 2] = ["first ", "second"];
const SENT: &str = "first second";

const FIELDS: [(&str, &str); 7] = [
    ("transfer-encoding", "chunked"),
    ("connection", "close"),
    ("connection", "keep-alive"),
    ("keep-alive", "timeout=5"),
    ("upgrade", "websocket"),
    ("te", "trailers"),
    ("trailer", "x-sum"),
];

fn pages() -> impl Iterator<Item = Page> {
    KINDS.into_iter().flat_map(|kind| FIELDS.map(|(name, value)| Page::new(kind, &CHUNKS).with(name, value)))
}

/// Whether a response has a length or chunks, not both, and a complete body.
fn is_well_formed(seen: &Seen) -> bool {
    let Seen::Whole(message) = seen else { return false };
    let has_length = !message.field("content-length").is_empty();
    let has_chunks = !message.field("transfer-encoding").is_empty();
    message.body == SENT && has_length != has_chunks
}

#[tokio::test]
async fn the_first_response_with_a_field_of_its_connection_is_complete() {
    let mut found = Vec::new();
    for page in pages() {
        let pair = Pair::open(vec![page.clone()]).await;
        let bare = pipelined(&pair.bare, Method::GET, "/page/0", "").await;
        let miss = pipelined(&pair.layered, Method::GET, "/page/0", "").await;
        // If the bare router sends no response, the layer may send a complete one or none.
        let is_killed = matches!(&bare[0], Seen::Broken(message) if message.status == 0);
        let expected = Expected { sent: SENT, may_break: is_killed };
        if let Err(error) = compare(&bare, &miss, &expected)
            && !(is_killed && is_well_formed(&miss[0]))
        {
            found.push(format!("{page:?}:\n{error}"));
        }
    }
    assert_none(&found);
}

#[tokio::test]
async fn a_field_of_one_connection_is_not_stored_and_the_hit_has_the_length() {
    let mut found = Vec::new();
    for page in pages() {
        let pair = Pair::open(vec![page.clone()]).await;
        let bare = pipelined(&pair.bare, Method::GET, "/page/0", "").await;
        if matches!(bare[0], Seen::Broken(_)) {
            // The layer does not turn this into a storable response.
            continue;
        }
        pipelined(&pair.layered, Method::GET, "/page/0", "").await;
        for method in [Method::GET, Method::HEAD] {
            let hit = pipelined(&pair.layered, method.clone(), "/page/0", "").await;
            let is_right = matches!(&hit[..], [Seen::Whole(hit), Seen::Whole(last)]
                if hit.field("x-cache") == "HIT"
                    && hit.field("content-length") == SENT.len().to_string()
                    && (method == Method::HEAD || hit.body == SENT)
                    && OF_ONE_CONNECTION.iter().all(|name| hit.field(name).is_empty())
                    && last.body == "last");
            if !is_right {
                found.push(format!("{method} {page:?}:\n  {hit:?}"));
            }
        }
    }
    assert_none(&found);
}

#[tokio::test]
async fn a_follower_gets_a_complete_response_whatever_its_leader_says_of_its_connection() {
    let mut found = Vec::new();
    for page in pages() {
        let pair = Pair::held(vec![page.clone()]).await;
        let bare = pipelined(&pair.bare, Method::GET, "/page/0", "").await;
        let is_killed = matches!(bare[0], Seen::Broken(_));
        for seen in pair.joined(Method::GET).await {
            if !(is_well_formed(&seen[0]) || is_killed && matches!(seen[..], [Seen::Broken(_)])) {
                found.push(format!("{page:?}:\n  {seen:?}"));
            }
        }
    }
    assert_none(&found);
}

/// The bare router sends no response to these. The layer may ignore the length (RFC 9112 §6.3).
#[tokio::test]
async fn a_length_beside_transfer_encoding_does_not_make_a_part_look_whole() {
    let mut found = Vec::new();
    for kind in KINDS {
        for length in [12, 5, 20] {
            for is_first in [false, true] {
                let mut page = Page::new(kind, &CHUNKS).with("content-length", &length.to_string());
                page.fields.insert(usize::from(is_first), ("transfer-encoding", "chunked".to_owned()));
                let pair = Pair::held(vec![page.clone()]).await;
                let bare = pipelined(&pair.bare, Method::GET, "/page/0", "").await;
                let expected = Expected { sent: SENT, may_break: true };
                for layered in pair.joined(Method::GET).await {
                    if let Err(error) = compare(&bare, &layered, &expected)
                        && !is_well_formed(&layered[0])
                    {
                        found.push(format!("{page:?}:\n{error}"));
                    }
                }
            }
        }
    }
    assert_none(&found);
}
