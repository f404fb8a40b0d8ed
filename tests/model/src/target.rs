//! The targets of invalidations, and the names of responses.

use larder_core::log::names::Names;
use larder_core::log::selector::{Event, Glob, Mode, Prefix, Selector, Tag, UriName};

/// The number of keys.
pub const KEYS: usize = 2;

/// A value for each key.
pub type PerKey = [u8; KEYS];

/// The selection of an invalidation, limited to the needs of these models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Selection {
    /// One key, by its own tag.
    Key(u8),
    /// All keys, by a common tag.
    Both,
    /// All keys, by a common path.
    Prefix,
    /// One key, by a glob.
    Glob(u8),
    /// One key, by its URI.
    Uri(u8),
    /// Everything.
    All,
    /// Nothing that is stored here.
    Other(u8),
    /// A URI without a stored response.
    OtherUri(u8),
}

/// The target of one invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Target {
    /// The selection.
    pub selection: Selection,
    /// Whether the invalidation is soft.
    pub soft: bool,
}

/// Returns a hard invalidation of this selection.
#[must_use]
pub const fn hard(selection: Selection) -> Target {
    Target { selection, soft: false }
}

/// Returns a soft invalidation of this selection.
#[must_use]
pub const fn soft(selection: Selection) -> Target {
    Target { selection, soft: true }
}

impl Target {
    /// Whether it names the response of this key. This deliberately repeats the logic of the rules
    /// instead of using it.
    #[must_use]
    pub const fn names(self, key: u8) -> bool {
        match self.selection {
            Selection::Key(selected) | Selection::Glob(selected) | Selection::Uri(selected) => {
                selected == key
            }
            Selection::Both | Selection::Prefix | Selection::All => true,
            Selection::Other(_) | Selection::OtherUri(_) => false,
        }
    }

    fn event(self) -> Option<Event> {
        let selector = match self.selection {
            Selection::Key(key) => Tag::new(format!("key:{key}")).into(),
            Selection::Both => Tag::new("both").into(),
            Selection::Prefix => Prefix::new("/things").ok()?.into(),
            Selection::Glob(key) => Glob::new(&format!("*/{key}")).ok()?.into(),
            Selection::Uri(key) => UriName::new(&uri(key)).ok()?.into(),
            Selection::OtherUri(number) => UriName::new(&format!("/others/{number}?q")).ok()?.into(),
            Selection::All => Selector::All,
            Selection::Other(number) => Tag::new(format!("other:{number}")).into(),
        };
        Some(Event { mode: if self.soft { Mode::Soft } else { Mode::Hard }, selector })
    }
}

fn uri(key: u8) -> String {
    format!("/things/{key}?q")
}

/// Every event of a model, and the names of its keys, created once.
#[derive(Debug)]
pub struct Vocabulary {
    events: Vec<(Target, Event)>,
    names: [Names; KEYS],
}

impl Vocabulary {
    /// Creates the vocabulary for these targets, and for *all*, into which outboxes collapse.
    #[must_use]
    pub fn of(targets: impl IntoIterator<Item = Target>) -> Self {
        let others =
            (0..4).flat_map(|number| [hard(Selection::Other(number)), hard(Selection::OtherUri(number))]);
        let targets = targets.into_iter().chain([hard(Selection::All)]).chain(others);
        let names = |key: u8| {
            let path = format!("/things/{key}");
            Names::new(
                &path,
                &[],
                &[UriName::from_parts(None, &path, Some("q"))],
                &[Tag::new(format!("key:{key}")), Tag::new("both")],
            )
        };
        Self {
            events: targets.filter_map(|target| Some((target, target.event()?))).collect(),
            names: [names(0), names(1)],
        }
    }

    /// Returns the event in the log.
    #[must_use]
    pub fn event(&self, target: Target) -> Event {
        let found = self.events.iter().find(|(known, _)| *known == target);
        found.map_or(Event::EVERYTHING, |(_, event)| event.clone())
    }

    /// Returns the target of an event in the log.
    #[must_use]
    pub fn target(&self, event: &Event) -> Target {
        let found = self.events.iter().find(|(_, known)| known == event);
        found.map_or(hard(Selection::All), |(target, _)| *target)
    }

    /// Returns the names of the response of this key.
    #[must_use]
    pub fn names(&self, key: u8) -> &Names {
        &self.names[usize::from(key)]
    }
}
