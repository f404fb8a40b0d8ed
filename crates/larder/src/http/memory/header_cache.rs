//! The header fields of hits, as each thread rendered them last.

use std::cell::RefCell;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue};

/// The form in which a stored response is served, apart from ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServedForm {
    /// The whole response.
    Full,
    /// The response to a `HEAD`.
    Head,
    /// A 304.
    NotModified,
}

/// A response, by its id, at one age in whole seconds, in one form.
///
/// The fields of a hit depend on nothing else, so they change once a second.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RenderKey {
    pub(crate) response: u64,
    pub(crate) age: u64,
    pub(crate) form: ServedForm,
    /// Whether the response is served stale while it is refreshed.
    pub(crate) is_stale: bool,
    /// Whether the table of fields has room for `Content-Length`.
    ///
    /// A router of axum adds that field to every response. Without room, it would copy the table
    /// into one of twice the size.
    pub(crate) has_room: bool,
}

impl RenderKey {
    /// Returns the index of the entry. The forms of a response have different ones.
    fn index(self) -> usize {
        index_of(self.response.wrapping_add(self.form as u64) % CAPACITY)
    }
}

/// The rendered fields of a response at one age.
///
/// They are stored from the second hit on, so that a response with few hits needs no second table.
#[derive(Clone)]
struct RenderedHeaders {
    at: RenderKey,
    fields: Option<Rendered>,
}

#[derive(Clone)]
struct Rendered {
    fields: HeaderMap,
    /// Whether `Content-Length` is there only to make a copy of the table one field larger.
    has_placeholder: bool,
}

impl Rendered {
    fn new(mut fields: HeaderMap, has_room: bool) -> Self {
        let has_placeholder = has_room && !fields.contains_key(CONTENT_LENGTH);
        if has_placeholder {
            fields.insert(CONTENT_LENGTH, PLACEHOLDER);
        }
        Self { fields, has_placeholder }
    }

    #[inline]
    fn copy(&self) -> HeaderMap {
        let mut fields = self.fields.clone();
        if self.has_placeholder {
            fields.remove(CONTENT_LENGTH);
        }
        fields
    }
}

const PLACEHOLDER: HeaderValue = HeaderValue::from_static("0");

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
pub(crate) fn rendered(at: RenderKey, render: impl Fn() -> HeaderMap) -> HeaderMap {
    let cached = THREAD_HEADERS.try_with(|entries| {
        let mut entries = entries.try_borrow_mut().ok()?;
        match entries.get_mut(at.index()) {
            Some(Some(entry)) if entry.at == at => {
                let new = || Rendered::new(render(), at.has_room);
                Some(entry.fields.get_or_insert_with(new).copy())
            }
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

    const FORMS: [ServedForm; 3] = [ServedForm::Full, ServedForm::Head, ServedForm::NotModified];

    /// Many responses share an entry. None may get the fields of another response, or its own in
    /// another second or form.
    #[test]
    fn each_is_given_its_own() {
        for round in 0..4 {
            for response in 0..3 * CAPACITY {
                let flags = [(false, false), (false, true), (true, false), (true, true)];
                for (form, (is_stale, has_room), age) in FORMS
                    .into_iter()
                    .flat_map(|form| flags.map(|flags| (form, flags)))
                    .flat_map(|(form, flags)| [7, 7, 7, 8, 8, 8].map(|age| (form, flags, age)))
                {
                    let own = format!("{response} at {age}, {form:?}, {is_stale}, {has_room}");
                    let at = RenderKey { response, age, form, is_stale, has_room };
                    let given = rendered(at, || fields(&own));
                    assert_eq!(given, fields(&own), "in round {round}");
                }
            }
        }
    }

    #[test]
    fn frequent_hits_are_not_rendered_again() {
        let at = RenderKey { response: 1, age: 1, form: ServedForm::Full, is_stale: false, has_room: false };
        // The first call makes room, the second notes the key, and the third stores the fields.
        for text in ["first", "second", "third"] {
            assert_eq!(rendered(at, || fields(text)), fields(text));
        }
        assert_eq!(rendered(at, || fields("fourth")), fields("third"));
    }

    /// The field that makes room is never served, and one of the handler is.
    #[test]
    fn a_copy_has_room_for_the_length_and_no_other_field() {
        let at = RenderKey { response: 2, age: 1, form: ServedForm::Full, is_stale: false, has_room: true };
        let (mut plain, mut stated) = (fields("1"), fields("1"));
        stated.insert(CONTENT_LENGTH, HeaderValue::from_static("1024"));
        for round in 0..5 {
            let mut copy = rendered(at, || plain.clone());
            assert_eq!(copy, plain, "in round {round}");
            copy.insert(CONTENT_LENGTH, HeaderValue::from_static("1024"));
            plain.insert(CONTENT_LENGTH, HeaderValue::from_static("1024"));
            assert_eq!(copy, plain, "in round {round}");
            plain.remove(CONTENT_LENGTH);
            let stating = RenderKey { response: 3, ..at };
            assert_eq!(rendered(stating, || stated.clone()), stated, "in round {round}");
        }
    }
}
