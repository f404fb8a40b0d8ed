use super::queue::Check;
use super::*;
use crate::large_value::MAX_INLINE;

#[test]
fn the_larger_the_values_the_fewer_are_in_a_batch() {
    for (usual, most) in [
        (0, MAX_KEYS),
        (1_000, MAX_KEYS),
        (16 * 1024, MAX_KEYS),
        (32 * 1024, 16),
        (66_000, 7),
        (MAX_INLINE, 4),
        (MAX_BATCH_BYTES, 1),
        (MAX_BATCH_BYTES + 1, 1),
        (usize::MAX, 1),
    ] {
        assert_eq!(values_within(MAX_BATCH_BYTES, usual, MAX_KEYS), most, "{usual}");
    }
}

#[test]
fn the_usual_size_follows_the_values() {
    let gather = GetBatcher::default();
    let large = vec![Bytes::from(vec![0; 1 << 20]); 8];
    gather.usual.record(large.iter());
    assert_eq!(gather.most_keys(), 1);
    let small = vec![Bytes::from_static(b"small"); 64];
    gather.usual.record(small.iter());
    assert_eq!(gather.most_keys(), MAX_KEYS);
}

#[test]
fn keys_of_an_earlier_epoch_do_not_count_when_they_land() {
    let mut queue = Queue::default();
    let alone: Vec<_> = (0..DIRECT_LIMIT).map(|_| queue.admit(String::new())).collect();
    assert!(alone.iter().all(|turn| matches!(turn, Admission::SendNow { epoch: 0, .. })));
    assert!(matches!(queue.admit(String::new()), Admission::Join { needs_guard: true, .. }));
    assert!(matches!(queue.admit(String::new()), Admission::Join { needs_guard: false, .. }));
    // The task first sees the keys, and then that no batch has left since.
    assert_eq!(queue.check(None), Check::Moving(0));
    assert_eq!(queue.check(Some(0)), Check::Stuck);
    let batch = queue.next(MAX_KEYS);
    assert_eq!((batch.pending.len(), batch.epoch, batch.left), (2, 1, 0));
    assert_eq!(queue.check(Some(0)), Check::Empty);
    // Six more may be sent alone beside these two, even if some of the first eight complete.
    assert!(queue.completed(3, 0));
    let alone: Vec<_> = (0..DIRECT_LIMIT - 2).map(|_| queue.admit(String::new())).collect();
    assert!(alone.iter().all(|turn| matches!(turn, Admission::SendNow { epoch: 1, .. })));
    assert!(!queue.completed(5, 0));
    assert!(matches!(queue.admit(String::new()), Admission::Join { needs_guard: true, .. }));
    assert!(queue.completed(2, 1));
}

#[test]
fn a_queue_that_moves_is_left_alone() {
    let mut queue = Queue::default();
    let _turns: Vec<_> = (0..DIRECT_LIMIT + 3).map(|_| queue.admit(String::new())).collect();
    assert_eq!(queue.check(None), Check::Moving(0));
    assert_eq!(queue.next(2).left, 1);
    assert_eq!(queue.check(Some(0)), Check::Moving(1));
    assert_eq!(queue.check(Some(1)), Check::Stuck);
}

#[test]
fn a_queue_without_a_task_gives_up_its_keys_and_gets_a_new_task() {
    let mut queue = Queue::default();
    let _turns: Vec<_> = (0..DIRECT_LIMIT + 3).map(|_| queue.admit(String::new())).collect();
    assert_eq!(queue.abandon().len(), 3);
    assert!(matches!(queue.admit(String::new()), Admission::SendNow { epoch: 1, .. }));
    let _turns: Vec<_> = (1..DIRECT_LIMIT).map(|_| queue.admit(String::new())).collect();
    assert!(matches!(queue.admit(String::new()), Admission::Join { needs_guard: true, .. }));
}
