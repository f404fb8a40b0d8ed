//! The fields of fresh hits, as this thread wrote them last.

use std::cell::RefCell;

use http::HeaderMap;

/// What changes from hit to hit changes once a second: a response, by its number, at one age in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct RenderKey {
    pub(super) response: u64,
    pub(super) age: u64,
}

/// The fields at that moment. They are only kept from the second hit on, so that what is hit seldom costs no second table.
#[derive(Clone)]
struct RenderedHeaders {
    at: RenderKey,
    fields: Option<HeaderMap>,
}

/// So many are kept by each thread that answers hits, about 1 KiB each: it is for the few that are asked for all the time.
const CAPACITY: u64 = 64;

thread_local! {
    static THREAD_HEADERS: RefCell<Vec<Option<RenderedHeaders>>> = const { RefCell::new(Vec::new()) };
}

/// The fields at this moment, rendered by `render` if they are not at hand.
///
/// Each thread has its own: one place for all would be a lock that every hit takes.
#[inline]
pub(super) fn rendered(at: RenderKey, render: impl Fn() -> HeaderMap) -> HeaderMap {
    let kept = THREAD_HEADERS.try_with(|kept| {
        let mut kept = kept.try_borrow_mut().ok()?;
        match kept.get_mut(place(at.response % CAPACITY)) {
            Some(Some(known)) if known.at == at => Some(known.fields.get_or_insert_with(&render).clone()),
            Some(other) => {
                *other = Some(RenderedHeaders { at, fields: None });
                None
            }
            None => {
                kept.resize(place(CAPACITY), None);
                None
            }
        }
    });
    // A thread that is ending keeps nothing.
    kept.ok().flatten().unwrap_or_else(render)
}

fn place(number: u64) -> usize {
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

    /// The same place is taken by many: none may be given another one's fields, nor those of another second.
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
    fn what_is_hit_again_and_again_is_rendered_no_more() {
        let at = RenderKey { response: 1, age: 1 };
        // The first one makes the room, the second is noted, the third is kept.
        for text in ["first", "second", "third"] {
            assert_eq!(rendered(at, || fields(text)), fields(text));
        }
        assert_eq!(rendered(at, || fields("fourth")), fields("third"));
    }
}
