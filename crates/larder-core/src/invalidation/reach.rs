//! The reach of an invalidation before it is appended.

use super::names::Names;
use super::position::{Incarnation, Position};
use super::selector::Event;
use super::table::Verdict;
use super::tail::{Limits, Tail};
use crate::time::BootTime;

/// The stored responses and values that some events would reach.
///
/// This is a log of its own, which has these events and nothing else. So a response is reached if
/// the table of that log says so, by the same comparison as later in the log of the cache.
///
/// # Examples
///
/// ```
/// use larder_core::invalidation::names::Names;
/// use larder_core::invalidation::reach::Reach;
/// use larder_core::invalidation::selector::{Event, Mode, Prefix};
///
/// let event = Event { mode: Mode::Soft, selector: Prefix::new("/products")?.into() };
/// let reach = Reach::of(&[event]);
/// assert!(reach.has(&Names::new("/products/42", &[], &[], &[])));
/// assert!(!reach.has(&Names::new("/users/42", &[], &[], &[])));
/// # Ok::<(), larder_core::invalidation::selector::SelectorError>(())
/// ```
#[derive(Debug)]
pub struct Reach {
    log: Tail,
    /// The position of everything that is stored before the events.
    before: Position,
}

impl Reach {
    /// Returns the reach of these events together.
    #[must_use]
    pub fn of(events: &[Event]) -> Self {
        // No event is forgotten, or folded into a coarser name: a rank gets at least an eighth.
        let most = events.len().max(1);
        let limits = Limits { rows: most.saturating_mul(8), globs: most, outbox: 1 };
        let mut log = Tail::local(Incarnation::from_bytes([0; 16]), limits);
        let before = log.position();
        log.record(events, BootTime::ZERO);
        Self { log, before }
    }

    /// Whether the events reach something with these names.
    #[must_use]
    pub fn has(&self, names: &Names) -> bool {
        self.log.check(&self.before, names, BootTime::ZERO) != Verdict::Valid
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::selector::{Glob, Mode, PathName, Prefix, Selector, Tag, UriName};

    fn hard(selector: impl Into<Selector>) -> Event {
        Event { mode: Mode::Hard, selector: selector.into() }
    }

    #[test]
    fn each_kind_of_selector_reaches_what_it_names() {
        let uri = UriName::new("//shop/a/b?c").unwrap();
        let page = Names::new("/a/b", &["k".into()], std::slice::from_ref(&uri), &[Tag::new("t")]);
        let value = Names::of_value("k", &[Tag::new("t")]);
        let cases = [
            (hard(Tag::new("t")), true, true),
            (hard(Tag::new("u")), false, false),
            (hard(Selector::Key("k".into())), true, true),
            (hard(uri), true, false),
            (hard(UriName::new("/a/b?c").unwrap()), false, false),
            (hard(PathName::new("/a/b").unwrap()), true, false),
            (hard(Prefix::new("/a").unwrap()), true, false),
            (hard(Prefix::new("/b").unwrap()), false, false),
            (hard(Glob::new("/*/b").unwrap()), true, false),
            (hard(Glob::new("/*/c").unwrap()), false, false),
            (hard(Selector::All), true, true),
            (Event { mode: Mode::Soft, selector: Tag::new("t").into() }, true, true),
        ];
        for (event, of_page, of_value) in cases {
            let reach = Reach::of(std::slice::from_ref(&event));
            assert_eq!((reach.has(&page), reach.has(&value)), (of_page, of_value), "{event:?}");
        }
        assert!(!Reach::of(&[]).has(&page));
    }

    /// A full table folds URIs into their path, and paths into their directory.
    #[test]
    fn no_name_is_folded_into_a_coarser_one() {
        let uris = || ["/a?1", "/a?2"].map(|uri| hard(UriName::new(uri).unwrap()));
        let paths = || ["/b", "/c"].map(|path| hard(PathName::new(path).unwrap()));
        let others = ["/a", "/d"].map(|path| Names::new(path, &[], &[], &[]));
        for events in [&uris()[..], &paths(), &[uris(), paths()].concat()] {
            let reach = Reach::of(events);
            assert!(others.iter().all(|names| !reach.has(names)), "{events:?}");
        }
    }

    /// A table that forgets a name refuses everything older, which the events do not reach.
    #[test]
    fn no_event_is_forgotten_however_many_there_are() {
        let tag = |n: usize| hard(Tag::new(format!("t{n}")));
        let glob = |n: usize| hard(Glob::new(&format!("/x{n}*")).unwrap());
        let uri = |n: usize| hard(UriName::new(&format!("/y/{n}?q")).unwrap());
        let events: Vec<_> = (0..2_000).flat_map(|n| [tag(n), glob(n), uri(n)]).collect();
        let reach = Reach::of(&events);
        assert!(!reach.has(&Names::new("/other", &[], &[], &[Tag::new("u")])));
        assert!(!reach.has(&Names::new("/y/0", &[], &[], &[])), "a URI is not folded into its path");
        for n in [0, 1_999] {
            assert!(reach.has(&Names::new("/", &[], &[], &[Tag::new(format!("t{n}"))])));
            assert!(reach.has(&Names::new(&format!("/x{n}/a"), &[], &[], &[])));
        }
    }
}
