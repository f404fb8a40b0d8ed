//! The encoding of a coded body.
//!
//! It is the place of the coding, one byte; the digest (XXH3, 128 bits, little-endian) and the
//! length (eight bytes) of the body that was coded; and the coded body, up to the end of the value.
//! Without a coded body, the coding makes the body no smaller.

use bytes::{Buf as _, Bytes};
use twox_hash::XxHash3_128;

use crate::http::content_coding::ContentCoding;
use crate::invalidation::position::Position;
use crate::wire::envelope::{Envelope, checked, enclosed, open};
use crate::wire::error::{WireError, WireErrorKind};
use crate::wire::reader::Reader;

const VERSION: u8 = 1;
/// The kind of a coded body. Kind 5 is a value: see [`crate::value::wire`].
const CODED_BODY: u8 = 6;

/// A body as its digest and length, by which a coded body says what it was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyDigest {
    digest: u128,
    length: u64,
}

impl BodyDigest {
    /// Returns the digest of a body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self { digest: XxHash3_128::oneshot(body), length: body.len() as u64 }
    }
}

/// Encodes a coded body. An empty one states that the coding makes the body no smaller.
///
/// `position` is that of the response. So the coded body of an older response does not replace it.
#[must_use]
pub fn encode_coded_body(
    coding: ContentCoding,
    made_of: BodyDigest,
    coded: &[u8],
    key: &str,
    position: &Position,
) -> Bytes {
    let envelope = Envelope { version: VERSION, kind: CODED_BODY, position: *position };
    enclosed(&envelope, key, &|sink| {
        sink.put(&[place(coding)]);
        sink.put(&made_of.digest.to_le_bytes());
        sink.put(&made_of.length.to_le_bytes());
        sink.put(coded);
    })
}

/// Decodes a coded body that was stored under `key` for this coding of this body.
///
/// The result is a slice of `value`, and keeps all of it alive. It is shorter than the body, or
/// empty.
///
/// # Errors
///
/// Returns an error if the value is not what [`encode_coded_body`] returned for this key, this
/// coding and this body.
pub fn decode_coded_body(
    mut value: Bytes,
    key: &str,
    coding: ContentCoding,
    made_of: BodyDigest,
) -> Result<Bytes, WireError> {
    let content_len = checked(&value, VERSION)?;
    value.truncate(content_len);
    let mut reader = Reader::new(&value);
    let envelope = open(&mut reader, key)?;
    let [stated] = reader.array()?;
    let digest = BodyDigest {
        digest: u128::from_le_bytes(reader.array()?),
        length: u64::from_le_bytes(reader.array()?),
    };
    if envelope.kind != CODED_BODY || stated != place(coding) || digest != made_of {
        return Err(WireErrorKind::Malformed.into());
    }
    let coded_len = reader.left();
    if coded_len as u64 >= made_of.length {
        return Err(WireErrorKind::Malformed.into());
    }
    value.advance(content_len - coded_len);
    Ok(value)
}

/// The number of a coding in stored values. It never changes.
const fn place(coding: ContentCoding) -> u8 {
    match coding {
        ContentCoding::Br => 1,
        ContentCoding::Zstd => 2,
        ContentCoding::Gzip => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::position::{Incarnation, LogId, Watermark};

    const BODY: &[u8] = b"a body that is long enough";

    fn position() -> Position {
        let log = LogId::from_be_bytes([7; 16]);
        Position { incarnation: Incarnation::from_bytes([3; 16]), watermark: Watermark { log, local: 0 } }
    }

    fn encoded(coded: &[u8]) -> Bytes {
        encode_coded_body(ContentCoding::Br, BodyDigest::of(BODY), coded, "k", &position())
    }

    #[test]
    fn a_coded_body_is_read_back_for_its_own_body_alone() {
        let decode =
            |key, coding, body| decode_coded_body(encoded(b"coded"), key, coding, BodyDigest::of(body));
        assert_eq!(decode("k", ContentCoding::Br, BODY).unwrap(), "coded");
        assert_eq!(decode("l", ContentCoding::Br, BODY).unwrap_err().kind(), WireErrorKind::OtherKey);
        assert!(decode("k", ContentCoding::Gzip, BODY).is_err());
        assert!(decode("k", ContentCoding::Br, b"a body that is long enouhg").is_err());
        let none = decode_coded_body(encoded(b""), "k", ContentCoding::Br, BodyDigest::of(BODY));
        assert!(none.unwrap().is_empty());
    }

    #[test]
    fn no_other_bytes_are_believed() {
        let value = encoded(b"coded");
        let decode = |value| decode_coded_body(value, "k", ContentCoding::Br, BodyDigest::of(BODY));
        for end in 0..value.len() {
            assert!(decode(value.slice(..end)).is_err(), "{end}");
        }
        for at in 0..value.len() {
            let mut other = value.to_vec();
            other[at] ^= 1;
            assert!(decode(other.into()).is_err(), "{at}");
        }
        assert!(decode(encoded(BODY)).is_err(), "no coded body is as long as the body");
        let variants = crate::stored::wire::encode_variants(&[], "k", &position());
        assert!(decode(variants).is_err(), "another kind");
    }

    /// An instance that does not know coded bodies reads them as a miss.
    #[test]
    fn a_reader_of_responses_does_not_take_it_for_one() {
        let error = crate::stored::wire::decode(encoded(b"coded"), "k").unwrap_err();
        assert_eq!(error.kind(), WireErrorKind::Malformed);
    }
}
