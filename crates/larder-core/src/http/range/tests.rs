//! The rules about ranges, as tables.

use bytes::Bytes;

use super::*;
use crate::http::testing::fields;

fn read(value: &str) -> Requested {
    parse_range(&fields(&[("range", value)]))
}

fn ranges(value: &str) -> Ranges {
    match read(value) {
        Requested::Bytes(ranges) => ranges,
        other => panic!("{value} is {other:?}"),
    }
}

/// Returns the parts that are selected of `length` bytes, as first and last positions.
fn selected(value: &str, length: u64) -> Vec<(u64, u64)> {
    match ranges(value).select(length) {
        Selected::Parts(parts) => parts.iter().map(|part| (part.start, part.end - 1)).collect(),
        other => panic!("{value} of {length} is {other:?}"),
    }
}

/// The examples of RFC 9110 §14.1.2, with 10,000 bytes.
#[test]
fn the_examples_of_the_rfc_select_what_it_says() {
    for (value, expected) in [
        ("bytes=0-499", vec![(0, 499)]),
        ("bytes=500-999", vec![(500, 999)]),
        ("bytes=-500", vec![(9500, 9999)]),
        ("bytes=9500-", vec![(9500, 9999)]),
        ("bytes=0-0,-1", vec![(0, 0), (9999, 9999)]),
        ("bytes= 0-0, 4500-5499, -1000", vec![(0, 0), (4500, 5499), (9000, 9999)]),
        // "Other valid (but not canonical) specifications of the second 500 bytes", overlapping.
        ("bytes=500-600,601-999", vec![(500, 999)]),
        ("bytes=500-700,601-999", vec![(500, 999)]),
    ] {
        assert_eq!(selected(value, 10_000), expected, "{value}");
    }
}

/// A range is cut at the end, and left out if it begins behind the end.
///
/// RFC 9110 §14.1.1: "A valid ranges-specifier is satisfiable if it contains at least one
/// range-spec that is satisfiable". §14.1.2: a range that extends beyond the end is cut there.
#[test]
fn the_end_cuts_and_what_lies_behind_it_is_left_out() {
    for (value, length, expected) in [
        ("bytes=0-4", 5, vec![(0, 4)]),
        ("bytes=0-5", 5, vec![(0, 4)]),
        ("bytes=4-", 5, vec![(4, 4)]),
        ("bytes=-5", 5, vec![(0, 4)]),
        ("bytes=-6", 5, vec![(0, 4)]),
        ("bytes=5-,0-0", 5, vec![(0, 0)]),
        ("bytes=0-0,-0", 5, vec![(0, 0)]),
        ("bytes=0-18446744073709551615", 5, vec![(0, 4)]),
        ("bytes=0-99999999999999999999999999", 5, vec![(0, 4)]),
        ("bytes=-99999999999999999999999999", 5, vec![(0, 4)]),
        ("bytes=1-99999999999999999999999999", u64::MAX, vec![(1, u64::MAX - 1)]),
    ] {
        assert_eq!(selected(value, length), expected, "{value} of {length}");
    }
}

/// RFC 9110 §14.2: a field that is valid but not satisfiable is answered with 416.
///
/// But no `Content-Range` can name a part of an empty representation.
#[test]
fn a_range_behind_the_end_is_unsatisfiable() {
    for (value, length, expected) in [
        ("bytes=5-", 5, Selected::Unsatisfiable),
        ("bytes=5-9,7-", 5, Selected::Unsatisfiable),
        ("bytes=-0", 5, Selected::Unsatisfiable),
        ("bytes=99999999999999999999999999-", 5, Selected::Unsatisfiable),
        ("bytes=0-", 0, Selected::Unsatisfiable),
        ("bytes=-0", 0, Selected::Unsatisfiable),
        ("bytes=-1", 0, Selected::Whole),
        ("bytes=0-,-1", 0, Selected::Whole),
    ] {
        assert_eq!(ranges(value).select(length), expected, "{value} of {length}");
    }
}

/// RFC 9110 §15.3.7.2: ranges are combined, and their order stays.
///
/// "a server […] MAY coalesce any of the ranges that overlap, or that are separated by a gap that
/// is smaller than the overhead of sending multiple parts".
#[test]
fn ranges_that_are_near_each_other_are_one_part() {
    for (value, expected) in [
        ("bytes=0-1,0-1", vec![(0, 1)]),
        ("bytes=0-9,5-14", vec![(0, 14)]),
        ("bytes=5-14,0-9", vec![(0, 14)]),
        ("bytes=0-9,90-99", vec![(0, 99)]),
        ("bytes=0-9,91-99", vec![(0, 9), (91, 99)]),
        ("bytes=9000-9009,0-9", vec![(9000, 9009), (0, 9)]),
        ("bytes=9000-9009,0-9,8990-9020", vec![(8990, 9020), (0, 9)]),
        // The third range connects the first two.
        ("bytes=1000-1009,0-9,5-1005", vec![(0, 1009)]),
        ("bytes=1000-1009,5000-5009,0-9,5-1005", vec![(0, 1009), (5000, 5009)]),
        ("bytes=0-,-9999,5-7,0-0,1-1,2-2", vec![(0, 9999)]),
    ] {
        assert_eq!(selected(value, 10_000), expected, "{value}");
    }
}

/// RFC 9110 §14.2: an invalid or excessive `Range` is ignored.
///
/// A server "MAY ignore or reject a Range header field that contains an invalid ranges-specifier",
/// and "many small ranges". A unit that is not understood here is left to the handler, which may
/// understand it.
#[test]
fn an_invalid_range_selects_everything() {
    let many = |count: u32| {
        let set: Vec<_> = (0..count).map(|nth| format!("{0}-{0}", nth * 1000)).collect();
        format!("bytes={}", set.join(","))
    };
    for value in [
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=5-4",
        "bytes=0-1,5-4",
        "bytes=0-1;2-3",
        "bytes=0 - 1",
        "bytes=+0-1",
        "bytes=0-1-2",
        "bytes=--1",
        "bytes=0x0-1",
        "bytes=0-1, bytes=2-3",
        &many(17),
    ] {
        assert_eq!(read(value), Requested::Whole, "{value}");
    }
    assert!(matches!(read(&many(16)), Requested::Bytes(_)));
    for value in ["", "bytes", "bytes 0-1", "0-24", "items=0-9", "lines=1", "bytes =0-1", "=0-1", "\u{fc}"] {
        assert_eq!(read(value), Requested::Unknown, "{value}");
    }
    for lines in [["bytes=0-1", "0-24"], ["items=0-1", "bytes=0-1"]] {
        let lines = fields(&lines.map(|line| ("range", line)));
        assert_eq!(parse_range(&lines), Requested::Unknown);
    }
    let three = fields(&[("range", "bytes=0-1"), ("range", "bytes=2-3"), ("range", "0-24")]);
    assert_eq!(parse_range(&three), Requested::Unknown);
    assert_eq!(parse_range(&fields(&[])), Requested::Whole);
    let two = fields(&[("range", "bytes=0-1"), ("range", "bytes=2-3")]);
    assert_eq!(parse_range(&two), Requested::Whole);
    // §5.6.1.2: a recipient ignores "a reasonable number of empty list elements". §14.1: the names
    // of units are case-insensitive.
    assert_eq!(selected(" BYTES=,0-1 ,, -1\t", 10_000), [(0, 1), (9999, 9999)]);
}

/// RFC 9110 §14.4.
#[test]
fn a_content_range_is_read_if_it_is_valid() {
    let read = |value: &str| ContentRange::of(&fields(&[("content-range", value)]));
    let part = |range, complete| ContentRange::new(range, complete).unwrap();
    for (value, expected) in [
        ("bytes 42-1233/1234", Some(part(42..1234, Some(1234)))),
        ("bytes 42-1233/*", Some(part(42..1234, None))),
        ("Bytes 0-0/1", Some(part(0..1, Some(1)))),
        (" bytes 0-0/1 ", Some(part(0..1, Some(1)))),
        ("bytes */1234", None),
        // "a last-pos value less than its first-pos value"
        ("bytes 5-4/10", None),
        // "a complete-length value less than or equal to its last-pos value"
        ("bytes 0-10/10", None),
        ("bytes 0-9/10", Some(part(0..10, Some(10)))),
        ("bytes 0-18446744073709551615/*", None),
        ("bytes 0-1/99999999999999999999999999", None),
        ("bytes=0-1/2", None),
        ("bytes 0-1", None),
        ("bytes 0-1/", None),
        ("bytes -1/2", None),
        ("bytes +0-+1/2", None),
        ("bytes 0-1/2, bytes 0-1/2", None),
        ("items 0-1/2", None),
        ("byte", None),
        ("", None),
    ] {
        assert_eq!(read(value), expected, "{value}");
    }
    let line = ("content-range", "bytes 0-1/2");
    assert_eq!(ContentRange::of(&fields(&[line, line])), None);
    assert_eq!(part(42..1234, Some(1234)).to_value(), "bytes 42-1233/1234");
    assert_eq!(part(0..1, None).to_value(), "bytes 0-0/*");
    assert_eq!(ContentRange::unsatisfied(47_022), "bytes */47022");
    assert!(part(0..10, Some(10)).is_whole());
    assert!(!part(0..10, None).is_whole() && !part(0..9, Some(10)).is_whole());
    assert!(!part(1..10, Some(10)).is_whole());
}

/// RFC 9110 §13.1.5, §8.8.3.2 for tags, §8.8.2.2 for dates.
#[test]
fn if_range_holds_for_just_this_representation() {
    const TAG: (&str, &str) = ("etag", "\"a\"");
    const WEAK: (&str, &str) = ("etag", "W/\"a\"");
    const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    const AT_ONCE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:50:36 GMT");
    const LATER: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:50:37 GMT");
    for (validator, response, expected) in [
        ("\"a\"", &[TAG][..], true),
        (" \"a\" ", &[TAG], true),
        ("\"b\"", &[TAG], false),
        // "using the strong comparison function"
        ("W/\"a\"", &[WEAK], false),
        ("\"a\"", &[WEAK], false),
        ("W/\"a\"", &[TAG], false),
        ("\"a\"", &[], false),
        ("\"a\", \"b\"", &[TAG], false),
        ("a", &[("etag", "a")], false),
        ("\"", &[("etag", "\"")], false),
        ("*", &[TAG], false),
        ("", &[TAG], false),
        // "exactly matches"
        ("Sun, 06 Nov 1994 08:49:37 GMT", &[MODIFIED, LATER], true),
        ("Sunday, 06-Nov-94 08:49:37 GMT", &[MODIFIED, LATER], true),
        ("Sun, 06 Nov 1994 08:49:38 GMT", &[MODIFIED, LATER], false),
        ("Mon, 07 Nov 1994 08:49:37 GMT", &[MODIFIED, LATER], false),
        ("Sun, 06 Nov 1994 08:49:37 GMT", &[MODIFIED, AT_ONCE], false),
        ("Sun, 06 Nov 1994 08:49:37 GMT", &[MODIFIED], false),
        ("Sun, 06 Nov 1994 08:49:37 GMT", &[TAG, LATER], false),
        ("Sun, 06 Nov 1994 08:49:37 GMT", &[MODIFIED, MODIFIED, LATER], false),
        ("soon", &[("last-modified", "soon"), LATER], false),
    ] {
        let request = fields(&[("if-range", validator)]);
        assert_eq!(if_range(&request, &fields(response)), expected, "{validator} {response:?}");
    }
    let two = fields(&[("if-range", "\"a\""), ("if-range", "\"a\"")]);
    assert!(!if_range(&two, &fields(&[TAG])));
    assert!(if_range(&fields(&[]), &fields(&[])), "no condition");
}

/// RFC 9111 §3.3.
#[test]
fn a_part_answers_what_lies_wholly_within_it() {
    // (part, length of the whole, requested ranges, selected ranges)
    for (part, complete, value, expected) in [
        (4..10, Some(10), "bytes=-5", Some(vec![(5, 9)])),
        (4..10, Some(10), "bytes=6-8", Some(vec![(6, 8)])),
        (4..10, Some(10), "bytes=6-", Some(vec![(6, 9)])),
        (4..10, Some(10), "bytes=4-100", Some(vec![(4, 9)])),
        (4..10, Some(10), "bytes=3-5", None),
        (4..10, Some(10), "bytes=-7", None),
        (4..10, Some(10), "bytes=5-6,0-0", None),
        (4..10, Some(10), "bytes=10-", None),
        (4..9, Some(10), "bytes=6-", None),
        (4..9, Some(10), "bytes=6-9", None),
        (4..9, Some(10), "bytes=-1", None),
        (4..9, Some(10), "bytes=8-8", Some(vec![(8, 8)])),
        // It is not known whether the whole ends here.
        (4..9, None, "bytes=6-8", Some(vec![(6, 8)])),
        (4..9, None, "bytes=6-9", None),
        (4..9, None, "bytes=6-", None),
        (4..9, None, "bytes=-1", None),
        (4..9, None, "bytes=5-5,-1", None),
        (0..5, None, "bytes=0-0,4-4", Some(vec![(0, 4)])),
    ] {
        let part = ContentRange::new(part, complete).unwrap();
        let found = ranges(value).select_within(&part);
        let found =
            found.map(|parts| parts.iter().map(|part| (part.start, part.end - 1)).collect::<Vec<_>>());
        assert_eq!(found, expected, "{value} within {part:?}");
    }
}

/// RFC 9110 §14.3.
#[test]
fn a_response_may_refuse_parts() {
    for (lines, expected) in [
        (&[][..], true),
        (&[("accept-ranges", "bytes")], true),
        (&[("accept-ranges", "none")], false),
        (&[("accept-ranges", "items, None")], false),
        (&[("accept-ranges", "items"), ("accept-ranges", "none")], false),
    ] {
        assert_eq!(accepts_ranges(&fields(lines)), expected, "{lines:?}");
    }
}

#[test]
fn a_request_that_is_stripped_asks_for_the_whole() {
    let mut request = fields(&[("range", "bytes=0-1"), ("if-range", "\"a\""), ("if-match", "\"a\"")]);
    strip_range(&mut request);
    assert_eq!(request, fields(&[("if-match", "\"a\"")]));
}

const TAG: &[(&str, &str)] = &[("etag", "\"a\"")];
const WHOLE: &[u8] = b"0123456789";

fn combined(
    (one, one_fields): (std::ops::Range<usize>, &[(&'static str, &str)]),
    (other, other_fields): (std::ops::Range<usize>, &[(&'static str, &str)]),
) -> Option<(std::ops::Range<u64>, Bytes)> {
    let part = |range: &std::ops::Range<usize>| {
        ContentRange::new(range.start as u64..range.end as u64, Some(10)).unwrap()
    };
    let (stored, new) = (Bytes::from_static(&WHOLE[one.clone()]), Bytes::from_static(&WHOLE[other.clone()]));
    let (part, body) = combine(
        PartialBody { headers: &fields(one_fields), part: &part(&one), body: &stored },
        PartialBody { headers: &fields(other_fields), part: &part(&other), body: &new },
    )?;
    Some((part.range(), body))
}

/// RFC 9110 §15.3.7.3: parts without a gap are combined.
///
/// "The combined response content consists of the union of partial content ranges".
#[test]
fn parts_that_touch_make_one() {
    for (one, other, expected) in [
        (0..5, 5..10, Some(0..10)),
        (5..10, 0..5, Some(0..10)),
        (0..6, 4..10, Some(0..10)),
        (2..4, 0..10, Some(0..10)),
        (0..10, 2..4, Some(0..10)),
        (0..5, 0..5, Some(0..5)),
        (0..5, 0..7, Some(0..7)),
        (3..5, 2..5, Some(2..5)),
        (0..4, 5..10, None),
        (5..10, 0..4, None),
    ] {
        let found = combined((one.clone(), TAG), (other.clone(), TAG));
        let expected = expected.map(|range: std::ops::Range<usize>| {
            (range.start as u64..range.end as u64, Bytes::from_static(&WHOLE[range]))
        });
        assert_eq!(found, expected, "{one:?} and {other:?}");
    }
}

/// RFC 9111 §3.4: "if they all share the same strong validator".
#[test]
fn parts_of_two_representations_stay_apart() {
    const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    const OTHER: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:36 GMT");
    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 09:49:37 GMT");
    const EARLY: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:38 GMT");
    for (one, other, expected) in [
        (TAG, TAG, true),
        (TAG, &[("etag", "\"b\"")][..], false),
        (TAG, &[], false),
        (&[], &[], false),
        (TAG, &[("etag", "W/\"a\"")], false),
        (&[("etag", "W/\"a\"")], &[("etag", "W/\"a\"")], false),
        (&[MODIFIED, DATE], &[MODIFIED, DATE], true),
        (&[MODIFIED, DATE], &[OTHER, DATE], false),
        (&[MODIFIED, DATE], &[MODIFIED, EARLY], false),
        (&[MODIFIED, DATE], &[MODIFIED], false),
        (&[MODIFIED, DATE, ("etag", "W/\"a\"")], &[MODIFIED, DATE, ("etag", "W/\"b\"")], false),
        (&[("etag", "\"a\""), MODIFIED, DATE], &[("etag", "\"a\""), OTHER, DATE], true),
        (&[("etag", "\"a\""), MODIFIED, DATE], &[MODIFIED, DATE], false),
    ] {
        assert_eq!(combined((0..5, one), (5..10, other)).is_some(), expected, "{one:?} {other:?}");
    }
}

#[test]
fn parts_that_contradict_each_other_or_themselves_are_not_combined() {
    let headers = fields(TAG);
    let part = |range, complete| ContentRange::new(range, complete).unwrap();
    let of = |one: (&ContentRange, &'static str), other: (&ContentRange, &'static str)| {
        let (stored, new) = (Bytes::from_static(one.1.as_bytes()), Bytes::from_static(other.1.as_bytes()));
        let stored = PartialBody { headers: &headers, part: one.0, body: &stored };
        combine(stored, PartialBody { headers: &headers, part: other.0, body: &new })
    };
    let (first, last) = (part(0..5, Some(10)), part(4..10, Some(10)));
    assert!(of((&first, "01234"), (&last, "456789")).is_some());
    assert!(of((&first, "01234"), (&last, "x56789")).is_none(), "the byte that they share");
    assert!(of((&first, "0123"), (&last, "456789")).is_none(), "as long as it says");
    assert!(of((&first, "01234"), (&part(4..10, Some(11)), "456789")).is_none());
    let (combined, _) = of((&part(0..5, None), "01234"), (&last, "456789")).unwrap();
    assert!(combined.is_whole(), "one knew the length");
    let (combined, _) = of((&part(0..5, None), "01234"), (&part(4..10, None), "456789")).unwrap();
    assert_eq!(combined.to_value(), "bytes 0-9/*");
    assert!(of((&part(0..5, None), "01234"), (&part(4..10, Some(10)), "456789")).is_some());
}
