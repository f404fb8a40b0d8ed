use super::*;

#[test]
fn large_values_are_asked_for_one_by_one() {
    for (usual, most) in [
        (0, MOST_KEYS),
        (1_000, MOST_KEYS),
        (4 * 1024, MOST_KEYS),
        (8 * 1024, 16),
        (100_000, 1),
        (MOST_BYTES, 1),
        (MOST_BYTES + 1, 1),
        (usize::MAX, 1),
    ] {
        assert_eq!(most_keys(usual), most, "{usual}");
    }
}

#[test]
fn what_is_usual_follows_the_values() {
    let gather = Gather::default();
    let large = vec![Bytes::from(vec![0; 1 << 20]); 8];
    gather.learn(large.iter());
    assert_eq!(gather.most_keys(), 1);
    let small = vec![Bytes::from_static(b"small"); 64];
    gather.learn(small.iter());
    assert_eq!(gather.most_keys(), MOST_KEYS);
}
