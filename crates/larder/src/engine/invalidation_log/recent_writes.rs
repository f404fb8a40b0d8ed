//! The writes of the last minute, to detect a flood of writes under one path or in one directory.
//!
//! Each write invalidates its URI. In a flood, the writes invalidate the path or the directory
//! instead.

mod window;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arrayvec::ArrayVec;
use larder_core::log::selector::{HashedName, PathName, Selector, UriName};
use larder_core::time::Boot;

use crate::engine::invalidation_log::recent_writes::window::{Bitmap, WindowTable};

/// Maximum number of URIs under one path that writes name within a minute.
///
/// Later writes name the path.
const MAX_URIS: usize = 16;
/// Maximum number of paths that are remembered.
const MAX_PATHS: usize = 1_024;
/// Maximum number of directories that are remembered. Each takes a kilobyte.
const MAX_DIRECTORIES: usize = 256;
const WINDOW: Duration = Duration::from_secs(60);

/// The URIs and paths of recent writes, as hashes.
///
/// If two hashes are equal, a write may name more than it changes.
#[derive(Default)]
pub(crate) struct RecentWrites {
    hasher: RandomState,
    places: Mutex<Recent>,
}

struct Recent {
    /// The URIs under each path.
    paths: WindowTable<ArrayVec<u64, MAX_URIS>>,
    /// The paths in each directory.
    directories: WindowTable<Bitmap>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { paths: WindowTable::new(MAX_PATHS), directories: WindowTable::new(MAX_DIRECTORIES) }
    }
}

impl RecentWrites {
    /// Returns these selectors, with a path or directory in place of each URI in a flood of writes.
    ///
    /// A client can write to a path with any query, and to any path of a route with parameters. One
    /// name for all of these writes bounds the log. The cost is one more fill for each stored
    /// response with another query under that path. A directory is named after about four thousand
    /// paths. That is a second or two of a flood, or a rare minute of honest writes.
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
        // Nothing is stored under a path that is too long.
        let Some(path) = uri.path() else { return Selector::Uri(uri) };
        let (path_is_full, directory_is_full) = self.record(&path, &uri, now);
        if directory_is_full {
            Selector::Hashed(HashedName::directory_of(&path))
        } else if path_is_full {
            Selector::Path(path)
        } else {
            Selector::Uri(uri)
        }
    }

    /// Records a write to this URI.
    ///
    /// The first result is whether its path has too many other URIs already, the second whether its
    /// directory has too many other paths.
    fn record(&self, path: &PathName, uri: &UriName, now: Boot) -> (bool, bool) {
        let directory = HashedName::directory_of(path);
        let [path, uri, directory] = [
            self.hasher.hash_one(path.as_str()),
            self.hasher.hash_one(uri.as_str()),
            self.hasher.hash_one(directory),
        ];
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let uris = places.paths.at(path, now);
        let path_is_full = !uris.contains(&uri) && uris.try_push(uri).is_err();
        (path_is_full, places.directories.at(directory, now).add(path).is_err())
    }
}

#[cfg(test)]
mod tests {
    use larder_core::log::selector::Tag;

    use super::*;
    use crate::testing::after;
    use crate::testing::now;

    fn uri(text: &str) -> Selector {
        Selector::Uri(UriName::new(text).unwrap())
    }

    fn path(text: &str) -> Selector {
        Selector::Path(PathName::new(text).unwrap())
    }

    fn name_of(recent: &RecentWrites, text: &str, now: Boot) -> Selector {
        recent.collapse(vec![uri(text)], now).remove(0)
    }

    /// The host makes no difference, because a client can make up a host as easily as a query.
    #[test]
    fn after_some_uris_under_one_path_it_is_the_path_for_the_rest_of_the_minute() {
        let recent = RecentWrites::default();
        for number in 0..MAX_URIS {
            let text = format!("http://h{number}/a?{number}");
            assert_eq!(name_of(&recent, &text, now()), uri(&text));
        }
        assert_eq!(name_of(&recent, "/a?x", now()), path("/a"));
        assert_eq!(name_of(&recent, "http://h0/a?0", now()), uri("http://h0/a?0"), "it is one of them");
        assert_eq!(name_of(&recent, "/b?x", now()), uri("/b?x"));
        assert_eq!(name_of(&recent, "/a?x", after(WINDOW - Duration::from_nanos(1))), path("/a"));
        assert_eq!(name_of(&recent, "/a?x", after(WINDOW)), uri("/a?x"));
    }

    #[test]
    fn after_thousands_of_paths_in_one_directory_it_is_the_directory_for_the_rest_of_the_minute() {
        let recent = RecentWrites::default();
        let directory = |path| Selector::Hashed(HashedName::directory_of(&PathName::new(path).unwrap()));
        let made = |number: usize| format!("http://shop/made/{number}?q");
        let first =
            (0..10_000).find(|number| name_of(&recent, &made(*number), now()) == directory("/made/x"));
        assert!(first.is_some_and(|first| (3_500..5_000).contains(&first)), "{first:?}");
        assert_eq!(name_of(&recent, &made(10_000), now()), directory("/made/x"));
        assert_eq!(name_of(&recent, &made(0), now()), directory("/made/x"));
        for elsewhere in ["/made", "/other/1", "/made/1/2"] {
            assert_eq!(name_of(&recent, elsewhere, now()), uri(elsewhere));
        }
        assert_eq!(name_of(&recent, &made(10_000), after(WINDOW)), uri(&made(10_000)));
    }

    #[test]
    fn of_several_names_each_is_named_once_and_what_is_no_uri_stays() {
        let recent = RecentWrites::default();
        for number in 0..MAX_URIS {
            name_of(&recent, &format!("/a?{number}"), now());
        }
        let tag = || Selector::Tag(Tag::new("t"));
        let selectors = vec![uri("/a?x"), tag(), uri("/a?y"), uri("/b")];
        assert_eq!(recent.collapse(selectors, now()), [path("/a"), tag(), uri("/b")]);
    }

    #[test]
    fn it_remembers_so_many_paths_and_forgets_the_oldest() {
        let recent = RecentWrites::default();
        for number in 0..=MAX_URIS {
            name_of(&recent, &format!("/a?{number}"), now());
        }
        for number in 0..MAX_PATHS {
            assert_eq!(name_of(&recent, "/a?x", now()), path("/a"));
            name_of(&recent, &format!("/{number}"), after(Duration::from_secs(1)));
        }
        assert_eq!(name_of(&recent, "/a?x", now()), uri("/a?x"));
    }
}
