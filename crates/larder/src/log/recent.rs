//! Writes of the last minute: a flood of them under one path names the path.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arrayvec::ArrayVec;
use larder_core::log::selector::{Selector, UriName};
use larder_core::time::Boot;

/// How many URIs under one path writes may name within a minute. Further ones name the path.
const MAX_URIS: usize = 16;
const WINDOW: Duration = Duration::from_secs(60);
/// How many paths are remembered.
const MAX_PATHS: usize = 1_024;

/// Which URIs were written to, by path, as hashes. Two that share one make a write name more, never less.
#[derive(Default)]
pub(crate) struct RecentWrites {
    hasher: RandomState,
    paths: Mutex<HashMap<u64, Recent>>,
}

/// The URIs under one path since some moment.
struct Recent {
    since: Boot,
    uris: ArrayVec<u64, MAX_URIS>,
}

impl RecentWrites {
    /// What writes of now to these name, where each URI of a path that is flooded becomes that path.
    ///
    /// Anybody can write to a path with any query. One name for all of them bounds the log, and a stored response with
    /// another query under that path is filled once more.
    pub(crate) fn collapse(&self, selectors: Vec<Selector>, now: Boot) -> Vec<Selector> {
        let mut collapsed: Vec<Selector> = Vec::with_capacity(selectors.len());
        for selector in selectors {
            let selector = match selector {
                Selector::Uri(uri) => self.name(uri, now),
                other => other,
            };
            if !collapsed.contains(&selector) {
                collapsed.push(selector);
            }
        }
        collapsed
    }

    fn name(&self, uri: UriName, now: Boot) -> Selector {
        match uri.path() {
            Some(path) if self.is_flooded(path.as_str(), uri.as_str(), now) => Selector::Path(path),
            // A path that is too long has nothing stored under it.
            _ => Selector::Uri(uri),
        }
    }

    /// Notes a write to this URI. Whether there were too many others under its path.
    fn is_flooded(&self, path: &str, uri: &str, now: Boot) -> bool {
        let (path, uri) = (self.hasher.hash_one(path), self.hasher.hash_one(uri));
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        if paths.len() >= MAX_PATHS && !paths.contains_key(&path) {
            let oldest = paths.iter().min_by_key(|(_, recent)| recent.since).map(|(path, _)| *path);
            oldest.and_then(|oldest| paths.remove(&oldest));
        }
        let recent = paths.entry(path).or_insert_with(|| Recent::new(now));
        if now.saturating_since(recent.since) >= WINDOW {
            *recent = Recent::new(now);
        }
        !recent.uris.contains(&uri) && recent.uris.try_push(uri).is_err()
    }
}

impl Recent {
    fn new(now: Boot) -> Self {
        Self { since: now, uris: ArrayVec::new() }
    }
}

#[cfg(test)]
mod tests {
    use larder_core::log::selector::{PathName, Tag};

    use super::*;
    use crate::testing::{after, now};

    fn uri(text: &str) -> Selector {
        Selector::Uri(UriName::new(text).unwrap())
    }

    fn path(text: &str) -> Selector {
        Selector::Path(PathName::new(text).unwrap())
    }

    fn named(recent: &RecentWrites, text: &str, now: Boot) -> Selector {
        recent.collapse(vec![uri(text)], now).remove(0)
    }

    /// Whatever host it is for: that is made up as easily.
    #[test]
    fn after_some_uris_under_one_path_it_is_the_path_for_the_rest_of_the_minute() {
        let recent = RecentWrites::default();
        for number in 0..MAX_URIS {
            let text = format!("http://h{number}/a?{number}");
            assert_eq!(named(&recent, &text, now()), uri(&text));
        }
        assert_eq!(named(&recent, "/a?x", now()), path("/a"));
        assert_eq!(named(&recent, "http://h0/a?0", now()), uri("http://h0/a?0"), "it is one of them");
        assert_eq!(named(&recent, "/b?x", now()), uri("/b?x"));
        assert_eq!(named(&recent, "/a?x", after(WINDOW - Duration::from_nanos(1))), path("/a"));
        assert_eq!(named(&recent, "/a?x", after(WINDOW)), uri("/a?x"));
    }

    #[test]
    fn of_several_names_each_is_named_once_and_what_is_no_uri_stays() {
        let recent = RecentWrites::default();
        for number in 0..MAX_URIS {
            named(&recent, &format!("/a?{number}"), now());
        }
        let tag = || Selector::Tag(Tag::new("t"));
        let selectors = vec![uri("/a?x"), tag(), uri("/a?y"), uri("/b")];
        assert_eq!(recent.collapse(selectors, now()), [path("/a"), tag(), uri("/b")]);
    }

    #[test]
    fn it_remembers_so_many_paths_and_forgets_the_oldest() {
        let recent = RecentWrites::default();
        for number in 0..=MAX_URIS {
            named(&recent, &format!("/a?{number}"), now());
        }
        for number in 0..MAX_PATHS {
            assert_eq!(named(&recent, "/a?x", now()), path("/a"));
            let text = format!("/{number}");
            named(&recent, &text, after(Duration::from_secs(1)));
        }
        assert_eq!(recent.paths.lock().unwrap().len(), MAX_PATHS);
        assert_eq!(named(&recent, "/a?x", now()), uri("/a?x"));
    }
}
