//! Rules about the hit ratio of a lifetime class.

use std::time::Duration;

use crate::advice::advice_kind::AdviceKind;
use crate::advice::figures::RouteFigures;
use crate::advice::{Advice, figure, share};
use crate::outcome::MissReason;

/// Below this number of lookups, a hit ratio says little.
const MIN_LOOKUPS: u64 = 1000;
const HIGH_RATIO: f64 = 0.8;
const LOW_RATIO: f64 = 0.6;
/// The share of misses with which a reason dominates.
const DOMINANT: f64 = 0.5;
/// Below this number of hits for each stored response, keys hardly repeat.
const FEW_REPEATS: f64 = 1.0;
/// The number of invalidations for each response that expires, from which lifetimes mean little.
const MANY_INVALIDATIONS: u64 = 20;
/// The share of its lifetime that a response reaches at most if the lifetime is too long.
const SMALL_PART: u32 = 20;

pub(super) fn advise(class: &RouteFigures, all: &mut Vec<Advice>) {
    if class.lookups() < MIN_LOOKUPS {
        return;
    }
    let ratio = share(class.hits, class.lookups());
    let kind = match ratio {
        ratio if ratio > HIGH_RATIO => Some(AdviceKind::HitRatioHigh),
        ratio if ratio < LOW_RATIO => Some(cause(class)),
        _ => None,
    };
    all.extend(kind.map(|kind| advice(kind, class)));
    if is_lifetime_too_long(class) {
        all.push(advice(AdviceKind::LifetimeTooLong, class));
    }
}

/// Returns which of the causes of a low hit ratio it is.
fn cause(class: &RouteFigures) -> AdviceKind {
    let misses = class.all_misses();
    let dominates = |reason: MissReason| share(class.misses_for(reason.as_str()), misses) >= DOMINANT;
    if dominates(MissReason::Expired) {
        AdviceKind::LifetimeTooShort
    } else if dominates(MissReason::Invalidated) {
        AdviceKind::InvalidatedTooOften
    } else if dominates(MissReason::NeverStored) && has_few_repeats(class) {
        AdviceKind::TooManyKeys
    } else {
        AdviceKind::HitRatioLow
    }
}

fn has_few_repeats(class: &RouteFigures) -> bool {
    figure(class.hits) < FEW_REPEATS * figure(class.stored.max(1))
}

/// Whether responses are invalidated so early that their lifetime does not matter.
fn is_lifetime_too_long(class: &RouteFigures) -> bool {
    let expired = class.misses_for(MissReason::Expired.as_str());
    let invalidated = class.misses_for(MissReason::Invalidated.as_str());
    let reaches_small_part =
        |lifetime: Duration| class.age_at_hit.is_some_and(|age| age.saturating_mul(SMALL_PART) < lifetime);
    invalidated >= MIN_LOOKUPS / 10
        && invalidated / MANY_INVALIDATIONS >= expired
        && class.lifetime.is_some_and(reaches_small_part)
}

fn advice(kind: AdviceKind, class: &RouteFigures) -> Advice {
    let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64();
    let misses = |reason: MissReason| figure(class.misses_for(reason.as_str()));
    let mut advice = Advice::new(
        kind,
        &class.subject,
        [
            ("hit_ratio", share(class.hits, class.lookups())),
            ("lookups", figure(class.lookups())),
            ("misses_expired", misses(MissReason::Expired)),
            ("misses_invalidated", misses(MissReason::Invalidated)),
            ("misses_never_stored", misses(MissReason::NeverStored)),
            ("hits_per_stored_response", share(class.hits, class.stored)),
        ],
    );
    for (name, time) in [("lifetime_seconds", class.lifetime), ("age_at_hit_seconds", class.age_at_hit)] {
        if time.is_some() {
            advice.evidence.insert(name, seconds(time));
        }
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(hits: u64, misses: &[(MissReason, u64)], stored: u64) -> RouteFigures {
        let misses = misses.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
        RouteFigures { subject: "class standard".into(), hits, misses, stored, ..RouteFigures::default() }
    }

    fn kinds(class: &RouteFigures) -> Vec<AdviceKind> {
        let mut all = Vec::new();
        advise(class, &mut all);
        all.into_iter().map(|one| one.kind).collect()
    }

    #[test]
    fn a_hit_ratio_is_high_or_low_or_neither() {
        use MissReason::{Expired, Invalidated, NeverStored, Unconfirmed};
        let cases = [
            (class(999, &[], 1), vec![]),
            (class(810, &[(Expired, 190)], 200), vec![AdviceKind::HitRatioHigh]),
            (class(800, &[(Expired, 200)], 200), vec![]),
            (class(600, &[(Expired, 400)], 400), vec![]),
            (class(590, &[(Expired, 210), (NeverStored, 200)], 400), vec![AdviceKind::LifetimeTooShort]),
            (class(500, &[(Invalidated, 250), (Expired, 249)], 500), vec![]),
            (class(500, &[(Invalidated, 260), (Expired, 250)], 500), vec![AdviceKind::InvalidatedTooOften]),
            (class(100, &[(NeverStored, 900)], 900), vec![AdviceKind::TooManyKeys]),
            // Two reasons, and neither is that of half of the misses.
            (class(400, &[(Expired, 299), (NeverStored, 301)], 700), vec![AdviceKind::TooManyKeys]),
            (
                class(400, &[(Expired, 299), (NeverStored, 299), (Unconfirmed, 2)], 600),
                vec![AdviceKind::HitRatioLow],
            ),
            // The keys repeat if each stored response is served once, so they are not too many.
            (class(499, &[(NeverStored, 501)], 500), vec![AdviceKind::TooManyKeys]),
            (class(500, &[(NeverStored, 501)], 500), vec![AdviceKind::HitRatioLow]),
            (class(100, &[(Unconfirmed, 900)], 0), vec![AdviceKind::HitRatioLow]),
        ];
        for (class, expected) in cases {
            assert_eq!(kinds(&class), expected, "{class:?}");
        }
    }

    #[test]
    fn a_lifetime_that_invalidations_always_end_is_too_long() {
        let base = class(9_000, &[(MissReason::Invalidated, 1_000), (MissReason::Expired, 50)], 1_050);
        let day = Some(Duration::from_secs(86_400));
        let too_long = RouteFigures { lifetime: day, age_at_hit: Some(Duration::from_secs(60)), ..base };
        let has = |class: &RouteFigures| kinds(class).contains(&AdviceKind::LifetimeTooLong);
        assert!(has(&too_long));
        // Without the lifetime or the age, nothing can be said.
        assert!(!has(&RouteFigures { lifetime: None, ..too_long.clone() }));
        assert!(!has(&RouteFigures { age_at_hit: None, ..too_long.clone() }));
        // The responses are used for a good part of their lifetime.
        for (age, expected) in [(4_319, true), (4_320, false)] {
            let age_at_hit = Some(Duration::from_secs(age));
            assert_eq!(has(&RouteFigures { age_at_hit, ..too_long.clone() }), expected, "{age}");
        }
        // Many expire, or few are invalidated.
        let with = |invalidated, expired| {
            let misses = [(MissReason::Invalidated, invalidated), (MissReason::Expired, expired)];
            let misses = misses.map(|(reason, count)| (reason.as_str(), count)).into();
            has(&RouteFigures { misses, ..too_long.clone() })
        };
        assert!(with(1_000, 50) && !with(1_000, 51));
        assert!(with(100, 0) && !with(99, 0));
    }

    #[test]
    fn the_evidence_has_the_figures_that_decided() {
        let mut all = Vec::new();
        advise(&class(100, &[(MissReason::NeverStored, 900)], 900), &mut all);
        let evidence = &all[0].evidence;
        assert_eq!((evidence["hit_ratio"], evidence["misses_never_stored"]), (0.1, 900.0));
        assert_eq!((evidence["lookups"], evidence["misses_expired"]), (1_000.0, 0.0));
        assert_eq!(all[0].subject, "class standard");
    }
}
