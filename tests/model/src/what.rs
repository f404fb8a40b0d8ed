//! What is invalidated, and what responses answer to.

use larder_core::log::names::Names;
use larder_core::log::selector::{Event, Glob, Mode, Prefix, Selector, Tag, UriName};

/// How many keys there can be.
pub const KEYS: usize = 2;

/// A value for each key.
pub type PerKey = [u8; KEYS];

/// What an invalidation names, in the few words that these models need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Named {
    /// One key, by a tag of its own.
    Key(u8),
    /// All keys, by the tag that they share.
    Both,
    /// All keys, by the path that they lie under.
    Prefix,
    /// One key, by a glob.
    Glob(u8),
    /// One key, by its URI.
    Uri(u8),
    /// Everything.
    All,
    /// Nothing that is stored here.
    Other(u8),
    /// A URI of which nothing is stored here.
    OtherUri(u8),
}

/// One invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct What {
    /// What it names.
    pub named: Named,
    /// Whether it is a soft one.
    pub soft: bool,
}

/// The hard invalidation of this.
#[must_use]
pub const fn hard(named: Named) -> What {
    What { named, soft: false }
}

/// The soft invalidation of this.
#[must_use]
pub const fn soft(named: Named) -> What {
    What { named, soft: true }
}

impl What {
    /// Whether it names the response of this key. Said here once more on purpose, and not asked of
    /// the rules.
    #[must_use]
    pub const fn names(self, key: u8) -> bool {
        match self.named {
            Named::Key(named) | Named::Glob(named) | Named::Uri(named) => named == key,
            Named::Both | Named::Prefix | Named::All => true,
            Named::Other(_) | Named::OtherUri(_) => false,
        }
    }

    fn event(self) -> Option<Event> {
        let selector = match self.named {
            Named::Key(key) => Tag::new(format!("key:{key}")).into(),
            Named::Both => Tag::new("both").into(),
            Named::Prefix => Prefix::new("/things").ok()?.into(),
            Named::Glob(key) => Glob::new(&format!("*/{key}")).ok()?.into(),
            Named::Uri(key) => UriName::new(&uri(key)).ok()?.into(),
            Named::OtherUri(number) => UriName::new(&format!("/others/{number}?q")).ok()?.into(),
            Named::All => Selector::All,
            Named::Other(number) => Tag::new(format!("other:{number}")).into(),
        };
        Some(Event { mode: if self.soft { Mode::Soft } else { Mode::Hard }, selector })
    }
}

fn uri(key: u8) -> String {
    format!("/things/{key}?q")
}

/// Every event of a model, and the names of its keys, made once.
#[derive(Debug)]
pub struct Words {
    events: Vec<(What, Event)>,
    names: [Names; KEYS],
}

impl Words {
    /// The words for these, and for *all*, which outboxes collapse into.
    #[must_use]
    pub fn of(whats: impl IntoIterator<Item = What>) -> Self {
        let others = (0..4).flat_map(|number| [hard(Named::Other(number)), hard(Named::OtherUri(number))]);
        let whats = whats.into_iter().chain([hard(Named::All)]).chain(others);
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
            events: whats.filter_map(|what| Some((what, what.event()?))).collect(),
            names: [names(0), names(1)],
        }
    }

    /// The event that stands in the log.
    #[must_use]
    pub fn event(&self, what: What) -> Event {
        let found = self.events.iter().find(|(known, _)| *known == what);
        found.map_or(Event::EVERYTHING, |(_, event)| event.clone())
    }

    /// What an event of the log is here.
    #[must_use]
    pub fn what(&self, event: &Event) -> What {
        let found = self.events.iter().find(|(_, known)| known == event);
        found.map_or(hard(Named::All), |(what, _)| *what)
    }

    /// What a response of this key answers to.
    #[must_use]
    pub fn names(&self, key: u8) -> &Names {
        &self.names[usize::from(key)]
    }
}
