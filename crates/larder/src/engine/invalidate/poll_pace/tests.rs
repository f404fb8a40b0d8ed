use super::*;

const STALENESS: Duration = Duration::from_secs(2);

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

const fn fleet(instances: u64) -> FleetScale {
    FleetScale { instances: Some(instances), max_staleness: STALENESS }
}

/// Follows a log with so many events a second, for a second. Returns the polls and the largest
/// page.
fn follow(rate: u32, fleet: FleetScale) -> (u32, usize) {
    let (begun, mut pace) = (Instant::now(), PollPace::default());
    let (mut now, mut polls, mut largest, mut read) = (begun, 0, 0, 0_usize);
    let events_at =
        |now: Instant| usize::try_from((now - begun).as_nanos() * u128::from(rate) / 1_000_000_000).unwrap();
    while now < begun + Duration::from_secs(1) {
        let entries = events_at(now) - read;
        read += entries;
        (polls, largest) = (polls + 1, largest.max(entries));
        pace.polled(PollDone { sent: now, entries }, fleet, 0.5);
        // The answer takes a while, and the next event is awaited.
        let answered = now + us(300);
        let next_event = begun + Duration::from_secs_f64((read as f64 + 1.0) / f64::from(rate));
        now = answered.max(next_event);
        if let Some(next) = pace.next_poll(now) {
            now = next.latest();
        }
    }
    (polls, largest)
}

#[test]
fn a_light_load_has_no_pauses() {
    for instances in [1, 4] {
        for rate in [1, 10, 100, 1_000] {
            let (polls, largest) = follow(rate, fleet(instances));
            assert!(polls >= rate && largest <= 1, "{instances} {rate}: {polls} {largest}");
        }
    }
    let (polls, _) = follow(100, fleet(16));
    assert!(polls >= 100, "{polls}");
    let (polls, _) = follow(20, fleet(256));
    assert!(polls >= 20, "{polls}");
}

#[test]
fn polls_of_all_instances_stay_within_the_budget() {
    // The cost of all polls of a second, as a part of a core.
    for (instances, rate) in [(16, 1_000), (16, 10_000), (64, 100), (64, 1_000), (256, 1_000)] {
        let (polls, largest) = follow(rate, fleet(instances));
        // The first few follow a quiet time.
        let cost = f64::from(polls - (BURST - 1)) * 80e-6 + f64::from(rate) * 0.4e-6;
        let part = cost * instances as f64;
        assert!(part < 0.54, "{instances} {rate}: {part} in {polls} polls of up to {largest}");
    }
}

#[test]
fn a_heavy_load_makes_pages_large() {
    let cases = [(1, 2_000, 1..=2), (1, 10_000, 45..=60), (1, 40_000, 190..=215), (16, 10_000, 45..=60)];
    for (instances, rate, expected) in cases {
        let (polls, largest) = follow(rate, fleet(instances));
        assert!(expected.contains(&largest), "{instances} {rate}: {largest} in {polls} polls");
    }
}

#[test]
fn no_pause_passes_a_small_part_of_max_staleness() {
    for (staleness, instances, limit) in
        [(STALENESS, 10_000, ms(125)), (ms(100), 10_000, us(6_250)), (STALENESS, u64::MAX, ms(125))]
    {
        let fleet = FleetScale { instances: Some(instances), max_staleness: staleness };
        let (mut pace, mut sent) = (PollPace::default(), Instant::now());
        for entries in [1, 100_000, usize::MAX, 0, 3].repeat(5) {
            pace.polled(PollDone { sent, entries }, fleet, 1.0);
            let next = pace.next_poll(sent).map_or(sent, NextPoll::latest);
            assert!(next - sent <= limit, "{staleness:?} {instances}: {:?}", next - sent);
            sent = next + us(10);
        }
    }
}

#[test]
fn a_quiet_time_is_followed_by_some_polls_without_pauses() {
    let (mut pace, begun) = (PollPace::default(), Instant::now());
    let mut pause = |sent| {
        pace.polled(PollDone { sent, entries: 1 }, fleet(64), 0.0);
        pace.next_poll(sent).map_or(Duration::ZERO, |next| next.latest() - sent)
    };
    // For 64 instances, a poll with one entry has a share of 10.3 ms.
    assert_eq!([0, 0, 0].map(|_| pause(begun)), [Duration::ZERO; 3]);
    assert_eq!(pause(begun), us(10_291) + Duration::from_nanos(200));
    assert_eq!(pause(begun), us(10_291) + Duration::from_nanos(200), "debts do not grow");
    assert_eq!(pause(begun + ms(100)), Duration::ZERO);
}

#[test]
fn without_a_known_number_of_instances_there_is_no_budget() {
    let unknown = FleetScale { instances: None, max_staleness: STALENESS };
    let (polls, largest) = follow(1_000, unknown);
    assert!(polls >= 999 && largest <= 1, "{polls} {largest}");
    assert_eq!(share_of_poll(1_000, None), Duration::ZERO);
}

#[test]
fn a_poll_needs_no_alarm_if_news_are_sure() {
    let (mut pace, begun) = (PollPace::default(), Instant::now());
    let mut sent = begun;
    for _ in 0..100 {
        pace.polled(PollDone { sent, entries: 50 }, fleet(1), 0.5);
        sent += ms(5);
    }
    // 10,000 events a second.
    let last = sent - ms(5);
    let next = pace.next_poll_with_news(last).unwrap();
    assert!((ms(4)..=ms(5)).contains(&(next.by_load - last)), "{:?}", next.by_load - last);
    assert_eq!(next.by_budget, last);
    assert_eq!(pace.next_poll_with_news(next.by_load), None, "it is sent now");

    let (mut pace, quiet) = (PollPace::default(), Instant::now());
    for _ in 0..8 {
        pace.polled(PollDone { sent: quiet, entries: 0 }, fleet(64), 0.5);
    }
    assert!(pace.next_poll(quiet).is_some());
    assert_eq!(pace.next_poll_with_news(quiet), None);
}

#[test]
fn a_single_burst_makes_no_long_pause() {
    let (mut pace, begun) = (PollPace::default(), Instant::now());
    pace.polled(PollDone { sent: begun, entries: 1 }, fleet(1), 0.5);
    let burst = begun + Duration::from_secs(1);
    pace.polled(PollDone { sent: burst, entries: 500 }, fleet(1), 0.5);
    assert_eq!(pace.next_poll(burst), None);
}
