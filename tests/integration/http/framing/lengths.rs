//! Bodies that do not match their `Content-Length`, over HTTP/1.1.

use http::Method;

use super::pair::{one_by_one, pipelined};
use super::seen::Seen;
use super::verdict::{Expected, compare};
use super::*;

/// Requests a misfit in some way, and compares. Then checks that nothing was stored.
async fn check(page: &Page, pair: &Pair, method: Method, all: &[Vec<Seen>], found: &mut Vec<String>) {
    let sent = String::from_utf8(page.sent()).unwrap();
    let expected = Expected { sent: &sent, may_break: true };
    let bare = pipelined(&pair.bare, method.clone(), "/page/0", "").await;
    for (number, layered) in all.iter().enumerate() {
        if let Err(error) = compare(&bare, layered, &expected) {
            found.push(format!("{method} {page:?}, connection {number}:\n{error}"));
        }
    }
    let again = pipelined(&pair.layered, Method::GET, "/page/0", "").await;
    if again[0].message().is_some_and(|message| message.field("x-cache") == "HIT") {
        found.push(format!("{method} {page:?}: a hit {again:?}"));
    }
    let stored = pair.cache.stats().stored;
    if stored > 0 {
        found.push(format!("{method} {page:?}: stored {stored} times"));
    }
}

#[tokio::test]
async fn a_misfit_on_a_pipelined_connection_passes_as_without_the_layer_or_breaks_off() {
    let mut found = Vec::new();
    for page in misfits() {
        for method in [Method::GET, Method::HEAD] {
            let pair = Pair::open(vec![page.clone()]).await;
            let layered = pipelined(&pair.layered, method.clone(), "/page/0", "").await;
            check(&page, &pair, method, &[layered], &mut found).await;
        }
    }
    assert_none(&found);
}

#[tokio::test]
async fn a_misfit_on_a_connection_that_is_kept_passes_as_without_the_layer_or_breaks_off() {
    let mut found = Vec::new();
    for page in misfits() {
        for method in [Method::GET, Method::HEAD] {
            let pair = Pair::open(vec![page.clone()]).await;
            let said: usize = page.fields[0].1.parse().unwrap();
            let bytes = if method == Method::HEAD { 0 } else { said.min(page.sent().len()) };
            let layered = one_by_one(&pair.layered, method.clone(), "/page/0", bytes).await;
            check(&page, &pair, method, &[layered], &mut found).await;
        }
    }
    assert_none(&found);
}

#[tokio::test]
async fn a_follower_of_a_misfit_gets_what_its_leader_may_get() {
    let mut found = Vec::new();
    for page in misfits() {
        for hold in [Hold::Handler, Hold::Body] {
            if hold == Hold::Body && (page.kind == BodyKind::Full || page.chunks.is_empty()) {
                continue;
            }
            let page = Page { hold, ..page.clone() };
            let pair = Pair::held(vec![page.clone()]).await;
            let [leader, follower] = pair.joined(Method::GET).await;
            check(&page, &pair, Method::GET, &[leader, follower], &mut found).await;
        }
    }
    assert_none(&found);
}

#[tokio::test]
async fn a_head_request_that_follows_a_misfit_gets_what_it_gets_without_the_layer() {
    let mut found = Vec::new();
    for page in misfits() {
        let pair = Pair::held(vec![page.clone()]).await;
        let [_, follower] = pair.joined(Method::HEAD).await;
        check(&page, &pair, Method::HEAD, &[follower], &mut found).await;
    }
    assert_none(&found);
}

/// The other tests would pass if every response broke off.
#[tokio::test]
async fn a_body_that_fits_passes_and_is_stored() {
    let mut found = Vec::new();
    for kind in [BodyKind::Full, BodyKind::Ready, BodyKind::Yielding] {
        for length in [0, 4, 12] {
            let page = Page::saying(length, length, kind);
            let sent = String::from_utf8(page.sent()).unwrap();
            let expected = Expected { sent: &sent, may_break: false };
            let pair = Pair::held(vec![page.clone()]).await;
            let bare = pipelined(&pair.bare, Method::GET, "/page/0", "").await;
            assert!(
                matches!(&bare[..], [Seen::Whole(_), Seen::Whole(last)] if last.body == "last"),
                "{bare:?}"
            );
            let [leader, follower] = pair.joined(Method::GET).await;
            let hit = one_by_one(&pair.layered, Method::GET, "/page/0", length).await;
            assert_eq!(hit[0].message().unwrap().field("x-cache"), "HIT", "{page:?}");
            for layered in [leader, follower, hit] {
                if let Err(error) = compare(&bare, &layered, &expected) {
                    found.push(format!("{page:?}:\n{error}"));
                }
            }
        }
    }
    assert_none(&found);
}
