use super::*;

#[test]
fn a_round_has_a_few_replies_of_a_limited_size() {
    let round = |keys, keys_per_command, bytes| Round { keys, keys_per_command, bytes };
    for (left, usual, is_clustered, expected) in [
        (100, 1024, false, round(100, 128, 100 * 1024)),
        (100, 32 * 1024, false, round(16, 4, ROUND_BYTES)),
        (1000, 1024, false, round(512, 128, ROUND_BYTES)),
        (4096, 100, false, round(4096, 512, 409_600)),
        (4096, 0, false, round(4096, 512, 0)),
        (100, 100_000, false, round(5, 1, 500_000)),
        (100, ROUND_BYTES + 1, false, round(1, 1, ROUND_BYTES + 1)),
        (100, usize::MAX, false, round(1, 1, usize::MAX)),
        (100, 1024, true, round(100, 1, 100 * 1024)),
        (4096, 0, true, round(256, 1, 0)),
        (1000, 10_000, true, round(52, 1, 520_000)),
    ] {
        assert_eq!(Round::plan(left, usual, is_clustered), expected, "{left} of {usual} bytes");
    }
}

#[test]
fn rounds_grow_with_what_is_known() {
    let sizes = UsualSize::new(32 * 1024);
    let keys = |read: &[Option<Bytes>], left| {
        let progress = Progress { values: read.to_vec(), begun: Instant::now() };
        progress.plan(left, &sizes, false).keys
    };
    assert_eq!(keys(&[], 100), 16, "nothing is known");
    // Missing values are small, but the others may not be.
    assert_eq!((keys(&[const { None }; 16], 84), keys(&[const { None }; 16], 1000)), (84, 128));
    let small = vec![Some(Bytes::from_static(b"small")); 16];
    assert_eq!((keys(&small, 84), keys(&small, 1000)), (84, 128));
    let medium = vec![Some(Bytes::from(vec![0; 100_000])); 16];
    assert_eq!(keys(&medium, 84), 5);
    sizes.record(std::iter::repeat_n(&Bytes::from_static(b"small"), 100));
    assert_eq!((keys(&[], 100), keys(&[], 1000)), (100, KEYS_IN_FIRST_ROUND));
}
