use super::*;
use crate::invalidation::selector::{PathName, Prefix, Selector};

/// Unpacks names whose digests are three bytes after their texts.
fn unpacked(texts: &[u8], digests: &[u8]) -> Option<Names> {
    let buffer = [texts, b"???", digests].concat();
    Names::unpack(buffer.into(), texts.len(), texts.len() + 3)
}

#[test]
fn tags_add_up_where_all_else_is_the_same() {
    let names = |path: &str, key: &str, uri: &str, tags: &[&str]| {
        let tags: Vec<_> = tags.iter().map(|tag| Tag::new(*tag)).collect();
        Names::new(path, &[key.into()], &[UriName::new(uri).unwrap()], &tags)
    };
    let one = names("/a/../b", "k", "/u", &["x", "y"]);
    let both = one.with_tags_of(&names("/a/../b", "k", "/u", &["z", "x"]));
    assert_eq!(both, Some(names("/a/../b", "k", "/u", &["x", "y", "z"])));
    let path = "/a/../b";
    for other in [names("/b", "k", "/u", &[]), names(path, "l", "/u", &[]), names(path, "k", "/v", &[])] {
        assert_eq!(one.with_tags_of(&other), None);
    }
}

#[test]
fn the_tags_of_values_add_up_where_the_key_is_the_same() {
    let value =
        |key, tags: &[&str]| Names::of_value(key, &tags.iter().map(|tag| Tag::new(*tag)).collect::<Vec<_>>());
    let both = value("k", &["x", "y"]).with_tags_of(&value("k", &["z", "x"]));
    assert_eq!(both, Some(value("k", &["x", "y", "z"])));
    assert_eq!(value("k", &[]).with_tags_of(&value("l", &[])), None);
    let response = Names::new("", &["k".into()], &[], &[]);
    assert_eq!(value("k", &[]).with_tags_of(&response), None);
    assert_eq!(response.with_tags_of(&value("k", &[])), None);
}

#[test]
fn a_value_is_named_by_its_key_its_tags_and_all_and_by_nothing_else() {
    let names = Names::of_value("/a", &[Tag::new("t"), Tag::new("ü")]);
    let expected = [Selector::Key("/a".into()), Tag::new("t").into(), Tag::new("ü").into()];
    let digests: Vec<_> = expected.iter().map(|selector| selector.digest().unwrap()).collect();
    assert_eq!(names.digests().collect::<Vec<_>>(), digests);
    let others = [
        Selector::Key("t".into()),
        Tag::new("/a").into(),
        UriName::new("/a").unwrap().into(),
        PathName::new("/a").unwrap().into(),
        Prefix::new("/a").unwrap().into(),
        Prefix::new("/").unwrap().into(),
    ];
    for other in others {
        assert!(names.digests().all(|digest| Some(digest) != other.digest()), "{other}");
    }
    // The second one matches every path.
    for pattern in ["/a", "/*"] {
        assert!(!names.matches(&Glob::new(pattern).unwrap()), "{pattern}");
    }
    assert_eq!(names.path(), "");
    assert_eq!(names.tags().collect::<Vec<_>>(), [Tag::new("t"), Tag::new("ü")]);
    assert_eq!(unpacked(names.packed(), names.packed_digests()), Some(names));
}

#[test]
fn a_response_is_found_by_every_selector_that_names_it_and_by_no_other() {
    let names = Names::new(
        "/products/42",
        &["product-42".into()],
        &["/products/42?a=1", "http://shop/products/42?a=1"].map(|uri| UriName::new(uri).unwrap()),
        &[Tag::new("product:42")],
    );
    let named = |selector: Selector| names.digests().any(|digest| digest == selector.digest().unwrap());
    assert!(named(Tag::new("product:42").into()));
    assert!(named(Selector::Key("product-42".into())));
    assert!(named(UriName::new("/products/42?a=1").unwrap().into()));
    assert!(named(UriName::new("https://SHOP:443/products/42?a=1").unwrap().into()));
    assert!(named(PathName::new("/products/42").unwrap().into()));
    assert!(!named(PathName::new("/products").unwrap().into()));
    assert!(!named(PathName::new("/products/42/").unwrap().into()));
    for path in ["/", "/products", "/products/", "/products/42"] {
        assert!(named(Prefix::new(path).unwrap().into()), "{path}");
    }
    // A key that is spelled like a tag is not that tag.
    assert!(!named(Selector::Key("product:42".into())));
    assert!(!named(Tag::new("product-42").into()));
    assert!(!named(Prefix::new("/products/4").unwrap().into()));
    assert!(!named(UriName::new("/products/42").unwrap().into()));
}

/// This includes a URI with a path other than the response's own.
///
/// A layer further in may have given it.
#[test]
fn a_response_has_every_name_that_one_of_its_names_can_be_folded_into() {
    let deep = format!("/deep{}/x?y", "/a//b".repeat(30));
    let uris = ["/a/b/c?d", "http://shop/e/f/g", "/h", "/", "/.//i//j/", &deep];
    let uris = uris.map(|text| UriName::new(text).unwrap());
    let names = Names::new("/k/../l/m", &[], &uris, &[]);
    let paths = ["/k/../l/m", "/l/m"].map(Lineage::at);
    for lineage in paths.into_iter().chain(uris.iter().map(Lineage::of_uri)) {
        assert!(lineage.ancestors().count() >= 2);
        assert!(lineage.ancestors().all(|ancestor| names.digests().any(|digest| digest == ancestor)));
    }
}

#[test]
fn a_path_is_named_in_every_spelling_and_by_what_it_resolves_to() {
    let names = Names::new("/x/%2e%2E/caf%c3%a9", &[], &[], &[]);
    let named = |path| {
        let digest = Selector::Prefix(Prefix::new(path).unwrap()).digest();
        names.digests().any(|known| Some(known) == digest)
    };
    for (path, expected) in [("/", true), ("/x", true), ("/café", true), ("/y/../caf%C3%A9", true)]
        .into_iter()
        .chain([("/x/café", false), ("/c", false)])
    {
        assert_eq!(named(path), expected, "{path}");
    }
    for (pattern, expected) in [("/caf*", true), ("/x/*", true), ("/*é", true), ("/x/caf*", false)] {
        assert_eq!(names.matches(&Glob::new(pattern).unwrap()), expected, "{pattern}");
    }
    assert_eq!(unpacked(names.packed(), names.packed_digests()), Some(names));
}

#[test]
fn packed_names_are_what_they_were_and_nothing_else_is_taken_for_names() {
    let names =
        Names::new("/a", &["k".into()], &[UriName::new("/a?b").unwrap()], &[Tag::new("t"), Tag::new("ü")]);
    let again = unpacked(names.packed(), names.packed_digests());
    assert_eq!(again.as_ref(), Some(&names));
    assert_eq!((names.path(), names.tags().collect::<Vec<_>>()), ("/a", vec![Tag::new("t"), Tag::new("ü")]));
    let unreadable: [&[u8]; 9] = [
        b"",
        b"p",
        b"p\x01\0\0\0",
        b"t\x01\0\0\0x",
        b"p\x01\0\0\0\xff",
        b"p\0\0\0\0t\xff\xff\xff\xff",
        // A value, which has no path and no URI.
        b"k\x01\0\0\0\xff",
        b"k\x01\0\0\0xp\x01\0\0\0/",
        b"k\x01\0\0\0xu\x01\0\0\0/",
    ];
    for packed in unreadable {
        assert_eq!(unpacked(packed, &[]), None, "{packed:?}");
    }
    let half_a_digest = &names.packed_digests()[..DIGEST_LEN / 2];
    assert_eq!(unpacked(names.packed(), half_a_digest), None);
}
