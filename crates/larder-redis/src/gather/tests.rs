use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use larder_testing::Gate;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::Instant;

use super::*;

/// The answer to a call is ten times the call.
#[derive(Clone)]
struct Server(Arc<Inner>);

struct Inner {
    queue: GatherQueue<usize, usize>,
    batches: Mutex<Vec<Vec<usize>>>,
    gate: Gate,
    /// Whether a batch panics.
    is_broken: AtomicBool,
}

impl CallTarget for Server {
    type Call = usize;
    type Answer = usize;

    const MAX_CALLS: usize = 8;
    const MAX_WEIGHT: usize = 1_000;

    fn weight(call: &usize) -> usize {
        *call
    }

    fn queue(&self) -> &GatherQueue<usize, usize> {
        &self.0.queue
    }

    fn runtime(&self) -> Handle {
        Handle::current()
    }

    fn backstop(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn send(&self, calls: Vec<usize>) -> Vec<usize> {
        self.0.batches.lock().unwrap().push(calls.clone());
        self.0.gate.pass().await;
        assert!(!self.0.is_broken.load(Ordering::Relaxed), "a batch that panics");
        calls.into_iter().map(|call| call * 10).collect()
    }
}

impl Server {
    fn new() -> Self {
        let (queue, batches) = (GatherQueue::default(), Mutex::default());
        Self(Arc::new(Inner { queue, batches, gate: Gate::new(), is_broken: AtomicBool::new(false) }))
    }

    /// Starts these calls, one after the other.
    async fn start(
        &self,
        calls: impl IntoIterator<Item = usize>,
    ) -> Vec<JoinHandle<Result<usize, AnswerLost>>> {
        let mut started = Vec::new();
        for number in calls {
            let server = self.clone();
            started.push(tokio::spawn(async move { call(&server, number).await }));
            yield_now().await;
        }
        started
    }

    fn batches(&self) -> Vec<Vec<usize>> {
        self.0.batches.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_the_one_in_flight_and_go_together_in_their_order() {
    let server = Server::new();
    let begun = Instant::now();
    let calls = server.start(1..=20).await;
    assert_eq!(server.batches(), [[1]]);
    server.0.gate.open();
    for (number, call) in (1..).zip(calls) {
        assert_eq!(call.await.unwrap(), Ok(number * 10));
    }
    assert_eq!(begun.elapsed(), Duration::ZERO, "nothing waits for a timer");
    let expected: [Vec<usize>; 4] = [vec![1], (2..=9).collect(), (10..=17).collect(), (18..=20).collect()];
    assert_eq!(server.batches(), expected);
    // A single call is sent at once, and alone.
    for number in [21, 22] {
        assert_eq!(call(&server, number).await, Ok(number * 10));
    }
    assert_eq!(server.batches()[4..], [[21], [22]]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_bounded_in_size_and_a_large_call_goes_alone() {
    let server = Server::new();
    let calls = server.start([1, 600, 300, 200, 5_000, 1]).await;
    server.0.gate.open();
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
    assert_eq!(server.batches(), [vec![1], vec![600, 300], vec![200], vec![5_000], vec![1]]);
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_wait_longer_than_its_limit_for_another() {
    let server = Server::new();
    let begun = Instant::now();
    let calls = server.start(1..=4).await;
    while server.batches().len() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(begun.elapsed() <= MAX_DELAY * 3, "{:?}", begun.elapsed());
    assert_eq!(server.batches(), [vec![1], vec![2, 3, 4]]);
    server.0.gate.open();
    for (number, call) in (1..).zip(calls) {
        assert_eq!(call.await.unwrap(), Ok(number * 10));
    }
}

#[tokio::test(start_paused = true)]
async fn callers_that_leave_take_no_other_with_them() {
    let server = Server::new();
    let mut calls = server.start(1..=6).await;
    // One that is in flight, and one that waits and is not sent.
    calls.remove(3).abort();
    calls.remove(0).abort();
    yield_now().await;
    server.0.gate.open();
    for (number, call) in [2, 3, 5, 6].into_iter().zip(calls) {
        assert_eq!(call.await.unwrap(), Ok(number * 10));
    }
    assert_eq!(server.batches(), [vec![1], vec![2, 3, 5, 6]]);
    assert_eq!(call(&server, 7).await, Ok(70), "nothing counts as in flight");
}

#[tokio::test(start_paused = true)]
async fn the_answers_of_a_batch_that_panics_are_lost_and_others_go_on() {
    let server = Server::new();
    server.0.gate.open();
    server.0.is_broken.store(true, Ordering::Relaxed);
    let first = server.start([1]).await.remove(0);
    assert!(first.await.is_err());
    server.0.is_broken.store(false, Ordering::Relaxed);
    assert_eq!(call(&server, 2).await, Ok(20));

    let server = Server::new();
    let mut calls = server.start([1, 2, 3]).await.into_iter();
    server.0.is_broken.store(true, Ordering::Relaxed);
    server.0.gate.open();
    assert!(calls.next().unwrap().await.is_err());
    for call in calls {
        assert_eq!(call.await.unwrap(), Err(AnswerLost));
    }
    server.0.is_broken.store(false, Ordering::Relaxed);
    assert_eq!(call(&server, 4).await, Ok(40));
}

/// Random calls, of which some leave and some wait for too long.
#[tokio::test(start_paused = true)]
async fn every_call_that_stays_gets_its_own_answer_and_none_is_sent_twice() {
    for seed in 0..40_u64 {
        let mut state = seed;
        let mut below = |limit: u64| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            usize::try_from((state >> 33) % limit).unwrap()
        };
        let server = Server::new();
        let mut calls = Vec::new();
        for number in 1..=60 {
            calls.extend(server.start([number]).await.into_iter().map(|call| (number, call)));
            if below(8) == 0 {
                calls.remove(below(calls.len() as u64)).1.abort();
            }
            if below(10) == 0 {
                tokio::time::sleep(MAX_DELAY * 2).await;
            }
        }
        server.0.gate.open();
        for (number, call) in calls {
            let answer = tokio::time::timeout(Duration::from_secs(60), call).await.unwrap();
            assert_eq!(answer.unwrap(), Ok(number * 10), "seed {seed}");
        }
        let sent = server.batches().concat();
        assert!(sent.is_sorted_by(|one, next| one < next), "seed {seed}: {sent:?}");
        assert!(server.batches().iter().all(|batch| batch.len() <= Server::MAX_CALLS));
    }
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_stands_still_loses_answers_after_a_limit() {
    /// A server that never answers.
    #[derive(Clone)]
    struct Silent(Server);

    impl CallTarget for Silent {
        type Call = usize;
        type Answer = usize;

        const MAX_CALLS: usize = 8;
        const MAX_WEIGHT: usize = 8;

        fn weight(_: &usize) -> usize {
            1
        }

        fn queue(&self) -> &GatherQueue<usize, usize> {
            self.0.queue()
        }

        fn runtime(&self) -> Handle {
            self.0.runtime()
        }

        fn backstop(&self) -> Duration {
            self.0.backstop()
        }

        async fn send(&self, _: Vec<usize>) -> Vec<usize> {
            pending().await
        }
    }

    let server = Silent(Server::new());
    let first = tokio::spawn({
        let server = server.clone();
        async move { call(&server, 1).await }
    });
    yield_now().await;
    assert_eq!(call(&server, 2).await, Err(AnswerLost));
    first.abort();
}
