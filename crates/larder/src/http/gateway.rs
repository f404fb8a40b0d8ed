//! The fields between a cache and another one in front of it, which share a log.
//!
//! - `Larder-Fill`, in the requests of a fill: the id of its lease, or `0` without one. The cache
//!   behind does not wait for a lease whose holder waits for it.
//! - `Larder-Position`, in responses to such requests: the position of a stored response. The cache
//!   in front stores the response no longer than it may.
//!
//! Anyone can send these fields. A lease is recognized only by its id, which is random. A position
//! can only lower that of a fill.

use http::{HeaderMap, HeaderName, HeaderValue};
use larder_core::invalidation::position::{Position, Watermark};
use larder_core::lease::LeaseId;

/// The request field with the lease of the fill that the request is a part of.
pub(crate) const LARDER_FILL: HeaderName = HeaderName::from_static("larder-fill");
/// The response field with the position of a stored response.
pub(crate) const LARDER_POSITION: HeaderName = HeaderName::from_static("larder-position");

const NO_LEASE: HeaderValue = HeaderValue::from_static("0");

/// Returns the lease of the fill that the request is a part of, as the request states it.
pub(crate) fn outer_lease(request: &HeaderMap) -> Option<LeaseId> {
    request.get(LARDER_FILL)?.to_str().ok()?.parse().ok()
}

/// Marks a request as a part of the fill with this lease.
///
/// Without a lease, the mark of an outer fill stays: that one may still hold its lease.
pub(crate) fn mark_request(request: &mut HeaderMap, lease: Option<LeaseId>) {
    match lease.and_then(|lease| HeaderValue::from_str(&lease.to_string()).ok()) {
        Some(id) => {
            request.insert(LARDER_FILL, id);
        }
        None => {
            request.entry(LARDER_FILL).or_insert(NO_LEASE);
        }
    }
}

/// Whether the request comes from a cache that asks for the position of the response.
pub(crate) fn asks_for_position(request: &HeaderMap) -> bool {
    request.contains_key(LARDER_FILL)
}

/// States the position of a stored response.
pub(crate) fn set_position(response: &mut HeaderMap, position: &Position) {
    let text = format!("{}/{}", position.incarnation, position.watermark.log);
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.insert(LARDER_POSITION, value);
    }
}

/// The position that a response states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatedPosition {
    /// The response has no such field.
    None,
    /// A position with the local number of this process.
    At(Position),
    /// A field that cannot be read.
    Invalid,
}

/// Removes the position from a response and returns it.
pub(crate) fn take_position(response: &mut HeaderMap, local: u64) -> StatedPosition {
    let mut lines = response.get_all(LARDER_POSITION).iter();
    let stated = match (lines.next(), lines.next()) {
        (None, _) => return StatedPosition::None,
        (Some(only), None) => parse_position(only, local),
        (Some(_), Some(_)) => None,
    };
    response.remove(LARDER_POSITION);
    stated.map_or(StatedPosition::Invalid, StatedPosition::At)
}

fn parse_position(value: &HeaderValue, local: u64) -> Option<Position> {
    let (incarnation, log) = value.to_str().ok()?.split_once('/')?;
    let watermark = Watermark { log: log.parse().ok()?, local };
    Some(Position { incarnation: incarnation.parse().ok()?, watermark })
}

#[cfg(test)]
mod tests {
    use larder_core::invalidation::position::LogId;

    use super::*;

    const INCARNATION: &str = "000102030405060708090a0b0c0d0eff";

    fn response(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (LARDER_POSITION, value.parse().unwrap())).collect()
    }

    #[test]
    fn a_position_is_read_as_it_was_written_with_the_local_number_of_the_reader() {
        let watermark = Watermark { log: LogId::new(1_763_856_000_123, 7), local: 3 };
        let position = Position { incarnation: INCARNATION.parse().unwrap(), watermark };
        let mut fields = HeaderMap::new();
        assert_eq!(take_position(&mut fields, 5), StatedPosition::None);
        set_position(&mut fields, &position);
        assert_eq!(fields[LARDER_POSITION], format!("{INCARNATION}/1763856000123-7"));
        let read = Position { watermark: Watermark { local: 5, ..watermark }, ..position };
        assert_eq!(take_position(&mut fields, 5), StatedPosition::At(read));
        assert!(fields.is_empty());
        let highest = format!("{INCARNATION}/{}-{}", u64::MAX, u64::MAX);
        assert!(matches!(take_position(&mut response(&[&highest]), 0), StatedPosition::At(_)));
    }

    #[test]
    fn another_spelling_is_no_position() {
        let logs = ["", "1", "1-", "-1", "+1-0", "1-+0", "01-0", "1-00", " 1-0", "1-0 ", "1-0-0"];
        let logs = logs.into_iter().chain(["18446744073709551616-0", "1-18446744073709551616", "a-0"]);
        let mut texts: Vec<_> = logs.map(|log| format!("{INCARNATION}/{log}")).collect();
        let upper = INCARNATION.to_uppercase();
        texts.extend(["", "/", "1-0", "00/1-0"].map(Into::into));
        texts.extend([
            format!("{upper}/1-0"),
            format!("{INCARNATION}0/1-0"),
            format!("+{}/1-0", &INCARNATION[1..]),
        ]);
        for text in &texts {
            let mut fields = response(&[text]);
            assert_eq!(take_position(&mut fields, 0), StatedPosition::Invalid, "{text:?}");
            assert!(fields.is_empty());
        }
        let twice = format!("{INCARNATION}/1-0");
        assert_eq!(take_position(&mut response(&[&twice, &twice]), 0), StatedPosition::Invalid);
    }

    #[test]
    fn a_request_states_the_lease_of_its_fill() {
        let mut request = HeaderMap::new();
        assert_eq!((outer_lease(&request), asks_for_position(&request)), (None, false));
        mark_request(&mut request, None);
        assert_eq!((outer_lease(&request), asks_for_position(&request)), (None, true));
        let lease = LeaseId::from_bytes([0xab; 16]);
        mark_request(&mut request, Some(lease));
        mark_request(&mut request, None);
        assert_eq!(outer_lease(&request), Some(lease));
        assert_eq!(request.len(), 1);
        for wrong in ["AB", "0", "", "ABABABABABABABABABABABABABABABAB"] {
            request.insert(LARDER_FILL, wrong.parse().unwrap());
            assert_eq!(outer_lease(&request), None, "{wrong:?}");
        }
    }
}
