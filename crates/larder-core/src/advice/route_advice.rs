//! Rules about single routes.

use crate::advice::advice_kind::AdviceKind;
use crate::advice::figures::RouteFigures;
use crate::advice::{Advice, figure, share};
use crate::outcome::MissReason;

/// Below this number of requests, a route says little.
const MIN_REQUESTS: u64 = 100;
/// The share of misses with which a reason dominates.
const DOMINANT: f64 = 0.5;

pub(super) fn advise(route: &RouteFigures, all: &mut Vec<Advice>) {
    let bypasses: u64 = route.bypasses.values().sum();
    if route.lookups() == 0 && bypasses >= MIN_REQUESTS {
        all.extend(always_bypassed(route, bypasses));
        return;
    }
    if route.lookups() < MIN_REQUESTS {
        return;
    }
    let misses = route.all_misses();
    let mut add = |kind, count: u64| {
        all.push(Advice::new(
            kind,
            &route.subject,
            [("hits", figure(route.hits)), ("misses", figure(misses)), ("count", figure(count))],
        ));
    };
    if route.hits == 0 && route.stored >= MIN_REQUESTS {
        add(AdviceKind::NeverHit, route.stored);
    }
    for (reason, kind) in
        [(MissReason::Vary, AdviceKind::VariantsThrash), (MissReason::HitForMiss, AdviceKind::RarelyStored)]
    {
        let count = route.misses_for(reason.as_str());
        if misses >= MIN_REQUESTS && share(count, misses) >= DOMINANT {
            add(kind, count);
        }
    }
}

/// Returns the advice about a route that no request ever used the cache on.
///
/// The most frequent reason is the one to look at.
fn always_bypassed(route: &RouteFigures, bypasses: u64) -> Option<Advice> {
    let (reason, count) = route.bypasses.iter().max_by_key(|(_, count)| **count)?;
    let evidence = [("bypasses", figure(bypasses)), ("count", figure(*count))];
    let advice = Advice::new(AdviceKind::AlwaysBypassed, &route.subject, evidence);
    Some(Advice { reason: Some(reason), ..advice })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::BypassReason;

    fn route(hits: u64, misses: &[(MissReason, u64)], stored: u64) -> RouteFigures {
        let misses = misses.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
        RouteFigures { subject: "route /a".into(), hits, misses, stored, ..RouteFigures::default() }
    }

    fn found(route: &RouteFigures) -> Vec<(AdviceKind, Option<&'static str>)> {
        let mut all = Vec::new();
        advise(route, &mut all);
        all.into_iter().map(|one| (one.kind, one.reason)).collect()
    }

    #[test]
    fn a_route_without_a_hit_or_with_one_dominant_reason_is_found() {
        use MissReason::{HitForMiss, NeverStored, Vary};
        let cases = [
            (route(0, &[(NeverStored, 99)], 99), vec![]),
            (route(0, &[(NeverStored, 100)], 100), vec![AdviceKind::NeverHit]),
            (route(1, &[(NeverStored, 100)], 100), vec![]),
            (route(0, &[(NeverStored, 100)], 99), vec![]),
            (route(500, &[(Vary, 100), (NeverStored, 100)], 200), vec![AdviceKind::VariantsThrash]),
            (route(500, &[(Vary, 100), (NeverStored, 101)], 200), vec![]),
            (route(500, &[(Vary, 99)], 99), vec![]),
            (route(500, &[(HitForMiss, 150), (NeverStored, 10)], 20), vec![AdviceKind::RarelyStored]),
        ];
        for (route, expected) in cases {
            let expected: Vec<_> = expected.into_iter().map(|kind| (kind, None)).collect();
            assert_eq!(found(&route), expected, "{route:?}");
        }
    }

    #[test]
    fn a_route_that_is_always_bypassed_is_found_with_its_most_frequent_reason() {
        let (cookie, range) = (BypassReason::Cookie.as_str(), BypassReason::Range.as_str());
        let bypassed = RouteFigures { bypasses: [(cookie, 90), (range, 10)].into(), ..route(0, &[], 0) };
        assert_eq!(found(&bypassed), [(AdviceKind::AlwaysBypassed, Some(cookie))]);
        let few = RouteFigures { bypasses: [(cookie, 99)].into(), ..route(0, &[], 0) };
        assert_eq!(found(&few), []);
        let used = RouteFigures { hits: 1, ..bypassed };
        assert_eq!(found(&used), []);
    }
}
