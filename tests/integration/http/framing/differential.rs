//! A thousand responses with and without the layer, compared byte by byte.

use http::{Method, StatusCode};

use super::generator::pages;
use super::pair::pipelined;
use super::seen::{Message, Seen};
use super::verdict::{Expected, compare, has_only_fields_of};
use super::*;

/// The number of uses of each path. A path without uses would prove nothing.
#[derive(Debug, Default)]
struct Ways {
    hits: usize,
    head_hits: usize,
    not_modified: usize,
    collapsed: u64,
}

/// A page, and its bytes without the layer.
struct Case<'a> {
    page: &'a Page,
    sent: String,
    bare: Vec<Seen>,
    bare_head: Vec<Seen>,
}

impl Case<'_> {
    /// Compares the responses with the layer to those without it.
    fn check(&self, way: &str, bare: &[Seen], layered: &[Seen], found: &mut Vec<String>) {
        // If the bare router sends nothing but the body fits, the layer may send a complete
        // response.
        let is_broken = [&bare[0], &self.bare[0]].into_iter().any(|seen| matches!(seen, Seen::Broken(_)));
        let is_killed = is_broken && !self.page.is_misfit();
        let may_break = self.page.is_misfit() || is_killed;
        let agrees = compare(bare, layered, &Expected { sent: &self.sent, may_break });
        if let Err(error) = agrees
            && !(is_killed && self.is_whole(way, &layered[0]))
        {
            let page = &self.page;
            found.push(shorten(&format!(
                "{way} of {} {:?} {:?}\n{error}",
                page.status, page.kind, page.fields
            )));
        }
        if self.page.is_misfit() && field(layered, "x-cache") == "HIT" {
            found.push(shorten(&format!("{way}: a hit of {:?} {layered:?}", self.page.fields)));
        }
    }

    fn is_whole(&self, way: &str, seen: &Seen) -> bool {
        let body = if way == "HEAD" { "" } else { &self.sent };
        matches!(seen, Seen::Whole(message) if message.status == self.page.status && message.body == body)
    }
}

fn field(seen: &[Seen], name: &str) -> String {
    seen[0].message().map(|message| message.field(name)).unwrap_or_default()
}

/// Shortens a body, because the beginning is enough.
fn shorten(text: &str) -> String {
    let line = |line: &str| line.chars().take(900).collect::<String>();
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_responses_are_the_same_with_the_layer() {
    let (pages, mut found, mut ways) = (pages(7, 1000), Vec::new(), Ways::default());
    let pair = Pair::open(pages.clone()).await;
    for (number, page) in pages.iter().enumerate() {
        let path = format!("/page/{number}");
        let case = Case {
            page,
            sent: String::from_utf8(page.sent()).unwrap(),
            bare: pipelined(&pair.bare, Method::GET, &path, "").await,
            bare_head: pipelined(&pair.bare, Method::HEAD, &path, "").await,
        };
        let etag = miss_and_hit(&pair, &path, &case, &mut ways, &mut found).await;
        let head = pipelined(&pair.layered, Method::HEAD, &path, "").await;
        ways.head_hits += usize::from(field(&head, "x-cache") == "HIT");
        case.check("HEAD", &case.bare_head, &head, &mut found);
        if let Some(etag) = etag {
            conditional(&pair, &path, &etag, &case, &mut ways, &mut found).await;
        }
        follow(&case, &mut ways, &mut found).await;
    }
    assert_none(&found);
    assert!(ways.hits > 400 && ways.head_hits > 400 && ways.not_modified > 300, "{ways:?}");
    assert!(ways.collapsed > 400, "{ways:?}");
}

/// Sends two requests. Returns the entity tag of the hit.
async fn miss_and_hit(
    pair: &Pair,
    path: &str,
    case: &Case<'_>,
    ways: &mut Ways,
    found: &mut Vec<String>,
) -> Option<String> {
    let miss = pipelined(&pair.layered, Method::GET, path, "").await;
    case.check("MISS", &case.bare, &miss, found);
    let hit = pipelined(&pair.layered, Method::GET, path, "").await;
    case.check("HIT", &case.bare, &hit, found);
    let is_hit = field(&hit, "x-cache") == "HIT";
    ways.hits += usize::from(is_hit);
    Some(field(&hit, "etag")).filter(|etag| is_hit && !etag.is_empty())
}

/// Sends a conditional request for an unchanged response.
async fn conditional(
    pair: &Pair,
    path: &str,
    etag: &str,
    case: &Case<'_>,
    ways: &mut Ways,
    found: &mut Vec<String>,
) {
    let fields = format!("If-None-Match: {etag}\r\n");
    let seen = pipelined(&pair.layered, Method::GET, path, &fields).await;
    let is_304 = seen[0].message().is_some_and(|message| message.status == StatusCode::NOT_MODIFIED);
    if !is_304 {
        return case.check("conditional", &case.bare, &seen, found);
    }
    ways.not_modified += 1;
    let is_right = match (&seen[..], &case.bare[0]) {
        ([Seen::Whole(seen), Seen::Whole(last)], bare) => {
            // If the bare router sends nothing, there are no fields to compare.
            let agrees = matches!(bare, Seen::Broken(_)) || is_not_modified(bare.message().unwrap(), seen);
            agrees && case.page.status.is_success() && last.body == "last"
        }
        _ => false,
    };
    if !is_right {
        found.push(shorten(&format!("304 of {:?}\n  {:?}\n  {seen:?}", case.page.fields, case.bare)));
    }
}

/// RFC 9110 §15.4.5: a 304 has those of these fields that the 200 would have.
fn is_not_modified(bare: &Message, seen: &Message) -> bool {
    let sent = ["cache-control", "content-location", "expires", "vary"];
    has_only_fields_of(bare, seen)
        && sent.iter().all(|name| seen.field(name) == bare.field(name))
        && (bare.field("etag").is_empty() || seen.field("etag") == bare.field("etag"))
        && seen.field("transfer-encoding").is_empty()
}

/// Sends two requests at once while the handler waits.
async fn follow(case: &Case<'_>, ways: &mut Ways, found: &mut Vec<String>) {
    let pair = Pair::held(vec![case.page.clone()]).await;
    for (way, seen) in ["leader", "follower"].into_iter().zip(pair.joined(Method::GET).await) {
        case.check(way, &case.bare, &seen, found);
    }
    ways.collapsed += pair.cache.stats().collapsed;
}
