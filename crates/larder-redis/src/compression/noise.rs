//! A quick check for bytes that cannot be compressed.

/// The number of bytes that each sample has, and the number of samples.
const SAMPLE: usize = 1024;
const SAMPLES: usize = 4;

/// Whether these bytes look like noise: an image, or a body that has a content coding.
///
/// In noise, all values of a byte are about as frequent. The sum of the squares of their numbers
/// is lowest for noise. A wrong guess costs time or memory, and nothing else.
pub(super) fn is_noise(bytes: &[u8]) -> bool {
    let mut numbers = [0_u64; 256];
    let mut total = 0;
    for sample in samples(bytes) {
        for byte in sample {
            numbers[usize::from(*byte)] += 1;
        }
        total += sample.len() as u64;
    }
    let squares: u64 = numbers.iter().map(|number| number * number).sum();
    // The sum that noise has on average. A text has ten times as much, and base64 three times.
    let of_noise = total + total * total / 256;
    squares < of_noise + of_noise / 2
}

/// Returns samples from all over the bytes, or all of them if they are few.
fn samples(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let step = (bytes.len() / SAMPLES).max(SAMPLE);
    bytes.chunks(step).take(SAMPLES).map(|part| &part[..part.len().min(SAMPLE)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random (xorshift).
    fn random_bytes(count: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn noise_is_recognized_and_text_is_none() {
        for count in [600, 1_000, 5_000, 70_000, 1 << 20] {
            let noise = random_bytes(count);
            assert!(is_noise(&noise), "{count}");
            // Random bytes as base64 have 64 values, and can be made a quarter smaller.
            let base64: Vec<u8> = noise.iter().map(|byte| b' ' + byte % 64).collect();
            assert!(!is_noise(&base64), "{count}");
            let json = r#"{"id":1,"name":"ein süßer Name","price":12.5},"#.repeat(count / 40);
            assert!(!is_noise(json.as_bytes()), "{count}");
            assert!(!is_noise(&vec![0; count]), "{count}");
        }
    }

    /// The header fields of a response are text, whatever its body is.
    #[test]
    fn a_text_before_noise_does_not_hide_it() {
        let text = b"content-type: image/png, cache-control: max-age=60, etag: \"5f2b8c1e9d\"".repeat(4);
        for count in [8_000, 100_000] {
            assert!(is_noise(&[&text[..], &random_bytes(count)].concat()), "{count}");
        }
    }
}
