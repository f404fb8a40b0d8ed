use std::time::Duration;

use larder_core::invalidation::position::LogId;
use larder_core::time::BootTime;
use larder_testing::Gate;
use tokio::task::JoinHandle;

use super::*;
use crate::engine::background::BackgroundLimits;
use crate::testing::{INCARNATION, soon};

/// Writes of keys. Their appends wait at a gate.
#[derive(Clone)]
struct Writes {
    commits: Arc<KeyCommits>,
    background: Arc<Background>,
    /// The keys of each append, in alphabetical order.
    appends: Arc<Mutex<Vec<Vec<String>>>>,
    gate: Gate,
}

impl Writes {
    fn new() -> Self {
        let limits = BackgroundLimits { refreshes: 1, abandoned_fills: 0, abandoned_writes: 0 };
        let background = Arc::new(Background::new(limits));
        Self { commits: Arc::default(), background, appends: Arc::default(), gate: Gate::new() }
    }

    fn start(&self, key: &str) -> JoinHandle<Option<KeyOutcome>> {
        let (writes, key) = (self.clone(), key.to_owned());
        tokio::spawn(async move {
            let (commits, background) = (Arc::clone(&writes.commits), Arc::clone(&writes.background));
            let append = move |events| writes.clone().append(events);
            share_key_append(&commits, &background, key.into(), append).await
        })
    }

    /// Lets everything on this one thread get as far as it can.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    async fn append(self, events: Vec<Event>) -> KeyOutcome {
        let mut keys: Vec<_> =
            events.iter().map(|event| single_key(std::slice::from_ref(event)).unwrap().to_owned()).collect();
        keys.sort();
        let is_broken = keys.iter().any(|key| key == "broken");
        let number = {
            let mut appends = self.appends.lock().unwrap();
            appends.push(keys);
            appends.len()
        };
        self.gate.pass().await;
        assert!(!is_broken, "on purpose");
        (InvalidationOutcome::Applied, Some(entry(number as u64)))
    }

    fn appends(&self) -> Vec<Vec<String>> {
        self.appends.lock().unwrap().clone()
    }

    fn is_idle(&self) -> bool {
        let state = self.commits.lock();
        state.leaders == 0 && state.waiting.is_empty()
    }
}

fn entry(number: u64) -> Appended {
    Appended { incarnation: INCARNATION, id: LogId::new(number, 0), answered: BootTime::ZERO }
}

/// Starts writes, one after the other.
async fn start_later<const N: usize>(
    writes: &Writes,
    keys: [&str; N],
) -> [JoinHandle<Option<KeyOutcome>>; N] {
    let mut started = Vec::new();
    for key in keys {
        writes.settle().await;
        started.push(writes.start(key));
    }
    writes.settle().await;
    started.try_into().unwrap()
}

/// Returns the entry that the write knows.
async fn known(write: JoinHandle<Option<KeyOutcome>>) -> Option<Appended> {
    let (outcome, entry) = soon(write).await.unwrap().unwrap();
    assert_eq!(outcome, InvalidationOutcome::Applied);
    entry
}

#[tokio::test(start_paused = true)]
async fn keys_that_come_together_share_an_append_and_each_knows_its_entry() {
    let writes = Writes::new();
    let first = ["a", "b", "c"].map(|key| writes.start(key));
    writes.settle().await;
    let second = ["d"].map(|key| writes.start(key));
    writes.settle().await;
    // Two appends are under way.
    let third = ["e", "f"].map(|key| writes.start(key));
    writes.settle().await;
    assert_eq!(writes.appends(), [vec!["a", "b", "c"], vec!["d"]]);
    writes.gate.open();
    for (number, together) in [(1, Vec::from(first)), (2, Vec::from(second)), (3, Vec::from(third))] {
        for write in together {
            assert_eq!(known(write).await, Some(entry(number)));
        }
    }
    assert_eq!(writes.appends()[2], ["e", "f"]);
    writes.settle().await;
    assert!(writes.is_idle());
}

/// The entry does not show which of the two was the last.
#[tokio::test(start_paused = true)]
async fn writes_of_one_key_in_one_entry_do_not_know_it() {
    let writes = Writes::new();
    writes.gate.open();
    let [first, other, second] = ["a", "b", "a"].map(|key| writes.start(key));
    assert_eq!((known(first).await, known(second).await), (None, None));
    assert_eq!(known(other).await, Some(entry(1)));
    assert_eq!(writes.appends(), [["a", "b"]], "the key is named once");
    assert_eq!(known(writes.start("a")).await, Some(entry(2)), "in an entry of its own");
}

#[tokio::test(start_paused = true)]
async fn an_append_has_a_maximum_number_and_a_maximum_size_of_keys() {
    let writes = Writes::new();
    writes.gate.open();
    let large = "x".repeat(MAX_BYTES);
    let keys: Vec<String> = (0..=MAX_KEYS).map(|number| format!("k{number:03}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).chain(["l", &large, "s"]).collect();
    let all: Vec<_> = keys.iter().map(|key| writes.start(key)).collect();
    for write in all {
        assert!(known(write).await.is_some());
    }
    let mut sizes: Vec<usize> = writes.appends().iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 1, 2, MAX_KEYS]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_takes_no_other_with_it() {
    let writes = Writes::new();
    let [leaving, staying] = ["a", "b"].map(|key| writes.start(key));
    let [_second, leaving_early, waiting] = start_later(&writes, ["c", "d", "e"]).await;
    leaving.abort();
    leaving_early.abort();
    writes.settle().await;
    writes.gate.open();
    assert_eq!(known(staying).await, Some(entry(1)));
    assert_eq!(known(waiting).await, Some(entry(3)));
    assert_eq!(writes.appends(), [vec!["a", "b"], vec!["c"], vec!["e"]]);
}

#[tokio::test(start_paused = true)]
async fn if_an_append_panics_the_other_leader_goes_on() {
    let writes = Writes::new();
    let (broken, waiting) = (writes.start("broken"), start_later(&writes, ["a", "b"]).await);
    writes.gate.open();
    assert_eq!(soon(broken).await.unwrap(), None);
    for (number, write) in (2..).zip(waiting) {
        assert_eq!(known(write).await, Some(entry(number)));
    }
    writes.settle().await;
    assert!(writes.is_idle());
}

#[tokio::test(start_paused = true)]
async fn if_all_leaders_panic_the_keys_that_wait_are_given_up() {
    let writes = Writes::new();
    let mut broken = Vec::new();
    for _ in 0..MAX_APPENDS {
        broken.push(writes.start("broken"));
        writes.settle().await;
    }
    let waiting = writes.start("a");
    writes.settle().await;
    writes.gate.open();
    for write in broken {
        assert_eq!(soon(write).await.unwrap(), None);
    }
    assert_eq!(soon(waiting).await.unwrap(), None);
    assert!(writes.is_idle());
    assert_eq!(known(writes.start("b")).await, Some(entry(3)));
}
