use proptest::prelude::*;

use super::*;
use crate::invalidation::position::Watermark;

const OURS: Incarnation = Incarnation::from_bytes([1; 16]);
const OTHER: Incarnation = Incarnation::from_bytes([2; 16]);
const HERE: Incarnation = Incarnation::from_bytes([3; 16]);
const ELSEWHERE: Incarnation = Incarnation::from_bytes([4; 16]);

fn at(incarnation: Incarnation, log: u64, local: u64) -> Position {
    Position { incarnation, watermark: Watermark { log: LogId::new(log, 0), local } }
}

/// Returns a token from this position in the log alone.
fn applied(incarnation: Incarnation, log: u64) -> ConsistencyToken {
    ConsistencyToken::from_position(at(incarnation, log, 7), None)
}

fn deferred(log: u64, by: Incarnation, local: u64) -> ConsistencyToken {
    ConsistencyToken::from_position(at(OURS, log, local), Some(by))
}

/// Rule 17, for an instance `HERE` that is at 5 in the log `OURS` and has deferred two events.
#[test]
fn an_instance_knows_as_much_as_a_token_or_will_or_cannot_tell() {
    use Coverage::{Covered, Incomparable, Wait};
    let table = [
        ("behind us", applied(OURS, 4), Covered),
        ("where we are", applied(OURS, 5), Covered),
        ("ahead", applied(OURS, 6), Wait),
        ("never to be", ConsistencyToken { log: LogId::MAX, ..applied(OURS, 0) }, Wait),
        ("of another incarnation, behind", applied(OTHER, 1), Incomparable),
        ("of another incarnation, ahead", applied(OTHER, 9), Incomparable),
        ("our own, deferred", deferred(5, HERE, 2), Covered),
        ("our own, deferred before", deferred(4, HERE, 1), Covered),
        ("our own, deferred, and ahead in the log", deferred(6, HERE, 2), Wait),
        ("said to be our own, but not deferred yet", deferred(5, HERE, 3), Incomparable),
        ("deferred elsewhere", deferred(4, ELSEWHERE, 1), Incomparable),
        ("deferred elsewhere, and ahead in the log", deferred(6, ELSEWHERE, 1), Incomparable),
        ("deferred at two", deferred(4, ELSEWHERE, 1).merge_after(deferred(4, HERE, 1), false), Incomparable),
    ];
    for (name, token, expected) in table {
        assert_eq!(token.coverage(at(OURS, 5, 2), HERE), expected, "{name}");
    }
}

/// A client brought a token with its write.
///
/// Each case has our own token after the write, whether the write was applied, the token that the
/// client brought, and the token that it gets.
#[test]
fn positions_seen_before_a_write_stay_covered() {
    let nowhere = ConsistencyToken { deferred: Some(Deferred::NOWHERE), ..applied(OURS, 9) };
    let table = [
        ("its own event is the later one", applied(OURS, 9), true, applied(OURS, 4), applied(OURS, 9)),
        ("a forged one is mended", applied(OURS, 9), true, applied(OURS, 99), applied(OURS, 9)),
        ("an older life is refused as a whole", applied(OURS, 9), true, applied(OTHER, 99), applied(OURS, 9)),
        ("no event of its own", applied(OURS, 4), false, applied(OURS, 9), applied(OURS, 9)),
        (
            "no event of its own, and another life",
            applied(OURS, 4),
            false,
            applied(OTHER, 2),
            applied(OTHER, 2),
        ),
        ("deferred now", deferred(4, HERE, 3), false, applied(OURS, 9), deferred(9, HERE, 3)),
        ("deferred before", applied(OURS, 9), true, deferred(4, HERE, 3), deferred(9, HERE, 3)),
        ("deferred twice", deferred(9, HERE, 4), false, deferred(4, HERE, 3), deferred(9, HERE, 4)),
        ("deferred at two", deferred(9, HERE, 4), false, deferred(4, ELSEWHERE, 3), nowhere),
        ("deferred nowhere", deferred(9, HERE, 4), false, nowhere, nowhere),
    ];
    for (name, own, applied, brought, expected) in table {
        assert_eq!(own.merge_after(brought, applied), expected, "{name}");
    }
}

#[test]
fn a_token_is_short_and_of_letters_that_need_no_escape_anywhere() {
    let token = ConsistencyToken::from_position(
        Position {
            incarnation: OURS,
            watermark: Watermark { log: LogId::new(1_763_856_000_123, 0), local: 3 },
        },
        None,
    );
    assert_eq!(token.to_string(), "1-101010101010101-19aae02a47b-0");
    let longest = ConsistencyToken {
        life: u64::MAX,
        log: LogId::MAX,
        deferred: Some(Deferred { instance: u64::MAX, number: u64::MAX }),
    };
    assert_eq!(longest.to_string().len(), 86);
    assert!(longest.to_string().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
}

#[test]
fn any_other_text_is_not_a_token() {
    let table = [
        "",
        "-",
        "1",
        "1-",
        "1-1-1",
        "1-1-1-",
        "1-1-1-1-",
        "1-1-1-1-1",
        "1-1-1-1-1-1-",
        "1-1-1-1-1-1-1",
        "2-1-1-1",
        "01-1-1-1",
        "1-01-1-1",
        "1-+1-1-1",
        "1-A-1-1",
        "1-g-1-1",
        "1-1-1-11111111111111111",
        " 1-1-1-1",
        "\u{661}-1-1-1",
    ];
    for text in table {
        assert_eq!(text.parse::<ConsistencyToken>(), Err(ParseTokenError), "{text:?}");
    }
}

fn tokens() -> impl Strategy<Value = ConsistencyToken> {
    let deferred = any::<(u64, u64)>().prop_map(|(instance, number)| Deferred { instance, number });
    (any::<(u64, u64, u64)>(), proptest::option::of(deferred)).prop_map(
        |((life, millis, sequence), deferred)| ConsistencyToken {
            life,
            log: LogId::new(millis, sequence),
            deferred,
        },
    )
}

proptest! {
    #[test]
    fn a_token_reads_what_it_writes(token in tokens()) {
        prop_assert_eq!(token.to_string().parse(), Ok(token));
    }

    /// A text from a client that parses as a token is exactly the text that the token writes.
    #[test]
    fn any_text_is_a_token_or_none(
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
        likely in "1(-[0-9a-f]{0,4}){2,6}",
    ) {
        for text in [&*String::from_utf8_lossy(&bytes), &likely] {
            if let Ok(token) = text.parse::<ConsistencyToken>() {
                prop_assert_eq!(token.to_string(), text);
            }
        }
    }

    /// The token that a client gets covers our own token and the one that the client brought.
    ///
    /// An instance that has reached the new token has reached both. This holds within one
    /// incarnation.
    #[test]
    fn a_token_after_another_is_never_less(
        own in nearby(), brought in nearby(), log in 0..4_u64, local in 0..4_u64, here in 0..3_u8,
    ) {
        let given = own.merge_after(brought, false);
        let (position, here) = (at(OURS, log, local), Incarnation::from_bytes([here; 16]));
        if given.coverage(position, here) == Coverage::Covered {
            prop_assert_eq!(own.coverage(position, here), Coverage::Covered);
            prop_assert_eq!(brought.coverage(position, here), Coverage::Covered);
        }
    }
}

/// Returns tokens of one incarnation that are often alike.
fn nearby() -> impl Strategy<Value = ConsistencyToken> {
    (0..4_u64, proptest::option::of((1..3_u8, 0..4_u64))).prop_map(|(log, deferred)| {
        let token = applied(OURS, log);
        let by =
            |(instance, number)| Deferred { instance: half(Incarnation::from_bytes([instance; 16])), number };
        ConsistencyToken { deferred: deferred.map(by), ..token }
    })
}
