//! Random entries: those of Larder, those with a changed byte, and those of other programs.

use larder_core::invalidation::selector::{Glob, HashedName, PathName, Prefix, Tag, UriName};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn selector() -> impl Strategy<Value = Selector> {
    prop_oneof![
        ".{0,20}".prop_map(|tag| Tag::new(tag).into()),
        // Texts that look like the fields of other events.
        "([0-9]{1,2}:)?[tkpa]:[0-9]{0,2}".prop_map(|tag| Tag::new(tag).into()),
        ".{0,20}".prop_map(|key| Selector::Key(key.into())),
        path().prop_filter_map("a URI", |path| Some(UriName::new(&path).ok()?.into())),
        path().prop_filter_map("a path", |path| Some(PathName::new(&path).ok()?.into())),
        path().prop_filter_map("a prefix", |path| Some(Prefix::new(&path).ok()?.into())),
        path().prop_filter_map("a glob", |path| Some(Glob::new(&format!("{path}*")).ok()?.into())),
        path().prop_filter_map("a digest", |path| {
            Some(Selector::Hashed(HashedName::directory_of(&PathName::new(&path).ok()?)))
        }),
        Just(Selector::All),
    ]
}

fn path() -> impl Strategy<Value = String> {
    "(/[a-zé%2]{0,8}){1,4}(\\?[a-z=]{1,8})?"
}

fn event() -> impl Strategy<Value = Event> {
    let mode = prop_oneof![Just(Mode::Hard), Just(Mode::Soft)];
    (mode, selector()).prop_map(|(mode, selector)| Event { mode, selector })
}

/// Returns the names and values of an entry with these events.
fn written(events: &[Event]) -> Vec<Vec<u8>> {
    fields(events).iter().map(|value| reply::bytes(value).unwrap().to_vec()).collect()
}

/// Reads an entry as the server answers with it.
fn read(fields: &[Vec<u8>]) -> Vec<Event> {
    let answered = |field: &Vec<u8>| match String::from_utf8(field.clone()) {
        Ok(text) => Value::from(text),
        Err(_) => Value::Bytes(field.clone().into()),
    };
    events(&Value::Array(fields.iter().map(answered).collect()))
}

/// Changes one byte. Returns the index of the field that it is in.
fn change(fields: &mut [Vec<u8>], at: Index, to: u8) -> usize {
    let bytes = fields.iter_mut().enumerate().flat_map(|(index, field)| {
        let field = field.iter_mut();
        field.map(move |byte| (index / 2, byte))
    });
    let mut bytes: Vec<_> = bytes.collect();
    let at = at.index(bytes.len());
    let (field, byte) = &mut bytes[at];
    // The byte becomes another one.
    **byte = if **byte == to { to.wrapping_add(1) } else { to };
    *field
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        any::<bool>().prop_map(Value::Boolean),
        ".{0,8}".prop_map(Value::from),
        "[hsHSi]".prop_map(Value::from),
        "([0-9]{1,20}:)?[tkuxpga#]:.{0,8}".prop_map(Value::from),
        any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(2, 32, 8, |inner| proptest::collection::vec(inner, 0..8).prop_map(Value::Array))
}

proptest! {
    #[test]
    fn every_entry_reads_what_it_writes(all in proptest::collection::vec(event(), 0..8)) {
        prop_assert_eq!(read(&written(&all)), all);
    }

    /// Any entry of another program is read. Each of its fields names something, or is empty.
    #[test]
    fn any_entry_is_read(entry in value()) {
        let read = events(&entry);
        match reply::parts(&entry).filter(|fields| fields.len() % 2 == 0) {
            Some(fields) if is_beginning(fields) => prop_assert!(read.is_empty()),
            Some(fields) => {
                let full = fields.chunks(2).filter(|pair| reply::text(&pair[1]) != Some(""));
                prop_assert!(read.len() >= full.count(), "{:?}", read);
            }
            None => prop_assert_eq!(read, [Event::EVERYTHING]),
        }
    }

    /// A changed byte may make another name of a name. It never makes an event vanish, and the
    /// events of other fields stay.
    #[test]
    fn a_changed_byte_loses_no_event(
        all in proptest::collection::vec(event(), 1..=8),
        at in any::<Index>(),
        to in any::<u8>(),
    ) {
        let mut entry = written(&all);
        let changed = change(&mut entry, at, to);
        let read = read(&entry);
        prop_assert_eq!(read.len(), all.len());
        for (index, event) in all.iter().enumerate().filter(|(index, _)| *index != changed) {
            prop_assert_eq!(&read[index], event);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn fields_with_many_events_read_what_they_write(
        all in proptest::collection::vec(event(), MAX_SINGLE + 1..MAX_SINGLE + 10),
    ) {
        prop_assert_eq!(read(&written(&all)), all);
    }

    /// In a field with many events, a wrong length moves the bounds of those that follow. They are
    /// read as everything, unless the bytes there happen to be a name with its length.
    #[test]
    fn a_changed_byte_in_a_field_with_many_events_changes_no_other_field(
        hard in proptest::collection::vec(selector(), MAX_SINGLE..MAX_SINGLE + 10),
        soft in proptest::collection::vec(selector(), 1..10),
        at in any::<Index>(),
        to in any::<u8>(),
    ) {
        let with = |mode, all: Vec<Selector>| {
            all.into_iter().map(|selector| Event { mode, selector }).collect::<Vec<_>>()
        };
        let (hard, soft) = (with(Mode::Hard, hard), with(Mode::Soft, soft));
        let mut entry = written(&[hard.clone(), soft.clone()].concat());
        let changed = change(&mut entry, at, to);
        let read = read(&entry);
        let (other, is_kept) = match changed {
            0 => (&soft, read.ends_with(&soft)),
            _ => (&hard, read.starts_with(&hard)),
        };
        prop_assert!(is_kept && read.len() > other.len(), "{:?}", read);
    }
}
