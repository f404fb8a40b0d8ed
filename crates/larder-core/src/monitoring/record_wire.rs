//! The form of an [`InstanceRecord`] in a store.
//!
//! Numbers are little-endian unless stated otherwise. Durations are in nanoseconds:
//!
//! ```text
//! "LI" | version u8 | id, 16 bytes | incarnation, 16 bytes | log id, 16 bytes big-endian
//!      | start in Unix milliseconds u64 | confirmation age u64, the maximum for none
//!      | max_staleness u64 | deferred u64 | slow polls u64 | version | host
//!      | number of circuits | for each: state u8, node, empty for none
//!      | XXH3-64 of all before it
//! ```
//!
//! Texts and the number of circuits are preceded by a length. A later version of Larder may add
//! fields before the checksum without a new version of the form. A reader leaves them out.

use std::time::Duration;

use bytes::Bytes;
use twox_hash::XxHash3_64;

use super::circuit_state::{CircuitState, NodeCircuit};
use super::instance::{InstanceId, InstanceRecord};
use crate::invalidation::position::{Incarnation, LogId};
use crate::time::WallTime;
use crate::wire::elements::{read_duration, read_u64, write_duration};
use crate::wire::error::WireErrorKind;
use crate::wire::reader::Reader;
use crate::wire::writer::{self, Sink};

/// The maximum size of an encoded record. A longer one is not read.
pub const MAX_RECORD_BYTES: usize = 4_096;
/// The maximum size of the name of a host. A longer name is cut.
pub const MAX_HOST_BYTES: usize = 255;
/// The maximum size of the version. A longer text is cut.
pub const MAX_VERSION_BYTES: usize = 64;
/// The maximum number of circuits in a record. Further ones are left out.
pub const MAX_CIRCUITS: usize = 8;

const MAGIC: [u8; 2] = *b"LI";
const VERSION: u8 = 1;
const CHECKSUM_LEN: usize = 8;

impl InstanceRecord {
    /// Encodes the record, in at most [`MAX_RECORD_BYTES`].
    ///
    /// Texts and lists that are too long are cut. Control characters are left out.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut record = Vec::with_capacity(256);
        record.put(&MAGIC);
        record.put(&[VERSION]);
        record.put(&self.id.to_bytes());
        record.put(&self.incarnation.to_bytes());
        record.put(&self.position.to_be_bytes());
        record.put(&self.started_at.unix_millis().to_le_bytes());
        match self.confirmation_age {
            Some(age) => write_duration(&mut record, age.min(Duration::from_nanos(u64::MAX - 1))),
            None => record.put(&u64::MAX.to_le_bytes()),
        }
        write_duration(&mut record, self.max_staleness);
        record.put(&self.deferred.to_le_bytes());
        record.put(&self.slow_polls.to_le_bytes());
        writer::bytes(&mut record, plain(&self.version, MAX_VERSION_BYTES).as_bytes());
        writer::bytes(&mut record, plain(&self.host, MAX_HOST_BYTES).as_bytes());
        let circuits = &self.circuits[..self.circuits.len().min(MAX_CIRCUITS)];
        writer::list(&mut record, circuits, write_circuit);
        let checksum = XxHash3_64::oneshot(&record);
        record.put(&checksum.to_le_bytes());
        record.into()
    }

    /// Decodes a record, which may be any bytes.
    ///
    /// Returns `None` for bytes that [`encode`](Self::encode) did not write.
    #[must_use]
    pub fn decode(record: &Bytes) -> Option<Self> {
        if record.len() > MAX_RECORD_BYTES {
            return None;
        }
        let (content, checksum) = record.split_last_chunk::<CHECKSUM_LEN>()?;
        if XxHash3_64::oneshot(content) != u64::from_le_bytes(*checksum) {
            return None;
        }
        read(&mut Reader::new(&record.slice(..content.len()))).ok()
    }
}

fn read(reader: &mut Reader<'_>) -> Result<InstanceRecord, WireErrorKind> {
    if reader.array()? != MAGIC {
        return Err(WireErrorKind::Foreign);
    }
    if reader.array()? != [VERSION] {
        return Err(WireErrorKind::Version);
    }
    Ok(InstanceRecord {
        id: InstanceId::from_bytes(reader.array()?),
        incarnation: Incarnation::from_bytes(reader.array()?),
        position: LogId::from_be_bytes(reader.array()?),
        started_at: WallTime::from_unix_millis(read_u64(reader)?),
        confirmation_age: Some(read_u64(reader)?).filter(|age| *age != u64::MAX).map(Duration::from_nanos),
        max_staleness: read_duration(reader)?,
        deferred: read_u64(reader)?,
        slow_polls: read_u64(reader)?,
        version: read_text(reader, MAX_VERSION_BYTES)?,
        host: read_text(reader, MAX_HOST_BYTES)?,
        circuits: read_circuits(reader)?,
    })
}

fn write_circuit(sink: &mut dyn Sink, circuit: &NodeCircuit) {
    let state = match circuit.state {
        CircuitState::Closed => 0,
        CircuitState::Probing => 1,
        CircuitState::Open => 2,
    };
    sink.put(&[state]);
    let node = circuit.node.as_deref().unwrap_or_default();
    writer::bytes(sink, plain(node, MAX_HOST_BYTES).as_bytes());
}

fn read_circuits(reader: &mut Reader<'_>) -> Result<Vec<NodeCircuit>, WireErrorKind> {
    let circuits = reader.list(read_circuit)?;
    if circuits.len() > MAX_CIRCUITS { Err(WireErrorKind::Malformed) } else { Ok(circuits) }
}

fn read_circuit(reader: &mut Reader<'_>) -> Result<NodeCircuit, WireErrorKind> {
    let state = match reader.array()? {
        [0] => CircuitState::Closed,
        [1] => CircuitState::Probing,
        [2] => CircuitState::Open,
        _ => return Err(WireErrorKind::Malformed),
    };
    let node = read_text(reader, MAX_HOST_BYTES)?;
    Ok(NodeCircuit::new(Some(node).filter(|node| !node.is_empty()), state))
}

fn read_text(reader: &mut Reader<'_>, limit: usize) -> Result<String, WireErrorKind> {
    let text = std::str::from_utf8(reader.bytes()?).map_err(|_| WireErrorKind::Malformed)?;
    if text.len() > limit || text.contains(char::is_control) {
        return Err(WireErrorKind::Malformed);
    }
    Ok(text.to_owned())
}

/// Returns the text without control characters, cut to `limit` bytes.
fn plain(text: &str, limit: usize) -> String {
    let mut plain = String::new();
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if plain.len() + letter.len_utf8() > limit {
            break;
        }
        plain.push(letter);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> InstanceRecord {
        InstanceRecord {
            id: InstanceId::from_bytes([1; 16]),
            version: "0.1.0".to_owned(),
            host: "süd-7".to_owned(),
            started_at: WallTime::from_unix_millis(1_763_856_000_123),
            incarnation: Incarnation::from_bytes([2; 16]),
            position: LogId::new(7, 3),
            confirmation_age: Some(Duration::from_millis(12)),
            max_staleness: Duration::from_secs(2),
            deferred: 4,
            slow_polls: 5,
            circuits: vec![
                NodeCircuit::new(Some("10.0.0.7:6379".to_owned()), CircuitState::Open),
                NodeCircuit::new(None, CircuitState::Probing),
            ],
        }
    }

    /// Returns the content with a new checksum.
    fn sealed(content: &[u8]) -> Bytes {
        let checksum = XxHash3_64::oneshot(content).to_le_bytes();
        [content, &checksum].concat().into()
    }

    fn content(record: &InstanceRecord) -> Vec<u8> {
        let encoded = record.encode();
        encoded[..encoded.len() - CHECKSUM_LEN].to_vec()
    }

    #[test]
    fn a_record_survives_the_way_to_bytes_and_back() {
        let starting = InstanceRecord::new(InstanceId::from_bytes([9; 16]));
        for record in [full(), starting] {
            assert_eq!(InstanceRecord::decode(&record.encode()), Some(record));
        }
    }

    /// The first version of the form. Another version of the program must still read it.
    #[test]
    fn the_first_form_stays_readable() {
        let mut old = b"LI\x01".to_vec();
        old.extend([[1; 16], [2; 16]].concat());
        old.extend(LogId::new(7, 3).to_be_bytes());
        for number in [1_763_856_000_123, 12_000_000, 2_000_000_000, 4, 5_u64] {
            old.extend(number.to_le_bytes());
        }
        old.extend("\u{5}0.1.0\u{6}süd-7\u{2}".as_bytes());
        old.extend("\u{2}\u{d}10.0.0.7:6379\u{1}\0".as_bytes());
        assert_eq!(InstanceRecord::decode(&sealed(&old)), Some(full()));
    }

    #[test]
    fn fields_of_a_later_version_are_left_out() {
        let longer = [&content(&full())[..], b"more"].concat();
        assert_eq!(InstanceRecord::decode(&sealed(&longer)), Some(full()));
    }

    #[test]
    fn changed_and_short_bytes_are_no_record() {
        let encoded = full().encode();
        for at in 0..encoded.len() {
            let mut changed = encoded.to_vec();
            changed[at] ^= 1;
            assert_eq!(InstanceRecord::decode(&changed.into()), None, "byte {at}");
            assert_eq!(InstanceRecord::decode(&encoded.slice(..at)), None, "{at} bytes");
        }
        let content = content(&full());
        for at in 0..content.len() {
            assert_eq!(InstanceRecord::decode(&sealed(&content[..at])), None, "{at} sealed bytes");
        }
    }

    #[test]
    fn content_that_makes_no_sense_is_no_record() {
        let replaced = |from: &[u8], to: &[u8]| {
            let content = content(&full());
            let at = content.windows(from.len()).position(|part| part == from).unwrap();
            let sealed = sealed(&[&content[..at], to, &content[at + from.len()..]].concat());
            InstanceRecord::decode(&sealed)
        };
        assert!(replaced(b"LI\x01", b"LI\x01").is_some());
        for (from, to) in [
            (&b"LI\x01"[..], &b"LI\x02"[..]),
            (b"LI", b"LR"),
            (b"0.1.0", b"0.1.\n"),
            (b"0.1.0", b"0.1.\xff"),
            (b"\x050.1.0", b"\x7f0.1.0"),
            (b"\x02\x0d10", b"\x03\x0d10"),
            (b"\x02\x02\x0d10", b"\xff\xff\xff\xff\x7f\x02\x0d10"),
        ] {
            assert_eq!(replaced(from, to), None, "{from:?} as {to:?}");
        }
        let long = vec![0; MAX_RECORD_BYTES];
        assert_eq!(InstanceRecord::decode(&sealed(&[&content(&full())[..], &long].concat())), None);
    }

    #[test]
    fn a_record_is_cut_to_its_maximum_size() {
        let circuit = NodeCircuit::new(Some("n".repeat(1_000)), CircuitState::Open);
        let record = InstanceRecord {
            version: "v\n".repeat(1_000),
            host: "ü".repeat(1_000),
            circuits: vec![circuit; 100],
            ..full()
        };
        let encoded = record.encode();
        assert!(encoded.len() <= MAX_RECORD_BYTES, "{} bytes", encoded.len());
        let decoded = InstanceRecord::decode(&encoded).unwrap();
        assert_eq!((decoded.version, decoded.host), ("v".repeat(64), "ü".repeat(127)));
        assert_eq!(decoded.circuits.len(), MAX_CIRCUITS);
    }
}
