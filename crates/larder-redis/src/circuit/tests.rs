use super::*;

const LIMIT: Duration = Duration::from_millis(50);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Returns the wait of a call that was sent at this moment.
fn sent(at: Instant) -> Wait {
    Wait { sent: at, was_starved: false }
}

/// Lets calls time out one after the other until the circuit opens. Returns when that was.
fn time_out_until_open(circuit: &mut Circuit, from: Instant) -> Instant {
    let mut now = from;
    for _ in 0..100 {
        let wait = sent(now);
        now += LIMIT;
        if circuit.timed_out(Permit::Normal, wait, now) == TimeoutEffect::Opened {
            return now;
        }
    }
    panic!("the circuit never opens");
}

fn open(from: Instant) -> (Circuit, Instant) {
    let mut circuit = Circuit::NEW;
    let opened = time_out_until_open(&mut circuit, from);
    assert_eq!(circuit, Circuit::Open { until: opened + MIN_PAUSE, pause: MIN_PAUSE });
    (circuit, opened)
}

#[tokio::test]
async fn it_opens_after_a_quarter_of_a_second_of_silence() {
    let now = Instant::now();
    assert_eq!(open(now).1, now + SILENCE);
}

#[tokio::test]
async fn three_timeouts_at_least_whatever_the_limit() {
    let now = Instant::now();
    let mut circuit = Circuit::NEW;
    let effects: Vec<_> = (0..3_u32)
        .map(|number| {
            let at = now + ms(300) * number;
            circuit.timed_out(Permit::Normal, sent(at), at + ms(300))
        })
        .collect();
    assert_eq!(effects, [TimeoutEffect::None, TimeoutEffect::None, TimeoutEffect::Opened]);
}

#[tokio::test]
async fn concurrent_timeouts_count_once() {
    let now = Instant::now();
    let mut circuit = Circuit::NEW;
    for number in 0..1_000 {
        let effect =
            circuit.timed_out(Permit::Normal, sent(now + ms(number % 300)), now + ms(300 + number % 7));
        assert_eq!(effect, TimeoutEffect::None);
    }
    assert!(!circuit.is_closed());
}

#[tokio::test]
async fn an_answer_ends_the_row() {
    let now = Instant::now();
    let mut circuit = Circuit::NEW;
    for number in 0..100_u32 {
        let at = now + LIMIT * number;
        assert_eq!(circuit.timed_out(Permit::Normal, sent(at), at + LIMIT), TimeoutEffect::None);
        if number % 4 == 3 {
            circuit.answered(Permit::Normal);
            assert!(circuit.is_closed());
        }
    }
}

#[tokio::test]
async fn a_timeout_of_a_starved_process_counts_for_nothing_but_not_for_ever() {
    let now = Instant::now();
    let mut circuit = Circuit::NEW;
    let starved = |at| Wait { sent: at, was_starved: true };
    for number in 0..19_u32 {
        let at = now + ms(100) * number;
        assert_eq!(circuit.timed_out(Permit::Normal, starved(at), at + ms(100)), TimeoutEffect::None);
    }
    let last = now + STARVED_SILENCE;
    assert_eq!(circuit.timed_out(Permit::Normal, starved(last - ms(100)), last), TimeoutEffect::Opened);
}

#[tokio::test]
async fn an_open_circuit_lets_one_call_try_after_the_pause() {
    let (mut circuit, now) = open(Instant::now());
    assert_eq!(circuit.admit(now), None);
    assert_eq!(circuit.admit(now + MIN_PAUSE - ms(1)), None);
    assert_eq!(circuit.admit(now + MIN_PAUSE), Some(Permit::Probe));
    assert_eq!(circuit.admit(now + MIN_PAUSE), None, "one only");
}

#[tokio::test]
async fn the_probe_decides() {
    let probing = || {
        let (mut circuit, now) = open(Instant::now());
        circuit.admit(now + MIN_PAUSE);
        (circuit, now + MIN_PAUSE)
    };
    let (mut circuit, _) = probing();
    circuit.answered(Permit::Probe);
    assert!(circuit.is_closed());

    let (mut circuit, _) = probing();
    circuit.unconnected(Permit::Probe);
    assert!(circuit.is_closed(), "what fails at once needs no circuit");

    let (mut circuit, mut now) = probing();
    for pause in [2 * MIN_PAUSE, MAX_PAUSE, MAX_PAUSE] {
        let wait = sent(now);
        now += LIMIT;
        assert_eq!(circuit.timed_out(Permit::Probe, wait, now), TimeoutEffect::ProbeFailed);
        assert_eq!(circuit, Circuit::Open { until: now + pause, pause });
        now += pause;
        assert_eq!(circuit.admit(now), Some(Permit::Probe));
    }
}

#[tokio::test]
async fn a_call_from_before_it_opened_changes_nothing() {
    let (open, now) = open(Instant::now());
    let mut probing = open;
    probing.admit(now + MIN_PAUSE);
    for mut circuit in [open, probing] {
        let before = circuit;
        circuit.answered(Permit::Normal);
        circuit.unconnected(Permit::Normal);
        let effect = circuit.timed_out(Permit::Normal, sent(now), now + MIN_PAUSE);
        assert_eq!(effect, TimeoutEffect::None);
        assert_eq!(circuit, before);
    }
}

#[tokio::test]
async fn a_probe_that_vanishes_is_replaced() {
    let (mut circuit, now) = open(Instant::now());
    let probed = now + MIN_PAUSE;
    assert_eq!(circuit.admit(probed), Some(Permit::Probe));
    assert_eq!(circuit.admit(probed + MAX_PAUSE - ms(1)), None);
    assert_eq!(circuit.admit(probed + MAX_PAUSE), Some(Permit::Probe));
}
