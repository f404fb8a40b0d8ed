use bytes::Bytes;

use super::*;
use crate::write_queue::push::QueueLimits;
use crate::write_queue::reading::WriteBatch;

const PARTITION: PartitionId<'static> = PartitionId { collection: "cart", number: 0, count: 1 };
const READER: LeaseId = LeaseId::from_bytes([1; 16]);
const OTHER: LeaseId = LeaseId::from_bytes([2; 16]);
const SECOND: Duration = Duration::from_secs(1);
const ALL: ReadRequest<'static> =
    ReadRequest { partition: PARTITION, reader: READER, after: None, max_entries: 10, max_bytes: 1000 };

/// A queue with a clock that the test turns. Each push has another id.
#[derive(Default)]
struct Driver {
    queue: MemoryQueue,
    now: QueueTime,
    pushes: u8,
}

impl Driver {
    fn try_push(&mut self, key: &'static str, payload: WritePayload) -> Result<Pushed, StoreError> {
        self.pushes += 1;
        let (id, limits) = (WriteId::from_bytes([self.pushes; 16]), QueueLimits { entries: 4, bytes: 40 });
        self.queue.push(PushWrite { partition: PARTITION, key, payload, id, limits }, self.now)
    }

    fn push(&mut self, key: &'static str, text: &'static str) -> Pushed {
        self.try_push(key, WritePayload::Value(Bytes::from_static(text.as_bytes()))).unwrap()
    }

    fn push_operation(&mut self, key: &'static str, text: &'static str) -> Pushed {
        self.try_push(key, WritePayload::Operation(Bytes::from_static(text.as_bytes()))).unwrap()
    }

    fn claim(&mut self, reader: LeaseId) -> bool {
        self.queue.claim_reader(PARTITION, reader, SECOND, self.now).unwrap()
    }

    fn wait(&mut self, time: Duration) {
        self.now.boot = self.now.boot.saturating_add(time);
        self.now.unix_micros += u64::try_from(time.as_micros()).unwrap();
    }

    fn read(&mut self, request: ReadRequest<'_>) -> WriteBatch {
        assert!(self.claim(READER));
        match self.queue.read(&request, self.now).unwrap() {
            ReadReply::Batch(batch) => batch,
            ReadReply::NotReader => panic!("not the reader"),
        }
    }

    /// Returns the keys and contents in the queue.
    fn texts(&mut self) -> Vec<String> {
        let text = |payload: &WritePayload| String::from_utf8_lossy(payload.bytes()).into_owned();
        self.read(ALL).writes.iter().map(|write| write.key.clone() + &text(&write.payload)).collect()
    }

    fn quarantine_first(&mut self) {
        let batch = self.read(ALL);
        let first = batch.writes[0].to_ref();
        let moved = self.queue.quarantine(PARTITION, READER, first, "no such row", self.now).unwrap();
        assert_eq!(moved, QuarantineReply::Moved);
    }

    fn stats(&mut self) -> QueueStats {
        self.queue.stats(PARTITION, self.now).unwrap()
    }

    fn pending(&mut self, key: &str) -> Option<WritePayload> {
        let state = self.queue.pending(PARTITION, &[key]).unwrap().remove(0);
        state.value.map(|value| value.payload)
    }
}

/// Numbers of a new process have to be higher than those that the database has.
#[test]
fn sequence_numbers_are_the_time_and_never_fall() {
    let mut driver = Driver::default();
    driver.now.unix_micros = 5000;
    assert_eq!(driver.push("a", "1"), Pushed::Queued(5000));
    assert_eq!(driver.push("a", "2"), Pushed::Queued(5001));
    driver.now.unix_micros = 3000;
    assert_eq!(driver.push("a", "3"), Pushed::Queued(5002));
    driver.now.unix_micros = 6000;
    assert_eq!(driver.push("a", "4"), Pushed::Queued(6000));
    driver.wait(SECOND);
    assert_eq!((driver.stats().oldest_sequence, driver.stats().oldest_age), (Some(6000), Some(SECOND)));
}

#[test]
fn of_values_only_the_last_one_counts_and_of_operations_each() {
    let mut values = Driver::default();
    values.push("a", "1");
    values.push("b", "2");
    values.push("a", "3");
    assert_eq!(values.texts(), ["b2", "a3"]);
    assert_eq!((values.stats().entries, values.stats().bytes), (2, 4));
    assert_eq!(values.pending("a").unwrap().bytes(), b"3");
    let mut operations = Driver::default();
    operations.push_operation("a", "1");
    operations.push_operation("a", "2");
    assert_eq!(operations.texts(), ["a1", "a2"]);
    assert_eq!(operations.pending("a"), None);
}

#[test]
fn a_full_partition_takes_only_what_replaces_a_value() {
    let mut driver = Driver::default();
    for key in ["a", "b", "c", "d"] {
        assert!(matches!(driver.push(key, "1"), Pushed::Queued(_)));
    }
    assert_eq!(driver.push("e", "1"), Pushed::Full);
    assert!(matches!(driver.push("a", "2"), Pushed::Queued(_)));
    assert_eq!(driver.push("a", "a text that is much too long for this queue"), Pushed::Full);
    assert_eq!((driver.stats().entries, driver.stats().bytes), (4, 8));
}

#[test]
fn a_reader_has_its_right_for_a_time() {
    let mut driver = Driver::default();
    assert!(driver.claim(READER) && !driver.claim(OTHER) && driver.claim(READER));
    driver.wait(SECOND / 2);
    assert!(driver.queue.extend_reader(PARTITION, READER, SECOND, driver.now).unwrap());
    driver.wait(SECOND / 2);
    assert!(!driver.claim(OTHER), "it was extended");
    driver.wait(SECOND / 2);
    assert_eq!(driver.queue.read(&ALL, driver.now).unwrap(), ReadReply::NotReader);
    assert!(!driver.queue.extend_reader(PARTITION, READER, SECOND, driver.now).unwrap());
    assert!(driver.claim(OTHER));
    driver.queue.release_reader(PARTITION, READER).unwrap();
    assert_eq!(driver.stats().reader, Some(OTHER));
    driver.queue.release_reader(PARTITION, OTHER).unwrap();
    assert_eq!(driver.stats().reader, None);
}

#[test]
fn a_batch_is_bounded_and_the_next_one_continues() {
    let mut driver = Driver::default();
    for key in ["a", "b", "c"] {
        driver.push(key, "12345");
    }
    let two = driver.read(ReadRequest { max_entries: 2, ..ALL });
    assert!(two.has_more && two.writes.len() == 2);
    let rest = driver.read(ReadRequest { after: two.last_place, ..ALL });
    assert!(!rest.has_more && rest.writes[0].key == "c");
    let large = driver.read(ReadRequest { max_bytes: 3, ..ALL });
    assert!(large.has_more && large.writes.len() == 1, "the first one may be larger");
}

#[test]
fn a_value_that_was_replaced_is_not_completed() {
    let mut driver = Driver::default();
    driver.push("a", "1");
    let old = driver.read(ALL).writes;
    driver.push("a", "2");
    let refs: Vec<_> = old.iter().map(super::super::reading::QueuedWrite::to_ref).collect();
    let completed = driver.queue.complete(PARTITION, &refs).unwrap();
    assert_eq!(completed, Completed { removed: 0, superseded: 1 });
    assert_eq!(driver.texts(), ["a2"]);
    assert_eq!(driver.queue.unfinished(), BTreeMap::from([("cart", 1)]));
}

#[test]
fn a_dead_value_is_pending_until_it_is_replaced_retried_or_dropped() {
    let mut driver = Driver::default();
    for (key, text) in [("a", "1"), ("b", "2"), ("c", "3")] {
        driver.push(key, text);
    }
    (0..3).for_each(|_| driver.quarantine_first());
    assert_eq!((driver.stats().entries, driver.stats().dead, driver.stats().dead_bytes), (0, 3, 6));
    assert_eq!(driver.queue.unfinished(), BTreeMap::from([("cart", 3)]));
    assert_eq!(driver.pending("a").unwrap().bytes(), b"1");
    let page = driver.queue.dead_letters(PARTITION, None, 2).unwrap();
    let rest = driver.queue.dead_letters(PARTITION, page.next, 2).unwrap();
    let keys: Vec<_> = page.letters.iter().chain(&rest.letters).map(|letter| letter.key.as_str()).collect();
    assert_eq!((keys, rest.next), (vec!["a", "b", "c"], None));
    assert_eq!(page.letters[0].error, "no such row");
    let b = page.letters[1].sequence;
    assert!(driver.queue.discard_dead_letter(PARTITION, "b", b).unwrap());
    assert!(!driver.queue.discard_dead_letter(PARTITION, "b", b).unwrap());
    driver.push("c", "4");
    let progress = driver.queue.retry_dead_letter(PARTITION, "a", driver.now).unwrap();
    assert_eq!(progress, RetryProgress { moved: 1, is_done: true });
    assert_eq!(driver.texts(), ["c4", "a1"]);
    assert_eq!(driver.read(ALL).writes[1].sequence, page.letters[0].sequence, "a retry keeps the number");
    assert_eq!((driver.stats().dead, driver.stats().dead_bytes), (0, 0));
}

#[test]
fn operations_wait_behind_a_dead_one_and_keep_their_order() {
    let mut driver = Driver::default();
    driver.push_operation("a", "1");
    driver.push_operation("a", "2");
    driver.quarantine_first();
    let batch = driver.read(ALL);
    assert!(batch.writes.is_empty() && batch.held == 1);
    assert_eq!(driver.queue.dead_letters(PARTITION, None, 9).unwrap().letters[0].waiting, 1);
    driver.queue.retry_dead_letter(PARTITION, "a", driver.now).unwrap();
    driver.push_operation("a", "3");
    assert_eq!(driver.texts(), ["a1", "a2", "a3"]);
}

#[test]
fn a_write_is_known_for_a_while_and_the_setup_is_fixed() {
    let mut driver = Driver::default();
    driver.push("a", "1");
    driver.pushes = 0;
    assert_eq!(driver.push("a", "1"), Pushed::Duplicate(1));
    let known =
        |driver: &mut Driver| driver.queue.wait_durable(PARTITION, WriteId::from_bytes([1; 16]), None);
    assert_eq!(known(&mut driver).unwrap(), WaitReply::Durable);
    assert!(driver.try_push("a", WritePayload::Operation(Bytes::new())).is_err(), "of another kind");
    let other = PartitionId { count: 2, ..PARTITION };
    assert!(driver.queue.pending(other, &["a"]).is_err());
    driver.wait(SECOND * 600);
    driver.pushes = 0;
    assert!(matches!(driver.push("a", "1"), Pushed::Queued(_)), "it is forgotten");
}

#[test]
fn an_error_text_is_shortened_between_letters() {
    let mut driver = Driver::default();
    driver.push("a", "1");
    let batch = driver.read(ALL);
    let error = format!("a{}", "ü".repeat(1000));
    driver.queue.quarantine(PARTITION, READER, batch.writes[0].to_ref(), &error, driver.now).unwrap();
    let page = driver.queue.dead_letters(PARTITION, None, 1).unwrap();
    assert_eq!(page.letters[0].error.len(), 1023);
}
