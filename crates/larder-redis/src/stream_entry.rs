//! The form of events in an entry of the Stream.
//!
//! Each event is one field, with the event's mode as the name and its selector as the value.

use fred::types::Value;
use larder_core::invalidation::selector::{Event, Mode, Selector};

use crate::reply;

const HARD: &str = "h";
const SOFT: &str = "s";
/// The field name in the first entry of an incarnation, which has no event.
const BEGINNING: &str = "i";

/// Returns the fields and values of an entry with these events.
pub(crate) fn fields(events: &[Event]) -> impl Iterator<Item = Value> + '_ {
    events.iter().flat_map(|event| {
        let mode = match event.mode {
            Mode::Hard => HARD,
            Mode::Soft => SOFT,
        };
        [Value::from_static_str(mode), Value::from(event.selector.to_text())]
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
    pairs
        .chunks_exact(2)
        .filter(|pair| reply::text(&pair[0]) != Some(BEGINNING))
        .map(|pair| event(&pair[0], &pair[1]).unwrap_or(Event::EVERYTHING))
        .collect()
}

fn event(mode: &Value, selector: &Value) -> Option<Event> {
    let mode = match reply::text(mode)? {
        HARD => Mode::Hard,
        SOFT => Mode::Soft,
        _ => return None,
    };
    let selector: Selector = reply::text(selector)?.parse().ok()?;
    Some(Event { mode, selector })
}

#[cfg(test)]
mod tests {
    use larder_core::invalidation::selector::Tag;

    use super::*;

    fn entry(fields: &[&str]) -> Value {
        Value::Array(fields.iter().map(|field| Value::from(*field)).collect())
    }

    #[test]
    fn events_are_read_as_they_were_written() {
        let written = [
            Event { mode: Mode::Hard, selector: Tag::new("product:42").into() },
            Event { mode: Mode::Soft, selector: Selector::All },
        ];
        let entry = Value::Array(fields(&written).collect());
        assert_eq!(events(&entry), written);
    }

    #[test]
    fn the_beginning_of_an_incarnation_names_nothing() {
        assert_eq!(events(&entry(&["i", "00"])), []);
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
            Value::Array(vec![Value::from("h"), Value::Bytes(b"t:\xff".as_slice().into())]),
        ];
        for fields in cases {
            assert_eq!(events(&fields), [Event::EVERYTHING], "{fields:?}");
        }
        assert_eq!(events(&entry(&["h", "t:a", "h", "?"])).len(), 2);
    }
}
