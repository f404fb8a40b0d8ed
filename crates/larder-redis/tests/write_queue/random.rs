//! Random operations, which have to have the same results as in the memory of the test.

use larder_core::lease::LeaseId;
use larder_core::store::SharedTier;
use larder_core::write_queue::{
    PushWrite, Pushed, QueueLimits, QueuedWrite, ReadReply, ReadRequest, WriteId, WritePayload, WriteQueue,
};
use larder_redis::RedisStore;
use larder_testing::{MemoryStore, RedisServer};

use crate::gathering::{calls, push_at_once};
use crate::helpers::{
    HOUR, OTHER, PARTITION, READER, UNLIMITED, entries, operation, read_all, refs, state_fields, value,
};
use crate::support::store;

const OPERATIONS: u32 = 1000;
const FEW_VALUES: QueueLimits = QueueLimits { entries: 5, bytes: 45 };
const SOME_OPERATIONS: QueueLimits = QueueLimits { entries: 24, bytes: 160 };

/// A small generator of random numbers, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// The kind of the operations.
#[derive(Debug, Clone, Copy)]
struct Case {
    seed: u64,
    has_operations: bool,
    /// Whether several writes are pushed at once, so that they share an entry. The size of such an
    /// entry counts until the last of them is settled, so the queue has no limits.
    has_bursts: bool,
}

/// Runs random operations, and describes each result without the numbers of the store.
struct Driver<'a, Q> {
    queue: &'a Q,
    random: Random,
    case: Case,
    pushes: u64,
    /// The sequence numbers in the order of pushes.
    sequences: Vec<u64>,
    batch: Vec<QueuedWrite>,
    log: Vec<String>,
}

impl<Q: WriteQueue> Driver<'_, Q> {
    /// Returns the position of a sequence number among those of all pushes.
    fn rank(&self, sequence: u64) -> usize {
        self.sequences.binary_search(&sequence).unwrap()
    }

    fn key(&mut self) -> String {
        format!("k{}", self.random.below(6))
    }

    fn reader(&mut self) -> LeaseId {
        if self.random.below(8) == 0 { OTHER } else { READER }
    }

    fn describe(&self, writes: &[QueuedWrite]) -> String {
        let one =
            |write: &QueuedWrite| format!("{}#{} {:?}", write.key, self.rank(write.sequence), write.payload);
        writes.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    async fn step(&mut self) {
        let line = match self.random.below(20) {
            0..8 => self.push().await,
            8..10 => self.pending().await,
            10 => self.change_reader().await,
            11..14 => self.read().await,
            14..16 => self.complete().await,
            // While a key is in quarantine, no entry is shared.
            16 if !self.case.has_bursts || self.random.below(3) == 0 => self.quarantine().await,
            16 | 17 => self.dead_letters().await,
            18 => {
                let key = self.key();
                format!("retry {key}: {:?}", self.queue.retry_dead_letter(PARTITION, &key).await.unwrap())
            }
            _ => self.discard().await,
        };
        let stats = self.queue.queue_stats(PARTITION).await.unwrap();
        let oldest = stats.oldest_sequence.map(|sequence| self.rank(sequence));
        let bytes = if self.case.has_bursts { 0 } else { stats.bytes };
        let numbers = [stats.entries, bytes, stats.dead, stats.dead_bytes];
        self.log.push(format!("{line} | {numbers:?} {oldest:?} {:?}", stats.reader));
    }

    async fn push(&mut self) -> String {
        let count = if self.case.has_bursts { 1 + self.random.below(9) } else { 1 };
        let keys: Vec<String> = (0..count).map(|_| self.key()).collect();
        let writes: Vec<PushWrite<'_>> = keys.iter().map(|key| self.write(key)).collect();
        let results = push_at_once(self.queue, writes).await;
        let lines = keys.iter().zip(results).map(|(key, result)| self.pushed(key, result.unwrap()));
        lines.collect::<Vec<_>>().join(", ")
    }

    fn write<'k>(&mut self, key: &'k str) -> PushWrite<'k> {
        let Case { has_operations, has_bursts, .. } = self.case;
        self.pushes += 1;
        let text = "x".repeat(usize::try_from(self.random.below(12)).unwrap());
        let payload = match (has_operations, self.random.below(4)) {
            (true, _) => operation(&text),
            (false, 0) => WritePayload::Deletion,
            (false, _) => value(&text),
        };
        // One push in eight repeats an earlier one.
        let repeats = self.random.below(if has_bursts { 40 } else { 8 }) == 0;
        let number = if repeats { self.random.below(self.pushes) } else { self.pushes };
        let id = WriteId::from_bytes(u128::from(number).to_be_bytes());
        let limits = match (has_bursts, has_operations) {
            (true, _) => UNLIMITED,
            (false, true) => SOME_OPERATIONS,
            (false, false) => FEW_VALUES,
        };
        PushWrite { partition: PARTITION, key, payload, id, limits }
    }

    fn pushed(&mut self, key: &str, pushed: Pushed) -> String {
        match pushed {
            Pushed::Queued(sequence) => {
                assert!(self.sequences.last().is_none_or(|last| *last < sequence), "numbers grow");
                self.sequences.push(sequence);
                format!("push {key}")
            }
            Pushed::Duplicate(sequence) => format!("push {key}: duplicate of {}", self.rank(sequence)),
            Pushed::Full => format!("push {key}: full"),
        }
    }

    async fn pending(&mut self) -> String {
        let (one, other) = (self.key(), self.key());
        let states = self.queue.pending(PARTITION, &[&one, &other]).await.unwrap();
        let describe = |state: larder_core::write_queue::KeyState| {
            let value = state.value.map(|value| (self.rank(value.sequence), value.payload));
            format!("{value:?} {}", state.is_quarantined)
        };
        format!("pending {one}, {other}: {:?}", states.into_iter().map(describe).collect::<Vec<_>>())
    }

    async fn change_reader(&mut self) -> String {
        let reader = self.reader();
        let claimed = self.queue.claim_reader(PARTITION, reader, HOUR).await.unwrap();
        let extended = self.queue.extend_reader(PARTITION, reader, HOUR).await.unwrap();
        if self.random.below(3) == 0 {
            self.queue.release_reader(PARTITION, reader).await.unwrap();
        }
        format!("claim {reader}: {claimed} {extended}")
    }

    async fn read(&mut self) -> String {
        let after = match self.random.below(2) {
            0 => None,
            _ => self.batch.last().map(|write| write.place),
        };
        let request = ReadRequest {
            partition: PARTITION,
            reader: self.reader(),
            after,
            max_entries: u32::try_from(1 + self.random.below(6)).unwrap(),
            max_bytes: self.random.below(40),
        };
        match self.queue.read(request).await.unwrap() {
            ReadReply::NotReader => "read: not the reader".to_owned(),
            ReadReply::Batch(batch) => {
                let last = batch.writes.last().map(|write| write.place).or(after);
                assert!(batch.last_place >= last, "the next read continues behind it");
                let line = format!(
                    "read: {} more: {} held: {}",
                    self.describe(&batch.writes),
                    batch.has_more,
                    batch.held
                );
                self.batch = batch.writes;
                line
            }
        }
    }

    async fn complete(&mut self) -> String {
        let some = usize::try_from(self.random.below(5)).unwrap().min(self.batch.len());
        let completed = self.queue.complete(PARTITION, &refs(&self.batch[..some])).await.unwrap();
        format!("complete: {completed:?}")
    }

    async fn quarantine(&mut self) -> String {
        let reader = self.reader();
        if self.batch.is_empty() {
            return "quarantine: nothing".to_owned();
        }
        let some = usize::try_from(self.random.below(self.batch.len() as u64)).unwrap();
        let write = self.batch[some].to_ref();
        let reply = self.queue.quarantine(PARTITION, reader, write, "no such row").await.unwrap();
        format!("quarantine {}: {reply:?}", write.key)
    }

    /// Completes or discards everything.
    async fn drain(&mut self) {
        while let Some(letter) = self.queue.dead_letters(PARTITION, None, 1).await.unwrap().letters.pop() {
            let discarded = self.queue.discard_dead_letter(PARTITION, &letter.key, letter.sequence).await;
            assert!(discarded.unwrap());
        }
        for reader in [READER, OTHER] {
            self.queue.release_reader(PARTITION, reader).await.unwrap();
        }
        let writes = read_all(self.queue).await;
        self.log.push(format!("the rest: {}", self.describe(&writes)));
        let completed = self.queue.complete(PARTITION, &refs(&writes)).await.unwrap();
        let stats = self.queue.queue_stats(PARTITION).await.unwrap();
        self.log.push(format!("{completed:?} {} {}", stats.entries, stats.bytes));
    }

    async fn dead_letters(&mut self) -> String {
        let (mut after, mut lines) = (None, Vec::new());
        loop {
            let page = self.queue.dead_letters(PARTITION, after, 2).await.unwrap();
            for letter in &page.letters {
                let rank = self.rank(letter.sequence);
                lines.push(format!(
                    "{}#{rank} {:?} {} {}",
                    letter.key, letter.payload, letter.error, letter.waiting
                ));
            }
            after = page.next;
            if after.is_none() {
                return format!("dead: {}", lines.join(", "));
            }
        }
    }

    async fn discard(&mut self) -> String {
        let page = self.queue.dead_letters(PARTITION, None, 10).await.unwrap();
        let known = page.letters.first().map(|letter| (letter.key.clone(), letter.sequence));
        let (key, sequence) = known.unwrap_or_else(|| ("k0".to_owned(), 1));
        let discarded = self.queue.discard_dead_letter(PARTITION, &key, sequence).await.unwrap();
        format!("discard {key}: {discarded}")
    }
}

/// Returns the descriptions of random operations. Drains the queue at last.
async fn log_of(queue: &impl WriteQueue, case: Case) -> Vec<String> {
    let random = Random(case.seed);
    let (sequences, batch, log) = (Vec::new(), Vec::new(), Vec::new());
    let mut driver = Driver { queue, random, case, pushes: 0, sequences, batch, log };
    for _ in 0..OPERATIONS {
        driver.step().await;
    }
    driver.drain().await;
    driver.log
}

/// Compares the operations of a case. Returns those of the reference.
async fn compare(server: &RedisServer, store: &RedisStore, case: Case) -> Vec<String> {
    server.command(&["FLUSHALL"]).await.unwrap();
    server.command(&["CONFIG", "RESETSTAT"]).await.unwrap();
    let expected = log_of(&MemoryStore::new(), case).await;
    let found = log_of(store, case).await;
    for (number, (expected, found)) in expected.iter().zip(&found).enumerate() {
        assert_eq!(found, expected, "operation {number} of {case:?}");
    }
    assert_eq!(entries(server).await, 0);
    let fields = state_fields(server).await;
    let known = ["bytes", "dead", "dead_bytes", "extra", "last", "setup"];
    assert!(fields.iter().all(|field| known.contains(&&**field)), "nothing is left: {fields:?}");
    expected
}

#[tokio::test]
async fn random_operations_have_the_results_of_the_reference() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for (seed, has_operations) in [(1, false), (2, true), (3, false), (4, true)] {
        let case = Case { seed, has_operations, has_bursts: false };
        let expected = compare(&server, &store, case).await;
        let seen = |word: &str| expected.iter().any(|line| line.contains(word));
        for word in
            ["full", "duplicate", "Moved", "Gone", "NotReader", "is_done: true", ": true", "superseded: 1"]
        {
            assert!(seen(word), "no operation was about {word}");
        }
        assert_eq!(has_operations, seen("held: 1"));
    }
    store.close().await;
}

/// Writes that are pushed at once share an entry.
#[tokio::test]
async fn random_operations_on_shared_entries_have_the_results_of_the_reference() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for (seed, has_operations) in [(5, false), (6, true), (7, false), (8, true)] {
        let case = Case { seed, has_operations, has_bursts: true };
        let expected = compare(&server, &store, case).await;
        let seen = |word: &str| expected.iter().any(|line| line.contains(word));
        let pushes = expected.iter().flat_map(|line| line.split(", ")).filter(|one| one.starts_with("push"));
        let (pushes, added) = (pushes.count() as u64, calls(&server, "xadd").await);
        assert!(added * 3 < pushes * 2, "{added} entries for {pushes} writes");
        for word in ["duplicate", "Moved", "Gone", "is_done: true", "more: true"] {
            assert!(seen(word), "no operation was about {word}");
        }
    }
    store.close().await;
}
