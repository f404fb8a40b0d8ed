//! Rules about round trips, slow commands and clocks.

use std::time::Duration;

use larder_core::advice::advise;
use larder_core::advice::figures::Figures;

use crate::doctor::facts::{ClockFacts, Facts};
use crate::doctor::finding::{Finding, FindingKind};
use crate::output::units;

/// How long a store waits for a command by default.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(50);
const SLOW: Duration = Duration::from_millis(5);
/// With fewer samples, the slowest hundredth means little.
const MIN_SAMPLES: u64 = 20;

pub(super) fn latency(facts: &Facts) -> Vec<Finding> {
    let Some(latency) = facts.latency.as_ref().filter(|latency| latency.samples >= MIN_SAMPLES) else {
        return Vec::new();
    };
    let (kind, command) = match latency.p99 {
        p99 if p99 > COMMAND_TIMEOUT => {
            (FindingKind::LatencyOverTimeout, "redis-cli -u \"$REDIS_URL\" --latency-history")
        }
        p99 if p99 > SLOW => (FindingKind::LatencyHigh, "redis-cli -u \"$REDIS_URL\" --intrinsic-latency 10"),
        _ => return Vec::new(),
    };
    let finding = Finding::new(kind)
        .seen("samples", latency.samples)
        .seen("p50_seconds", latency.p50.as_secs_f64())
        .seen("p99_seconds", latency.p99.as_secs_f64())
        .seen("max_seconds", latency.max.as_secs_f64())
        .seen("command_timeout_seconds", COMMAND_TIMEOUT.as_secs_f64());
    vec![finding.redis("SLOWLOG GET 10").shell(command)]
}

pub(super) fn seen_latency(facts: &Facts) -> Option<String> {
    let latency = facts.latency.as_ref()?;
    let [p50, p90, p99, max] = [latency.p50, latency.p90, latency.p99, latency.max].map(units::duration);
    Some(format!("{} round trips: p50 {p50}, p90 {p90}, p99 {p99}, max {max}", latency.samples))
}

pub(super) fn slow_log(facts: &Facts) -> Vec<Finding> {
    let slow = facts.servers.iter().filter_map(|server| Some((server, server.slow_log?)));
    let slow = slow.filter(|(_, log)| log.entries > 0 && log.longest > SLOW);
    slow.map(|(server, log)| {
        let finding =
            Finding::new(FindingKind::SlowCommands).on(&server.address).seen("entries", log.entries);
        finding.seen("longest_seconds", log.longest.as_secs_f64()).redis("SLOWLOG GET 10")
    })
    .collect()
}

pub(super) fn seen_slow_log(facts: &Facts) -> Option<String> {
    let logs: Vec<_> = facts.servers.iter().filter_map(|server| server.slow_log).collect();
    let longest = logs.iter().map(|log| log.longest).max()?;
    let entries: u64 = logs.iter().map(|log| log.entries).sum();
    Some(format!("{entries} recent entries, {} at most", units::duration(longest)))
}

pub(super) fn clock(facts: &Facts) -> Vec<Finding> {
    let Some(clock) = facts.clock else { return Vec::new() };
    let difference = Some(certain(clock));
    let found = advise(&Figures { clock_difference: difference, ..Figures::default() });
    let finish = |finding: Finding| {
        let ahead = if clock.server_is_ahead { "server" } else { "this machine" };
        let finding =
            finding.seen("ahead", ahead).seen("uncertainty_seconds", clock.uncertainty.as_secs_f64());
        finding.shell("timedatectl set-ntp true").redis("TIME")
    };
    found.into_iter().map(|advice| finish(Finding::from_advice(advice))).collect()
}

/// Returns the difference that is there in any case.
fn certain(clock: ClockFacts) -> Duration {
    clock.difference.saturating_sub(clock.uncertainty)
}

pub(super) fn seen_clock(facts: &Facts) -> Option<String> {
    let clock = facts.clock?;
    let difference = units::duration(clock.difference);
    Some(format!("{difference} apart, ± {}", units::duration(clock.uncertainty)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::facts::{LatencyFacts, ServerFacts, SlowLog};
    use crate::doctor::rules::tests::names;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_slowest_hundredth_counts() {
        let facts = |samples, p99| {
            let latency =
                LatencyFacts { samples, p50: ms(1), p90: ms(1), p99, max: ms(900), buckets: Vec::new() };
            Facts { latency: Some(latency), ..Facts::default() }
        };
        assert_eq!(latency(&facts(100, ms(5))), []);
        assert_eq!(names(&latency(&facts(100, ms(6)))), ["latency-high"]);
        assert_eq!(names(&latency(&facts(100, ms(50)))), ["latency-high"]);
        assert_eq!(names(&latency(&facts(100, ms(51)))), ["latency-over-timeout"]);
        assert_eq!(latency(&facts(19, ms(51))), []);
    }

    #[test]
    fn clocks_differ_only_by_more_than_the_round_trip_explains() {
        let found = |difference, uncertainty| {
            let clock = ClockFacts { difference, server_is_ahead: true, uncertainty };
            names(&clock_of(clock))
        };
        assert_eq!(found(ms(2_000), ms(0)), [""; 0]);
        assert_eq!(found(ms(2_001), ms(0)), ["clocks-differ"]);
        assert_eq!(found(ms(2_900), ms(1_000)), [""; 0]);
    }

    fn clock_of(facts: ClockFacts) -> Vec<Finding> {
        clock(&Facts { clock: Some(facts), ..Facts::default() })
    }

    #[test]
    fn short_entries_of_the_slow_log_do_not_count() {
        let found = |entries, longest| {
            let server =
                ServerFacts { slow_log: Some(SlowLog { entries, longest }), ..ServerFacts::default() };
            slow_log(&Facts { servers: vec![server], ..Facts::default() }).len()
        };
        assert_eq!((found(0, ms(0)), found(3, ms(5)), found(3, ms(12))), (0, 0, 1));
    }
}
