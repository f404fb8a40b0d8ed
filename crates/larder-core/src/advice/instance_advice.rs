//! Rules about clocks, and about instances that lag.

use std::time::Duration;

use crate::advice::Advice;
use crate::advice::advice_kind::AdviceKind;
use crate::advice::figures::{Figures, InstanceFigures};
use crate::time::CLOCK_TOLERANCE;

pub(super) fn advise(figures: &Figures, all: &mut Vec<Advice>) {
    if let Some(difference) = figures.clock_difference.filter(|difference| *difference > CLOCK_TOLERANCE) {
        let evidence = [("difference_seconds", difference.as_secs_f64())];
        all.push(Advice::new(AdviceKind::ClocksDiffer, "clock", evidence));
    }
    let max = figures.max_staleness;
    all.extend(figures.instances.iter().filter_map(|instance| behind(instance, max)));
}

/// Returns the advice about an instance that does not know the end of the log.
fn behind(instance: &InstanceFigures, max_staleness: Duration) -> Option<Advice> {
    let subject = format!("instance {}", instance.id);
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

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn an_instance_that_has_not_confirmed_the_log_in_time_is_found() {
        let instance = |id: &str, millis: Option<u64>| {
            let confirmed_before = millis.map(Duration::from_millis);
            InstanceFigures { id: id.to_owned(), confirmed_before }
        };
        let instances = vec![instance("a", Some(2000)), instance("b", Some(2001)), instance("c", None)];
        let figures = Figures { instances, max_staleness: Duration::from_secs(2), ..Figures::default() };
        let behind = |id: &str| (AdviceKind::InstanceBehind, format!("instance {id}"));
        assert_eq!(found(&figures), [behind("b"), behind("c")]);
    }
}
