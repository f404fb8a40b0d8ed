//! The header fields of fresh hits, as each thread rendered them last.

use std::cell::RefCell;

use http::HeaderMap;

/// A response, by its id, at one age in whole seconds.
///
/// The fields of a fresh hit depend on nothing else, so they change once a second.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct RenderKey {
    pub(super) response: u64,
    pub(super) age: u64,
}

/// The rendered fields of a response at one age.
///
/// They are stored from the second hit on, so that a response with few hits needs no second table.
#[derive(Clone)]
struct RenderedHeaders {
    at: RenderKey,
    fields: Option<HeaderMap>,
}

/// The maximum number of responses for each thread that serves hits. Each takes about 1 KiB.
///
/// The cache is meant for the few responses that are requested all the time.
const CAPACITY: u64 = 64;

thread_local! {
    static THREAD_HEADERS: RefCell<Vec<Option<RenderedHeaders>>> = const { RefCell::new(Vec::new()) };
}

/// Returns the fields for this key, rendered by `render` if they are not cached.
///
/// Each thread has a cache of its own. A cache for all threads would need a lock on every hit.
#[inline]
pub(super) fn rendered(at: RenderKey, render: impl Fn() -> HeaderMap) -> HeaderMap {
    let cached = THREAD_HEADERS.try_with(|entries| {
        let mut entries = entries.try_borrow_mut().ok()?;
        match entries.get_mut(index_of(at.response % CAPACITY)) {
            Some(Some(entry)) if entry.at == at => Some(entry.fields.get_or_insert_with(&render).clone()),
            Some(other) => {
                *other = Some(RenderedHeaders { at, fields: None });
                None
            }
            None => {
                entries.resize(index_of(CAPACITY), None);
                None
            }
        }
    });
    // A thread that is ending has no cache any more.
    cached.ok().flatten().unwrap_or_else(render)
}

fn index_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::AGE;

    use super::*;

    fn fields(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(AGE, HeaderValue::from_str(text).unwrap())])
    }

    /// Many responses share an entry. None may get the fields of another response or second.
    #[test]
    fn each_is_given_its_own() {
        for round in 0..4 {
            for response in 0..3 * CAPACITY {
                for age in [7, 7, 7, 8, 8, 8] {
                    let own = format!("{response} at {age}");
                    let given = rendered(RenderKey { response, age }, || fields(&own));
                    assert_eq!(given, fields(&own), "in round {round}");
                }
            }
        }
    }

    #[test]
    fn frequent_hits_are_not_rendered_again() {
        let at = RenderKey { response: 1, age: 1 };
        // The first call makes room, the second notes the key, and the third stores the fields.
        for text in ["first", "second", "third"] {
            assert_eq!(rendered(at, || fields(text)), fields(text));
        }
        assert_eq!(rendered(at, || fields("fourth")), fields("third"));
    }
}
