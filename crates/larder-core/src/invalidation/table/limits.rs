//! Tests of the responses that a full table refuses in place of the names it has forgotten.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::invalidation::selector::{PathName, Prefix, Tag, UriName};

const SETTLED: u64 = u64::MAX;

fn at(log: u64) -> EventPosition {
    EventPosition::Log(LogId::new(log, 0))
}

fn mark(log: u64, local: u64) -> Watermark {
    Watermark { log: LogId::new(log, 0), local }
}

fn hard(selector: impl Into<Selector>) -> Event {
    Event { mode: Mode::Hard, selector: selector.into() }
}

fn uri(text: &str) -> Event {
    hard(UriName::new(text).unwrap())
}

fn names(uri: &str, tags: &[&str]) -> Names {
    let path = uri.split('?').next().unwrap();
    let tags: Vec<_> = tags.iter().map(|tag| Tag::new(*tag)).collect();
    let uris = [uri.to_owned(), format!("http://shop{uri}")].map(|text| UriName::new(&text).unwrap());
    Names::new(path, &[uri.into()], &uris, &tags)
}

fn verdict(table: &InvalidationTable, log: u64, names: &Names) -> Verdict {
    table.check(mark(log, 0), names, BootTime::ZERO)
}

/// Applies a tag as event 1, and `events` as the events 2, 3 and so on.
fn flooded(rows: usize, events: impl Iterator<Item = Event>) -> InvalidationTable {
    let mut table = InvalidationTable::new(rows, 8);
    table.apply(&hard(Tag::new("first")), at(1), BootTime::ZERO, SETTLED);
    for (log, event) in (2..).zip(events) {
        table.apply(&event, at(log), BootTime::ZERO, SETTLED);
        assert!(table.rows.len() <= 2 * rows + 8, "{}", table.rows.len());
    }
    table
}

#[test]
fn made_up_queries_refuse_their_path_and_nothing_else() {
    for host in ["", "http://shop"] {
        let queries = (0..100_000).map(|number| uri(&format!("{host}/?r={number}")));
        let table = flooded(2_048, queries);
        assert_eq!(verdict(&table, 1, &names("/a", &[])), Verdict::Valid, "in the same directory");
        assert_eq!(verdict(&table, 1, &names("/a/b", &["first"])), Verdict::Valid);
        assert_eq!(verdict(&table, 0, &names("/a/b", &["first"])), Verdict::Refused, "it is not forgotten");
        assert_eq!(verdict(&table, 1, &names("/", &[])), Verdict::Refused);
        assert_eq!(verdict(&table, 1, &names("/?r=7", &[])), Verdict::Refused);
        assert_eq!(verdict(&table, 100_001, &names("/", &[])), Verdict::Valid);
        assert_eq!(table.forgotten(), Forgotten::default());
    }
}

#[test]
fn made_up_paths_refuse_their_directory_and_nothing_else() {
    let table = flooded(2_048, (0..20_000).map(|number| uri(&format!("http://shop/made/{number}?r"))));
    for elsewhere in ["/", "/made", "/other/1", "/made/1/2", "/made-up/1"] {
        assert_eq!(verdict(&table, 1, &names(elsewhere, &[])), Verdict::Valid, "{elsewhere}");
    }
    assert_eq!(verdict(&table, 1, &names("/made/up", &["first"])), Verdict::Refused);
    assert_eq!(verdict(&table, 20_001, &names("/made/up", &[])), Verdict::Valid);
    let Forgotten { folded, floor_raises } = table.forgotten();
    assert!(folded > 15_000 && floor_raises == 0, "{folded} {floor_raises}");
}

#[test]
fn made_up_directories_refuse_what_lies_beside_them_and_at_the_root_everything() {
    let made = |root| (0..20_000).map(move |number| uri(&format!("{root}/{number}/x")));
    let table = flooded(2_048, made("/api"));
    for elsewhere in ["/", "/apis/1", "/other/1/x"] {
        assert_eq!(verdict(&table, 1, &names(elsewhere, &[])), Verdict::Valid, "{elsewhere}");
    }
    assert_eq!(verdict(&table, 1, &names("/api/other/x", &[])), Verdict::Refused);
    assert_eq!(table.forgotten().floor_raises, 0);

    let table = flooded(2_048, made(""));
    assert_eq!(verdict(&table, 1, &names("/other", &[])), Verdict::Refused);
    assert!(table.forgotten().floor_raises > 0);
}

#[test]
fn tags_push_out_tags_and_no_uri_or_prefix() {
    let first = [uri("/a?b"), hard(PathName::new("/c").unwrap()), hard(Prefix::new("/d").unwrap())];
    let tags = (0..10_000).map(|number| hard(Tag::new(number.to_string())));
    let table = flooded(64, first.into_iter().chain(tags));
    assert_eq!(table.counts, Counts::of(table.rows.values()));
    assert!(table.forgotten().floor_raises > 1_000);
    for rank in [Rank::Uri, Rank::Path, Rank::Prefix] {
        assert_eq!(table.rows.values().filter(|row| row.rank() == rank).count(), 1, "{rank:?}");
    }
}

/// Rule 15: "A row whose event is still pending is not dropped."
#[test]
fn pending_rows_are_not_folded() {
    let mut table = InvalidationTable::new(4, 8);
    for number in 1..=50 {
        table.apply(&uri(&format!("/a?{number}")), EventPosition::Local(number), BootTime::ZERO, 0);
    }
    assert_eq!(verdict(&table, 0, &names("/a", &[])), Verdict::Valid);
    assert_eq!(table.rows.len(), 50);
    table.apply(&uri("/a?51"), EventPosition::Local(51), BootTime::ZERO, 50);
    assert_eq!(table.check(mark(0, 0), &names("/a", &[]), BootTime::ZERO), Verdict::Refused);
    table.forget_log(50);
    assert_eq!((table.rows.len(), table.counts), (1, Counts::of(table.rows.values())));
}

/// It is no longer known how long each of them has counted as stale.
#[test]
fn folded_names_count_as_hard() {
    let mut table = InvalidationTable::new(2, 8);
    let soft = |text| Event { mode: Mode::Soft, ..uri(text) };
    table.apply(&soft("/a?1"), at(1), BootTime::ZERO, SETTLED);
    assert!(matches!(verdict(&table, 0, &names("/a?1", &[])), Verdict::Soft(_)));
    table.apply(&soft("/a?2"), at(2), BootTime::ZERO, SETTLED);
    assert_eq!(verdict(&table, 0, &names("/a?1", &[])), Verdict::Refused);
    assert_eq!(verdict(&table, 1, &names("/a?1", &[])), Verdict::Valid);
}

fn selector() -> impl Strategy<Value = Selector> {
    let uri = |text: String| Selector::Uri(UriName::new(&text).unwrap());
    prop_oneof![
        6 => (path(), 0..4_u8).prop_map(move |(path, query)| uri(format!("{path}?{query}"))),
        3 => path().prop_map(move |path| uri(format!("http://shop{path}"))),
        2 => path().prop_map(|path| Selector::Path(PathName::new(&path).unwrap())),
        1 => path().prop_map(|path| Selector::Prefix(Prefix::new(&path).unwrap())),
        2 => (0..8_u8).prop_map(|tag| Selector::Tag(Tag::new(tag.to_string()))),
        1 => (0..4_u8).prop_map(|part| Selector::Glob(Glob::new(&format!("/{part}*")).unwrap())),
    ]
}

fn path() -> impl Strategy<Value = String> {
    vec(0..4_u8, 0..4).prop_map(|parts| {
        let parts: Vec<_> = parts.iter().map(u8::to_string).collect();
        format!("/{}", parts.join("/"))
    })
}

fn worse(limited: Verdict, unlimited: Verdict) -> bool {
    match (limited, unlimited) {
        (Verdict::Refused, _) | (_, Verdict::Valid) => true,
        (Verdict::Soft(since), Verdict::Soft(least)) => since >= least,
        (Verdict::Valid | Verdict::Soft(_), _) => false,
    }
}

/// An event of a test, with its place and its moment.
type Applied = (Event, EventPosition, BootTime);

/// Returns the verdict of all events, each in a table of its own.
///
/// A row joins the moments of many soft events, so it may count a response as stale for too long.
fn exact(events: &[Applied], mark: Watermark, names: &Names, now: BootTime) -> Verdict {
    let alone = |(event, place, at): &Applied| {
        let mut table = InvalidationTable::new(1, 1);
        table.apply(event, *place, *at, 0);
        table.check(mark, names, now)
    };
    events.iter().map(alone).fold(Verdict::Valid, Verdict::and)
}

proptest! {
    /// The reference is a table that forgets nothing. Its rows may join other moments. If it is the
    /// stricter one, the events themselves decide.
    #[test]
    fn a_full_table_refuses_whatever_one_without_limits_refuses(
        rows in 1..24_usize,
        events in vec((selector(), any::<bool>(), any::<bool>()), 1..200),
        paths in vec((path(), 0..5_u8, 0..8_u8), 1..12),
        lag in 0..6_u64,
    ) {
        let (mut limited, mut unlimited) = (InvalidationTable::new(rows, 2), InvalidationTable::new(1 << 20, 1 << 20));
        let (mut log, mut local, mut applied) = (0, 0, Vec::new());
        for (selector, soft, deferred) in events {
            let mode = if soft { Mode::Soft } else { Mode::Hard };
            let event = Event { mode, selector };
            let place = if deferred {
                local += 1;
                EventPosition::Local(local)
            } else {
                log += 1;
                at(log)
            };
            let now = BootTime::from_nanos(log + local);
            limited.apply(&event, place, now, local.saturating_sub(lag));
            unlimited.apply(&event, place, now, local.saturating_sub(lag));
            prop_assert_eq!(limited.counts, Counts::of(limited.rows.values()));
            applied.push((event, place, now));
        }
        for (path, query, tag) in paths {
            let uri = if query == 4 { path } else { format!("{path}?{query}") };
            let names = names(&uri, &[&tag.to_string()]);
            for (log, local) in (0..=log).flat_map(|log| (0..=local).map(move |local| (log, local))) {
                let (mark, now) = (mark(log, local), BootTime::from_nanos(1_000));
                let judge = |table: &InvalidationTable| table.check(mark, &names, now);
                let (here, there) = (judge(&limited), judge(&unlimited));
                let is_worse = worse(here, there) || worse(here, exact(&applied, mark, &names, now));
                prop_assert!(is_worse, "{:?} {:?} {} {} {}", here, there, uri, log, local);
            }
        }
    }
}
