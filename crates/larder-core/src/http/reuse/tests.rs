use super::*;
use crate::http::cache_control::MaxStale;
use crate::http::testing::secs;

const MILLI: Duration = Duration::from_millis(1);

/// Returns a response that is fresh for 60 s, and has both windows.
///
/// The windows are 10 s during a refresh and 20 s if the handler fails.
fn aged(age: Duration) -> Candidate {
    Candidate {
        age,
        lifetime: Lifetime { fresh: secs(60), while_revalidate: secs(10), if_error: secs(20) },
        flags: ResponseFlags::default(),
        verdict: Verdict::Valid,
        confirmed: true,
    }
}

fn fresh(left: u64) -> Reuse {
    Reuse::Fresh { left: secs(left) }
}

fn stale(reason: MissReason, while_revalidate: bool, if_error: bool) -> Reuse {
    Reuse::Stale { reason, while_revalidate, if_error }
}

/// RFC 9111 §4.2: "response_is_fresh = (freshness_lifetime > current_age)".
///
/// RFC 5861 §3 and §4 define the windows.
#[test]
fn a_response_is_fresh_until_just_before_its_end_and_of_use_within_its_windows() {
    for (age, expected) in [
        (secs(0), fresh(60)),
        (secs(59), fresh(1)),
        (secs(60) - MILLI, Reuse::Fresh { left: MILLI }),
        (secs(60), stale(MissReason::Expired, true, true)),
        (secs(70) - MILLI, stale(MissReason::Expired, true, true)),
        (secs(70), stale(MissReason::Expired, false, true)),
        (secs(80) - MILLI, stale(MissReason::Expired, false, true)),
        (secs(80), stale(MissReason::Expired, false, false)),
        (Duration::MAX, stale(MissReason::Expired, false, false)),
    ] {
        assert_eq!(reuse(&aged(age), None), expected, "{age:?}");
    }
    let no_windows = Candidate { lifetime: Lifetime::default(), ..aged(secs(0)) };
    assert_eq!(reuse(&no_windows, None), stale(MissReason::Expired, false, false));
}

#[test]
fn an_invalidated_or_unconfirmed_response_is_always_refused() {
    let refused = Candidate { verdict: Verdict::Refused, confirmed: false, ..aged(secs(0)) };
    assert_eq!(reuse(&refused, None), Reuse::Refused(MissReason::Invalidated));
    for verdict in [Verdict::Valid, Verdict::Soft(secs(0))] {
        let unconfirmed = Candidate { verdict, confirmed: false, ..aged(secs(0)) };
        assert_eq!(reuse(&unconfirmed, None), Reuse::Refused(MissReason::Unconfirmed));
    }
}

#[test]
fn a_soft_invalidation_makes_it_stale_from_that_moment_unless_it_was_stale_for_longer() {
    for (age, since, expected) in [
        (secs(5), secs(0), stale(MissReason::Invalidated, true, true)),
        (secs(15), secs(10), stale(MissReason::Invalidated, false, true)),
        (secs(25), secs(20), stale(MissReason::Invalidated, false, false)),
        (secs(75), secs(0), stale(MissReason::Invalidated, false, true)),
    ] {
        let candidate = Candidate { verdict: Verdict::Soft(since), ..aged(age) };
        assert_eq!(reuse(&candidate, None), expected, "{age:?} {since:?}");
    }
}

/// RFC 9111 §5.2.2.4, §4.2.4.
#[test]
fn no_cache_is_good_for_validation_only() {
    for (age, verdict) in
        [(secs(0), Verdict::Valid), (secs(65), Verdict::Valid), (secs(0), Verdict::Soft(secs(0)))]
    {
        let candidate = Candidate {
            flags: ResponseFlags { no_cache: true, ..ResponseFlags::default() },
            verdict,
            ..aged(age)
        };
        assert_eq!(reuse(&candidate, None), stale(MissReason::NoCache, false, false), "{age:?}");
    }
}

/// RFC 9111 §5.2.1.
#[test]
fn a_request_may_want_less_than_the_lifetime_allows() {
    type Set = fn(&mut RequestDirectives);
    let only = |reason| stale(reason, false, false);
    let table: &[(u64, Set, Reuse)] = &[
        (30, |_| {}, fresh(30)),
        (30, |to| to.no_cache = true, only(MissReason::Request)),
        (65, |to| to.no_cache = true, only(MissReason::Expired)),
        // §5.2.1.1: "less than or equal to".
        (30, |to| to.max_age = Some(secs(30)), fresh(30)),
        (30, |to| to.max_age = Some(secs(29)), only(MissReason::Request)),
        (0, |to| to.max_age = Some(secs(0)), fresh(60)),
        // §5.2.1.1: with `max-age` alone, the client wants no stale response.
        (65, |to| to.max_age = Some(secs(90)), only(MissReason::Expired)),
        // §5.2.1.3: "no less than".
        (30, |to| to.min_fresh = Some(secs(30)), fresh(30)),
        (30, |to| to.min_fresh = Some(secs(31)), only(MissReason::Request)),
        (65, |to| to.min_fresh = Some(secs(1)), only(MissReason::Expired)),
        (30, |to| to.min_fresh = Some(Duration::MAX), only(MissReason::Request)),
        // These two directives don't change the decision here. The caller handles them.
        (30, |to| to.only_if_cached = true, fresh(30)),
        (30, |to| to.no_store = true, fresh(30)),
    ];
    for (row, (age, set, expected)) in table.iter().enumerate() {
        let mut request = RequestDirectives::default();
        set(&mut request);
        assert_eq!(reuse(&aged(secs(*age)), Some(&request)), *expected, "row {row}");
    }
}

/// RFC 9111 §5.2.1.2 and §4.2.4.
///
/// "exceeded its freshness lifetime by no more than the specified number of seconds".
#[test]
fn max_stale_widens_the_first_window_where_stale_is_not_forbidden() {
    let with = |most| RequestDirectives { max_stale: Some(most), ..RequestDirectives::default() };
    let expired = |while_revalidate| stale(MissReason::Expired, while_revalidate, false);
    for (most, expected) in
        [(MaxStale::Any, true), (MaxStale::Within(secs(30)), true), (MaxStale::Within(secs(29)), false)]
    {
        assert_eq!(reuse(&aged(secs(90)), Some(&with(most))), expired(expected), "{most:?}");
    }
    let any = with(MaxStale::Any);
    assert_eq!(reuse(&aged(secs(5)), Some(&any)), fresh(55));
    let must_revalidate = Candidate {
        flags: ResponseFlags { must_revalidate: true, ..ResponseFlags::default() },
        ..aged(secs(90))
    };
    assert_eq!(reuse(&must_revalidate, Some(&any)), expired(false));
    let invalidated = Candidate { verdict: Verdict::Soft(secs(15)), ..aged(secs(20)) };
    assert_eq!(reuse(&invalidated, Some(&any)), stale(MissReason::Invalidated, false, true));
    // §5.2.1.1: if there is also a `max-age`, both have to hold.
    let both = |max_age| RequestDirectives { max_age: Some(secs(max_age)), ..any.clone() };
    assert_eq!(reuse(&aged(secs(90)), Some(&both(90))), expired(true));
    assert_eq!(reuse(&aged(secs(90)), Some(&both(89))), expired(false));
}
