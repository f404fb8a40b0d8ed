//! The form of events in an entry of the Stream.
//!
//! Each event is one field, with the event's mode as the name and its selector as the value. If
//! there are many events, a field has many of them: each selector after its length in bytes and a
//! colon. A script spends about as much time on such a field as on one with a single event.
//!
//! Programs in other languages append entries too, so `docs/OPERATIONS.md` documents this form. The
//! names of the fields are its version. A later form has other names, which this version reads as
//! [`Event::EVERYTHING`].

use fred::types::Value;
use larder_core::invalidation::position::Incarnation;
use larder_core::invalidation::selector::{Event, Mode, Selector};

use crate::reply;
use crate::shared_buffer::SharedBuffer;

const HARD: &str = "h";
const SOFT: &str = "s";
const MANY_HARD: &str = "H";
const MANY_SOFT: &str = "S";
/// The field name in the first entry of an incarnation, which has no event. The value is the
/// incarnation.
const BEGINNING: &str = "i";

/// Maximum number of events that have a field each.
///
/// Larder 0.1.0 reads a field with many events as [`Event::EVERYTHING`]. So there are no such
/// fields where it does not matter.
const MAX_SINGLE: usize = 64;
/// The size of a field with many events. One more event may exceed it.
const FIELD_BYTES: usize = 16 * 1024;

/// Returns the fields and values of an entry with these events.
pub(crate) fn fields(events: &[Event]) -> Vec<Value> {
    if events.len() <= MAX_SINGLE {
        let size = events.iter().map(|event| event.selector.weight()).sum();
        let mut texts = SharedBuffer::with_capacity(size);
        let field = |event: &Event| {
            [mode_name(event.mode, HARD, SOFT), texts.add(event.selector.to_text().as_bytes())]
        };
        return events.iter().flat_map(field).collect();
    }
    let runs = events.chunk_by(|a, b| a.mode == b.mode);
    runs.flat_map(|run| run.first().map(|event| (event.mode, run)))
        .flat_map(|(mode, run)| packed(run).map(move |value| [mode_name(mode, MANY_HARD, MANY_SOFT), value]))
        .flatten()
        .collect()
}

fn mode_name(mode: Mode, hard: &'static str, soft: &'static str) -> Value {
    Value::from_static_str(match mode {
        Mode::Hard => hard,
        Mode::Soft => soft,
    })
}

/// Returns the values of fields with many events of one mode.
fn packed(events: &[Event]) -> impl Iterator<Item = Value> + '_ {
    let mut rest = events.iter();
    std::iter::from_fn(move || {
        let mut value = String::new();
        while value.len() < FIELD_BYTES {
            let Some(event) = rest.next() else { break };
            let text = event.selector.to_text();
            value.push_str(&text.len().to_string());
            value.push(':');
            value.push_str(&text);
        }
        (!value.is_empty()).then(|| Value::from(value))
    })
}

/// Reads the events of an entry.
///
/// An event that cannot be read may name anything, so it is read as [`Event::EVERYTHING`].
pub(crate) fn events(fields: &Value) -> Vec<Event> {
    let pairs = reply::parts(fields).filter(|parts| parts.len() % 2 == 0);
    let Some(pairs) = pairs else {
        return vec![Event::EVERYTHING];
    };
    if is_beginning(pairs) {
        return Vec::new();
    }
    let mut events = Vec::with_capacity(pairs.len() / 2);
    for pair in pairs.chunks_exact(2) {
        let known = events.len();
        if add_field(&mut events, &pair[0], &pair[1]).is_none() {
            events.truncate(known);
            events.push(Event::EVERYTHING);
        }
    }
    events
}

/// Whether this is the first entry of an incarnation.
///
/// Nothing else may have its field: a single wrong bit makes an `h` an `i`, and no such entry may
/// lose its event.
fn is_beginning(fields: &[Value]) -> bool {
    let [name, value] = fields else { return false };
    reply::text(name) == Some(BEGINNING)
        && reply::text(value).is_some_and(|text| text.parse::<Incarnation>().is_ok())
}

/// Adds the events of a field. Returns `None` if it cannot be read, after a part of its events.
fn add_field(events: &mut Vec<Event>, name: &Value, value: &Value) -> Option<()> {
    let text = reply::text(value)?;
    match reply::text(name)? {
        HARD => events.push(event(Mode::Hard, text)?),
        SOFT => events.push(event(Mode::Soft, text)?),
        MANY_HARD => add_packed(events, Mode::Hard, text)?,
        MANY_SOFT => add_packed(events, Mode::Soft, text)?,
        _ => return None,
    }
    Some(())
}

fn add_packed(events: &mut Vec<Event>, mode: Mode, mut text: &str) -> Option<()> {
    while !text.is_empty() {
        let (length, rest) = text.split_once(':')?;
        let (selector, rest) = rest.split_at_checked(length.parse().ok()?)?;
        events.push(event(mode, selector)?);
        text = rest;
    }
    Some(())
}

fn event(mode: Mode, selector: &str) -> Option<Event> {
    let selector: Selector = selector.parse().ok()?;
    Some(Event { mode, selector })
}

#[cfg(test)]
mod random_entries;

#[cfg(test)]
mod tests {
    use larder_core::invalidation::selector::Tag;

    use super::*;

    fn entry(fields: &[&str]) -> Value {
        Value::Array(fields.iter().map(|field| Value::from(*field)).collect())
    }

    /// Returns the fields of an entry with these events, as the server answers with them.
    fn answered(events: &[Event]) -> Vec<Value> {
        let text = |value| String::from_utf8(reply::bytes(&value).unwrap().to_vec()).unwrap().into();
        fields(events).into_iter().map(text).collect()
    }

    #[test]
    fn events_are_read_as_they_were_written() {
        let written = [
            Event { mode: Mode::Hard, selector: Tag::new("product:42").into() },
            Event { mode: Mode::Soft, selector: Selector::All },
        ];
        let entry = Value::Array(answered(&written));
        assert_eq!(events(&entry), written);
    }

    #[test]
    fn many_events_share_a_few_fields() {
        let tag = |mode, number: usize| Event { mode, selector: Tag::new(format!("ü:{number}")).into() };
        let hard: Vec<Event> = (0..MAX_SINGLE).map(|number| tag(Mode::Hard, number)).collect();
        assert_eq!(fields(&hard).len(), 2 * MAX_SINGLE, "older versions read these");
        let soft = (0..20_000).map(|number| tag(Mode::Soft, number));
        let written: Vec<Event> = hard.into_iter().chain(soft).chain([tag(Mode::Hard, 9)]).collect();
        let fields = answered(&written);
        let sizes: Vec<usize> = fields.chunks(2).map(|pair| reply::text(&pair[1]).unwrap().len()).collect();
        assert!((10..30).contains(&sizes.len()), "{sizes:?}");
        assert!(sizes.iter().all(|size| *size < FIELD_BYTES + 20), "{sizes:?}");
        assert_eq!(events(&Value::Array(fields)), written);
    }

    #[test]
    fn the_beginning_of_an_incarnation_names_nothing() {
        let incarnation = "0f".repeat(16);
        assert_eq!(events(&entry(&["i", &incarnation])), []);
        for fields in [
            &["i", "00"][..],
            &["i", "t:a"],
            &["i", &"0F".repeat(16)],
            &["i", &incarnation, "h", "t:a"],
            &["h", "t:a", "i", &incarnation],
        ] {
            assert!(events(&entry(fields)).contains(&Event::EVERYTHING), "{fields:?}");
        }
    }

    #[test]
    fn an_unreadable_entry_invalidates_everything() {
        let cases = [
            Value::Null,
            entry(&["h"]),
            entry(&["x", "t:a"]),
            entry(&["h", "z:a"]),
            entry(&["h", "p:nonsense"]),
            entry(&["h", "u:/%"]),
            entry(&["H", "3:t:a4:t:b"]),
            entry(&["H", "3:t:a:t:b"]),
            entry(&["H", "99999999999999999999:t:a"]),
            entry(&["S", "3:z:a"]),
            entry(&["S", "3"]),
            entry(&["S", "1:üa"]),
            Value::Array(vec![Value::from("h"), Value::Bytes(b"t:\xff".as_slice().into())]),
        ];
        for fields in cases {
            assert_eq!(events(&fields), [Event::EVERYTHING], "{fields:?}");
        }
        assert_eq!(events(&entry(&["h", "t:a", "h", "?"])).len(), 2);
    }
}
