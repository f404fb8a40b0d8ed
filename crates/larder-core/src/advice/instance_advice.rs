//! Rules about clocks, and about instances that lag or are silent.

use std::time::Duration;

use crate::advice::Advice;
use crate::advice::advice_kind::AdviceKind;
use crate::advice::figures::{Figures, InstanceFigures};
use crate::monitoring::SILENT_AFTER;
use crate::time::CLOCK_TOLERANCE;

pub(super) fn advise(figures: &Figures, all: &mut Vec<Advice>) {
    if let Some(difference) = figures.clock_difference.filter(|difference| *difference > CLOCK_TOLERANCE) {
        let evidence = [("difference_seconds", difference.as_secs_f64())];
        all.push(Advice::new(AdviceKind::ClocksDiffer, "clock", evidence));
    }
    let max = figures.max_staleness;
    all.extend(
        figures.instances.iter().filter_map(|instance| silent(instance).or_else(|| behind(instance, max))),
    );
}

/// Returns the advice about an instance that does not announce itself.
///
/// Its earlier announcements say nothing about it now, so there is no other advice about it.
fn silent(instance: &InstanceFigures) -> Option<Advice> {
    if instance.seen_before < SILENT_AFTER {
        return None;
    }
    let evidence = [
        ("seen_before_seconds", instance.seen_before.as_secs_f64()),
        ("silent_after_seconds", SILENT_AFTER.as_secs_f64()),
    ];
    Some(Advice::new(AdviceKind::InstanceSilent, subject(instance), evidence))
}

/// Returns the advice about an instance that does not know the end of the log.
fn behind(instance: &InstanceFigures, max_staleness: Duration) -> Option<Advice> {
    let subject = subject(instance);
    let bound = ("max_staleness_seconds", max_staleness.as_secs_f64());
    match instance.confirmed_before {
        None => Some(Advice::new(AdviceKind::InstanceBehind, subject, [bound])),
        Some(time) if time > max_staleness => {
            let evidence = [("confirmed_before_seconds", time.as_secs_f64()), bound];
            Some(Advice::new(AdviceKind::InstanceBehind, subject, evidence))
        }
        Some(_) => None,
    }
}

fn subject(instance: &InstanceFigures) -> String {
    format!("instance {}", instance.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitoring::{ANNOUNCE_INTERVAL, FORGET_AFTER};

    fn found(figures: &Figures) -> Vec<(AdviceKind, String)> {
        let mut all = Vec::new();
        advise(figures, &mut all);
        all.into_iter().map(|one| (one.kind, one.subject)).collect()
    }

    #[test]
    fn a_clock_that_differs_by_more_than_two_seconds_is_found() {
        let figures = |difference| Figures { clock_difference: difference, ..Figures::default() };
        assert_eq!(found(&figures(None)), []);
        assert_eq!(found(&figures(Some(Duration::from_secs(2)))), []);
        let differs = found(&figures(Some(Duration::from_millis(2001))));
        assert_eq!(differs, [(AdviceKind::ClocksDiffer, "clock".to_owned())]);
        let mut all = Vec::new();
        advise(&figures(Some(Duration::from_millis(2_500))), &mut all);
        assert_eq!(all[0].evidence["difference_seconds"], 2.5);
    }

    #[test]
    fn an_instance_that_has_not_confirmed_the_log_in_time_is_found() {
        let instance = |id: &str, millis: Option<u64>| {
            let confirmed_before = millis.map(Duration::from_millis);
            InstanceFigures { id: id.to_owned(), confirmed_before, ..InstanceFigures::default() }
        };
        let instances = vec![instance("a", Some(2000)), instance("b", Some(2001)), instance("c", None)];
        let figures = Figures { instances, max_staleness: Duration::from_secs(2), ..Figures::default() };
        let behind = |id: &str| (AdviceKind::InstanceBehind, format!("instance {id}"));
        assert_eq!(found(&figures), [behind("b"), behind("c")]);
    }

    #[test]
    fn an_instance_that_no_longer_announces_itself_is_silent_whatever_it_announced() {
        use AdviceKind::{InstanceBehind, InstanceSilent};
        let confirmed = |millis| Some(Duration::from_millis(millis));
        let (just, before) = (Duration::from_nanos(1), ANNOUNCE_INTERVAL * 3);
        for (seen_before, confirmed_before, expected) in [
            (Duration::ZERO, confirmed(0), None),
            // One announcement was late.
            (ANNOUNCE_INTERVAL * 2, confirmed(0), None),
            (before - just, confirmed(0), None),
            (before - just, confirmed(2_001), Some(InstanceBehind)),
            (before, confirmed(0), Some(InstanceSilent)),
            (before, confirmed(2_001), Some(InstanceSilent)),
            (before, None, Some(InstanceSilent)),
            (FORGET_AFTER, confirmed(0), Some(InstanceSilent)),
        ] {
            let instance = InstanceFigures { id: "a".to_owned(), seen_before, confirmed_before };
            let max_staleness = Duration::from_secs(2);
            let figures = Figures { instances: vec![instance], max_staleness, ..Figures::default() };
            let expected: Vec<_> = expected.map(|kind| (kind, "instance a".to_owned())).into_iter().collect();
            assert_eq!(found(&figures), expected, "{seen_before:?} {confirmed_before:?}");
        }
    }

    #[test]
    fn the_evidence_of_silence_is_the_time_since_the_last_announcement_and_its_limit() {
        let seen_before = Duration::from_millis(20_500);
        let silent = silent(&InstanceFigures { seen_before, ..InstanceFigures::default() }).unwrap();
        let evidence: Vec<_> = silent.evidence.into_iter().collect();
        assert_eq!(evidence, [("seen_before_seconds", 20.5), ("silent_after_seconds", 15.0)]);
        assert!(silent.remedy.contains("process"), "{}", silent.remedy);
    }
}
