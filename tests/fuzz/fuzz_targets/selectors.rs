//! Selectors from arbitrary bytes in a log, and globs compared with a slow and simple matcher.
#![no_main]

use larder_core::invalidation::names::Names;
use larder_core::invalidation::selector::{Glob, HashedName, PathName, Prefix, Selector, Tag, UriName};
use larder_core::key::normalize;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (String, String)| {
    let (text, path) = input;
    if let Ok(selector) = text.parse::<Selector>() {
        let again = selector.to_text().parse();
        assert_eq!(again.as_ref(), Ok(&selector), "what was read can be written");
        let _ = selector.digest();
        let _ = selector.names_key(&path);
    }
    for selector in [
        Some(Selector::Tag(Tag::new(text.as_str()))),
        Some(Selector::Key(text.as_str().into())),
        UriName::new(&text).ok().map(Selector::Uri),
        Some(Selector::Uri(UriName::from_parts(Some(&text), &path, Some(&text)))),
        Some(Selector::Uri(UriName::from_parts(None, &path, None))),
        PathName::new(&text).ok().map(Selector::Path),
        PathName::new(&text).ok().map(|path| Selector::Hashed(HashedName::directory_of(&path))),
        UriName::new(&text).ok().and_then(|uri| Selector::Uri(uri).bounded()),
        Prefix::new(&text).ok().map(Selector::Prefix),
        Glob::new(&text).ok().map(Selector::Glob),
    ]
    .into_iter()
    .flatten()
    {
        assert_eq!(selector.to_text().parse(), Ok(selector), "it arrives as it was sent");
    }
    a_prefix_names_what_is_below_it(&text, &path);
    a_glob_matches_what_it_says(&text, &path);
    packed_names_are_read_back(&text, &path);
});

/// Checks that a prefix matches the same paths whether it was created here or read from the log in
/// another spelling.
fn a_prefix_names_what_is_below_it(text: &str, path: &str) {
    let Ok(prefix) = Prefix::new(text) else { return };
    let read: Selector = format!("p:{text}").parse().expect("a prefix");
    let made = Selector::Prefix(prefix);
    assert_eq!(read.digest(), made.digest());
    let below = format!("{}/{path}", text.trim_end_matches('/'));
    // If both have dot segments, the path may lead out of the prefix again.
    let has_dots = |path: &str| normalize::path(path) != normalize::path_with_dots(path);
    let leads_out = has_dots(text) && has_dots(path);
    for path in [Some(text), (!leads_out).then_some(below.as_str())].into_iter().flatten() {
        let names = Names::new(path, &[], &[], &[]);
        assert!(names.digests().any(|known| Some(known) == made.digest()), "{text} names {path}");
    }
}

fn a_glob_matches_what_it_says(pattern: &str, path: &str) {
    // The simple matcher takes time proportional to the product of the lengths.
    if pattern.len() > 200 || path.len() > 200 {
        return;
    }
    if let Ok(glob) = Glob::new(pattern) {
        let text = Selector::Glob(glob.clone()).to_text();
        let pattern = text.strip_prefix("g:").expect("a glob");
        assert_eq!(glob.matches(path), matches(pattern.as_bytes(), path.as_bytes()), "{pattern} on {path}");
    }
}

/// Whether the pattern matches the whole path, computed row by row.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let mut row: Vec<bool> = (0..=path.len()).map(|at| at == 0).collect();
    for &sign in pattern {
        let mut next = vec![false; row.len()];
        for at in 0..row.len() {
            next[at] = if sign == b'*' {
                row[at] || (at > 0 && next[at - 1])
            } else {
                at > 0 && row[at - 1] && path[at - 1] == sign
            };
        }
        row = next;
    }
    row[path.len()]
}

fn packed_names_are_read_back(text: &str, path: &str) {
    let uri = UriName::from_parts(Some(text), path, None);
    let names = Names::new(path, &[text.into()], &[uri], &[Tag::new(text)]);
    let (texts, digests) = (names.packed(), names.packed_digests());
    let again = Names::unpack([texts, digests].concat().into(), texts.len(), texts.len());
    assert_eq!(again.as_ref(), Some(&names));
    let text = bytes::Bytes::copy_from_slice(text.as_bytes());
    let _ = Names::unpack(text.clone(), text.len(), text.len());
}
