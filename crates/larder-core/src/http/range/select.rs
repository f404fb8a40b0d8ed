//! The bytes of a representation that a request gets (RFC 9110 §14.1.2, §15.3.7.2).

use std::ops::Range;

use smallvec::SmallVec;

use super::content_range::ContentRange;
use super::request::{Ranges, Spec};

/// The part of a representation that a request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // A caller has to treat each.
pub enum Selected {
    /// The whole, as if the request had no range.
    Whole,
    /// These parts.
    Parts(Parts),
    /// Nothing: the response is a 416.
    Unsatisfiable,
}

/// Parts of a representation, in the order of the request.
///
/// There is at least one part, no part is empty, and no two parts overlap.
pub type Parts = SmallVec<[Range<u64>; 2]>;

/// The approximate cost of a part besides its own bytes: its fields and the boundary before it.
///
/// RFC 9110 §15.3.7.2: "Since the typical overhead between each part of a multipart/byteranges is
/// around 80 bytes".
const OVERHEAD: u64 = 80;

impl Ranges {
    /// Selects these ranges of a representation of `length` bytes.
    ///
    /// Overlapping ranges become one part. Two ranges also become one part if the gap between them
    /// is smaller than the cost of a separate part. RFC 9110 §15.3.7.2 allows both: "a server […]
    /// MAY coalesce any of the ranges". So no request gets much more than the whole, whatever its
    /// ranges are.
    #[must_use]
    pub fn select(&self, length: u64) -> Selected {
        if length == 0 && self.asks_for_the_end() {
            // A suffix of an empty representation is satisfiable (§14.1.2), but no `Content-Range`
            // can express it.
            return Selected::Whole;
        }
        let satisfiable: Parts = self.0.iter().filter_map(|spec| spec.within(length)).collect();
        match satisfiable.len() {
            0 => Selected::Unsatisfiable,
            1 => Selected::Parts(satisfiable),
            _ => Selected::Parts(coalesced(&satisfiable)),
        }
    }

    /// Selects these ranges of a part of a representation.
    ///
    /// Returns `None` if the part does not contain all of them.
    ///
    /// RFC 9111 §3.3: "A cache MUST NOT use an incomplete response to answer requests unless the
    /// response has been made complete, or the request is partial and specifies a range wholly
    /// within the incomplete response."
    #[must_use]
    pub fn select_within(&self, part: &ContentRange) -> Option<Parts> {
        let held = part.range();
        let length = match part.complete() {
            Some(complete) => complete,
            // The length of the whole is not known. So the place of a suffix and the end of an open
            // range are not known either.
            None if self.0.iter().all(|spec| spec.ends_before(held.end)) => held.end,
            None => return None,
        };
        match self.select(length) {
            Selected::Parts(parts) => {
                let is_held = |part: &Range<u64>| held.start <= part.start && part.end <= held.end;
                parts.iter().all(is_held).then_some(parts)
            }
            Selected::Whole | Selected::Unsatisfiable => None,
        }
    }

    fn asks_for_the_end(&self) -> bool {
        self.0.iter().any(|spec| matches!(spec, Spec::Last(1..)))
    }
}

impl Spec {
    fn ends_before(self, end: u64) -> bool {
        matches!(self, Self::From(_, Some(last)) if last < end)
    }

    /// Returns the existing bytes of this range, or `None` if it is not satisfiable.
    ///
    /// RFC 9110 §14.1.2: a range that begins behind the end is not satisfiable, and a range that
    /// extends beyond the end is cut there. A suffix is satisfiable if its length is not zero. If
    /// the representation is shorter than the suffix, the suffix is the whole.
    fn within(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first, last) => first..last.map_or(length, |last| last.saturating_add(1).min(length)),
            Self::Last(suffix) => length.saturating_sub(suffix)..length,
        };
        (!range.is_empty()).then_some(range)
    }
}

/// Combines ranges that overlap or are near each other.
///
/// RFC 9110 §15.3.7.2: parts stay "in the same order that the corresponding range-spec appeared in
/// the received Range header field, excluding those ranges that were deemed unsatisfiable or that
/// were coalesced into other ranges".
fn coalesced(ranges: &Parts) -> Parts {
    let mut parts = Parts::new();
    for range in ranges {
        let mut range = range.clone();
        // The place of the first part that is combined with this range.
        let mut place = parts.len();
        // The combined range is larger, so it may reach a part that it did not reach before.
        while let Some(at) = parts.iter().position(|part| is_near(part, &range)) {
            let part = parts.remove(at);
            range = part.start.min(range.start)..part.end.max(range.end);
            place = place.min(at);
        }
        parts.insert(place.min(parts.len()), range);
    }
    parts
}

fn is_near(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start <= other.end.saturating_add(OVERHEAD) && other.start <= one.end.saturating_add(OVERHEAD)
}
