//! Generates pages of every kind, the same ones in each run.

use bytes::Bytes;
use fastrand::Rng;
use http::StatusCode;

use super::handler::{BodyKind, Hold, Page};

const STATUSES: [u16; 12] = [200, 200, 200, 200, 200, 200, 203, 204, 301, 404, 404, 500];

/// Each of these fields is in every fourth page.
const FIELDS: [(&str, &str); 10] = [
    ("content-type", "text/plain; charset=utf-8"),
    ("content-language", "de, en"),
    ("cache-control", "public, max-age=60"),
    ("x-one", "1"),
    ("x-one", "2"),
    ("x-empty", ""),
    ("vary", "accept"),
    ("link", "</style.css>; rel=preload"),
    ("x-one", "3"),
    ("content-disposition", "inline; filename=\"a, b.txt\""),
];

/// Each of these fields is in one page of fifty.
const RARE: [(&str, &str); 8] = [
    ("cache-control", "no-store"),
    ("cache-control", "private"),
    ("set-cookie", "a=b"),
    ("connection", "close"),
    ("connection", "x-one"),
    ("keep-alive", "timeout=5"),
    ("upgrade", "h2c"),
    ("te", "trailers"),
];

/// Generates this many pages from a seed.
pub(super) fn pages(seed: u64, count: usize) -> Vec<Page> {
    let mut random = Rng::with_seed(seed);
    (0..count).map(|_| page(&mut random)).collect()
}

fn page(random: &mut Rng) -> Page {
    let status = StatusCode::from_u16(STATUSES[random.usize(..STATUSES.len())]).unwrap();
    let kind = [BodyKind::Full, BodyKind::Ready, BodyKind::Yielding][random.usize(..3)];
    let chunks = if status == StatusCode::NO_CONTENT { Vec::new() } else { chunks(random) };
    let mut page = Page { status, fields: Vec::new(), kind, chunks, hold: Hold::Handler };
    for (name, value) in FIELDS {
        if random.u8(..4) == 0 {
            page = page.with(name, value);
        }
    }
    for (name, value) in RARE {
        if random.u8(..50) == 0 {
            page = page.with(name, value);
        }
    }
    with_framing(with_validators(page, random), random)
}

fn chunks(random: &mut Rng) -> Vec<Bytes> {
    let count = random.usize(..5);
    let mut chunk = || {
        let length = if random.u8(..40) == 0 { 70_000 } else { random.usize(1..30) };
        (0..length).map(|_| random.lowercase() as u8).collect()
    };
    (0..count).map(|_| chunk()).collect()
}

fn with_validators(mut page: Page, random: &mut Rng) -> Page {
    match random.u8(..8) {
        0 => page = page.with("etag", "\"strong\""),
        1 => page = page.with("etag", "W/\"weak\""),
        _ => {}
    }
    if random.u8(..4) == 0 {
        page = page.with("last-modified", "Tue, 15 Nov 1994 12:45:26 GMT");
    }
    page
}

/// Adds a correct length, a wrong one or none, and sometimes explicit chunked coding.
fn with_framing(mut page: Page, random: &mut Rng) -> Page {
    let sent = page.sent().len();
    let length = match random.u8(..10) {
        0 | 1 => Some(sent),
        2 => Some(sent + random.usize(1..20)),
        3 if sent > 0 => Some(random.usize(..sent)),
        _ => None,
    };
    if let Some(length) = length.filter(|_| page.status != StatusCode::NO_CONTENT) {
        page = page.with("content-length", &length.to_string());
    }
    if random.u8(..12) == 0 {
        page = page.with("transfer-encoding", "chunked");
    }
    page
}

#[test]
fn the_pages_are_the_same_in_each_run_and_of_every_kind() {
    let (all, again) = (pages(7, 1000), pages(7, 1000));
    assert_eq!(format!("{all:?}"), format!("{again:?}"));
    let has = |what: &dyn Fn(&Page) -> bool| all.iter().filter(|page| what(page)).count();
    assert!(has(&Page::is_misfit) > 100);
    assert!(has(&|page| page.sent().is_empty()) > 100);
    assert!(has(&|page| page.sent().len() > 10_000) > 20);
    for status in STATUSES {
        assert!(has(&|page| page.status == status) > 50, "{status}");
    }
    for (name, _) in [("transfer-encoding", ""), ("etag", ""), ("last-modified", "")].into_iter().chain(RARE)
    {
        assert!(has(&|page| page.fields.iter().any(|line| line.0 == name)) > 5, "{name}");
    }
}
