//! Which bytes of a representation a request gets (RFC 9110 §14.1.2, §15.3.7.2).

use std::ops::Range;

use smallvec::SmallVec;

use super::content_range::ContentRange;
use super::request::{Ranges, Spec};

/// What a request gets of a representation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Whoever answers has to treat each.
pub enum Selected {
    /// All of it, as if no range had been asked for.
    Whole,
    /// These parts.
    Parts(Parts),
    /// Nothing of it: 416.
    Unsatisfiable,
}

/// Parts of a representation, in the order in which they were asked for. There is at least one, none is empty, and no two
/// of them overlap.
pub type Parts = SmallVec<[Range<u64>; 2]>;

/// What a part costs beside its bytes, about: the fields and the boundary before it. RFC 9110 §15.3.7.2: "Since the typical
/// overhead between each part of a multipart/byteranges is around 80 bytes".
const OVERHEAD: u64 = 80;

impl Ranges {
    /// Selects these ranges of a representation of this length.
    ///
    /// Overlapping ranges, and those with a gap between them that is smaller than what a part of its own would cost, are
    /// one part: RFC 9110 §15.3.7.2 has "a server […] MAY coalesce any of the ranges" of both kinds. So no request, however
    /// it is made up, gets much more than the whole.
    #[must_use]
    pub fn select(&self, length: u64) -> Selected {
        if length == 0 && self.asks_for_the_end() {
            // A suffix of nothing is satisfiable (§14.1.2), and no `Content-Range` can say so.
            return Selected::Whole;
        }
        let satisfiable: Parts = self.0.iter().filter_map(|spec| spec.within(length)).collect();
        match satisfiable.len() {
            0 => Selected::Unsatisfiable,
            1 => Selected::Parts(satisfiable),
            _ => Selected::Parts(coalesced(&satisfiable)),
        }
    }

    /// Selects these ranges of a part of a representation; `None` if that does not have all of what is asked for.
    ///
    /// RFC 9111 §3.3: "A cache MUST NOT use an incomplete response to answer requests unless the response has been made
    /// complete, or the request is partial and specifies a range wholly within the incomplete response."
    #[must_use]
    pub fn select_within(&self, part: &ContentRange) -> Option<Parts> {
        let held = part.range();
        let length = match part.complete() {
            Some(complete) => complete,
            // Where the whole ends is not known, and so neither what a suffix is nor where an open range ends.
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

    /// The bytes of it that there are; `None` if it is not satisfiable.
    ///
    /// RFC 9110 §14.1.2: one that begins behind the end is not, and one that goes beyond the end is cut there. A suffix is
    /// satisfiable if its length is not zero, and of what is shorter it is all.
    fn within(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first, last) => first..last.map_or(length, |last| last.saturating_add(1).min(length)),
            Self::Last(suffix) => length.saturating_sub(suffix)..length,
        };
        (!range.is_empty()).then_some(range)
    }
}

/// RFC 9110 §15.3.7.2: parts stay "in the same order that the corresponding range-spec appeared in the received Range
/// header field, excluding those ranges that were deemed unsatisfiable or that were coalesced into other ranges".
fn coalesced(ranges: &Parts) -> Parts {
    let mut parts = Parts::new();
    for range in ranges {
        let mut range = range.clone();
        // Where the first of those is that become one with this.
        let mut place = parts.len();
        // What has grown may reach one that it was passed with before.
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
