//! Checks the bytes of a short text eight at a time.
//!
//! This runs on every hit. Loops over single bytes cost four times as much. The vector code that
//! compilers make of such loops is worth it only for texts longer than a host or a path.

/// A word with the value one in each byte.
pub(super) const EACH: u64 = u64::from_ne_bytes([1; 8]);
/// A word with the high bit of each byte set.
pub(super) const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Whether `suspects` sets a high bit for any eight bytes of the text.
///
/// `suspects` must set no high bit for eight times `a`: a text of less than four bytes is padded
/// with `a`.
#[inline]
pub(super) fn any(text: &[u8], suspects: impl Fn(u64) -> u64) -> bool {
    let Some(last) = text.last_chunk() else {
        return suspects(short(text)) & HIGH_BITS != 0;
    };
    // The last word of the text overlaps the one before it if the length is not a multiple of
    // eight.
    let mut seen = suspects(u64::from_ne_bytes(*last));
    let mut rest = text;
    while rest.len() > 8 {
        let Some((word, after)) = rest.split_first_chunk() else { break };
        seen |= suspects(u64::from_ne_bytes(*word));
        rest = after;
    }
    seen & HIGH_BITS != 0
}

/// Returns a word with all bytes of a text of less than eight bytes.
fn short(text: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let half = |bytes| u64::from(u32::from_ne_bytes(bytes));
        return half(*first) << 32 | half(*last);
    }
    text.iter().fold(EACH * u64::from(b'a'), |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_every_length_is_looked_at() {
        for len in 0..40 {
            let mut text = vec![b'a'; len];
            assert!(!any(&text, |word| word));
            for at in 0..len {
                text[at] = 0x80;
                assert!(any(&text, |word| word), "{at} of {len}");
                text[at] = b'a';
            }
        }
    }
}
