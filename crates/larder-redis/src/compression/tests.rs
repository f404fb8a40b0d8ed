#![allow(clippy::unwrap_used)] // In the helpers, too.

use std::io::Write as _;
use std::sync::mpsc;

use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::wire::envelope::{Envelope, checked, enclosed, fingerprint};
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

use super::form::{FRAME_AT, LENGTH, MAX_LEN};
use super::*;

const NEWEST: u8 = 2;

/// Returns a value of version 2 with this content.
fn value(content: &[u8]) -> Bytes {
    let watermark = Watermark { log: LogId::new(1_700_000_000_000, 3), local: 0 };
    let position = Position { incarnation: Incarnation::from_bytes([0xa7; 16]), watermark };
    let envelope = Envelope { version: NEWEST, kind: 1, position };
    enclosed(&envelope, "u|http|shop|/products", &|sink| sink.put(content))
}

fn json(bytes: usize) -> Bytes {
    let product =
        |number: usize| format!(r#"{{"id":{number},"name":"Product {number}","price":{}}},"#, number * 7);
    let text: Vec<u8> = (0..).flat_map(|number| product(number).into_bytes()).take(bytes).collect();
    value(&text)
}

/// Returns the compressed form of a value with these bytes as its frame.
fn with_frame(value: &[u8], length: u64, frame: &[u8]) -> Vec<u8> {
    let stored = compress(value).unwrap();
    let mut other = stored[..FRAME_AT].to_vec();
    other[LENGTH].copy_from_slice(&length.to_le_bytes());
    other.extend_from_slice(frame);
    other.extend_from_slice(&fingerprint(value).unwrap());
    other
}

#[test]
fn a_value_is_restored_and_its_head_and_end_stay_in_place() {
    for bytes in [500, 1_000, 16 * 1024, 300_000] {
        let value = json(bytes);
        let stored = compress(&value).unwrap();
        assert!(stored.len() < value.len() * 7 / 8, "{bytes}: {}", stored.len());
        assert_eq!(stored[3..36], value[3..36], "the kind and the position");
        assert_eq!(fingerprint(&stored), fingerprint(&value));
        assert_eq!(
            checked(&stored, NEWEST).unwrap_err(),
            checked(&[b"LR\x09", &value[3..]].concat(), NEWEST).unwrap_err()
        );
        assert!(is_compressed(&stored) && !is_compressed(&value));
        assert_eq!(decompress(&stored), value);
    }
}

#[test]
fn a_value_that_gets_hardly_smaller_is_stored_as_it_is() {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    let noise: Vec<u8> = (0..40_000).map(|_| next()).collect();
    // A byte has 150 values, which takes 7.2 bits.
    let nearly_noise: Vec<u8> =
        (0..40_000).map(|_| u16::from(next()) * 150 / 256).map(|byte| byte.to_le_bytes()[0]).collect();
    for content in [&noise[..], &nearly_noise, b"", b"short"] {
        assert_eq!(compress(&value(content)), None, "{}", content.len());
    }
    for foreign in [&b""[..], b"LR", &[b'x'; 5_000], &[&b"LR\x01"[..], &[0; 30]].concat()] {
        assert_eq!(compress(foreign), None);
    }
    let own = |version| [&[b'L', b'R', version][..], &[0; 5_000]].concat();
    for version in [0, 255] {
        assert_eq!(compress(&own(version)), None, "a reference or a compressed value");
    }
    assert!(compress(&own(1)).is_some());
}

/// Nothing else than the value itself passes for a value.
#[test]
fn a_damaged_one_is_never_believed() {
    let value = json(600);
    let stored = compress(&value).unwrap();
    let is_refused = |damaged: &[u8]| {
        let read = if is_compressed(damaged) { decompress(damaged) } else { Bytes::copy_from_slice(damaged) };
        read == value || checked(&read, NEWEST).is_err()
    };
    for end in 0..stored.len() {
        assert!(is_refused(&stored[..end]), "{end}");
    }
    for at in 0..stored.len() {
        for bit in 0..8 {
            let mut damaged = stored.to_vec();
            damaged[at] ^= 1 << bit;
            assert!(is_refused(&damaged), "{at}");
        }
    }
    assert!(is_refused(&[&stored[..], b"x"].concat()));
}

/// A broken one is removed like other values whose checksum does not fit. A claim recognizes it.
#[test]
fn a_broken_one_becomes_a_short_value_with_its_fingerprint() {
    let value = json(600);
    let broken = decompress(&with_frame(&value, value.len() as u64, b"no frame"));
    assert_eq!(broken.len(), 44);
    assert_eq!(fingerprint(&broken), fingerprint(&value));
    let error = checked(&broken, NEWEST).unwrap_err();
    assert_eq!(error, larder_core::wire::error::WireErrorKind::Corrupt);
}

#[test]
fn a_bomb_is_refused_before_memory_is_reserved_for_it() {
    let value = json(600);
    let content = &value[36..value.len() - 8];
    let length = value.len() as u64;
    let frame = |content: &[u8]| zstd::bulk::compress(content, 3).unwrap();
    let without_length = |content: &[u8]| {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let is_restored = |stored: &[u8]| decompress(stored) == value;
    assert!(is_restored(&with_frame(&value, length, &frame(content))));
    let zeros = vec![0; MAX_LEN];
    let cases = [
        ("a length over the limit", with_frame(&value, MAX_LEN as u64 + 44, &frame(&zeros))),
        ("the greatest length", with_frame(&value, u64::MAX, &frame(content))),
        ("a length of nothing", with_frame(&value, 0, &frame(content))),
        ("less than a head", with_frame(&value, 43, &frame(content))),
        ("a longer length than the frame's", with_frame(&value, length + 1, &frame(content))),
        ("a shorter length than the frame's", with_frame(&value, length - 1, &frame(content))),
        ("a frame that states no length", with_frame(&value, length, &without_length(content))),
        ("a second frame", with_frame(&value, length, &[frame(content), frame(&zeros)].concat())),
    ];
    for (what, stored) in cases {
        assert!(is_compressed(&stored), "{what}");
        assert_eq!(decompress(&stored).len(), 44, "{what}");
    }
}

#[test]
fn another_form_is_left_to_readers_that_know_it() {
    let mut stored = compress(&json(600)).unwrap().to_vec();
    stored[36] = 2;
    assert!(!is_compressed(&stored));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_bytes_in_the_place_of_a_frame_are_believed(frame: Vec<u8>, length in any::<u64>()) {
        let value = json(600);
        for length in [length, length % 5_000, value.len() as u64] {
            let stored = with_frame(&value, length, &frame);
            prop_assert!(checked(&decompress(&stored), NEWEST).is_err());
        }
    }
}

/// Holds all jobs of one kind until the result is dropped.
async fn hold(jobs: &Jobs) -> Vec<mpsc::Sender<()>> {
    let mut held = Vec::new();
    loop {
        let (end, ended) = mpsc::channel::<()>();
        let run = jobs.run(Handle::current(), move || ended.recv().is_ok());
        match tokio::time::timeout(Duration::from_millis(30), run).await {
            // No turn came within the time of `Jobs`.
            Ok(None) => return held,
            _ => held.push(end),
        }
    }
}

#[tokio::test]
async fn while_all_jobs_run_small_values_do_not_wait_and_large_ones_do_not_wait_long() {
    let compression = Compression::new(Some(1_000), Duration::from_millis(10));
    let (small, large) = (json(10_000), json(100_000));
    let stored = [compress(&small).unwrap(), compress(&large).unwrap()];
    let runtime = Handle::current;
    let held = [hold(&compression.reads).await, hold(&compression.writes).await];
    assert_eq!(compression.compress(runtime(), small.clone()).await, stored[0]);
    assert_eq!(compression.decompress(runtime(), stored[0].clone()).await.unwrap(), small);
    assert_eq!(compression.compress(runtime(), large.clone()).await, large, "stored as it is");
    let error = compression.decompress(runtime(), stored[1].clone()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    // Many small values are one job.
    let many = vec![Some(stored[0].clone()); 10];
    assert!(compression.decompress_all(runtime(), many.clone()).await.is_err());
    drop(held);
    let compression = Compression::new(Some(1_000), Duration::from_secs(20));
    assert_eq!(compression.decompress_all(runtime(), many).await.unwrap(), vec![Some(small); 10]);
    assert_eq!(compression.compress(runtime(), large).await, stored[1]);
}
