use super::*;

#[test]
fn every_selector_reads_what_it_writes() {
    let selectors = [
        Selector::Tag(Tag::new("product:42")),
        Selector::Key("user:7".into()),
        Selector::Uri(UriName::new("https://Shop.Example:443/a?b=c").unwrap()),
        Selector::Path(PathName::new("/a/").unwrap()),
        Selector::Hashed(HashedName::directory_of(&PathName::new("/a/b").unwrap())),
        Selector::Prefix(Prefix::new("/api/").unwrap()),
        Selector::Glob(Glob::new("/a/*").unwrap()),
        Selector::All,
    ];
    for selector in selectors {
        assert_eq!(selector.to_string().parse(), Ok(selector));
    }
    // A path of slashes that is cut off has slashes at its end.
    let slashes = Selector::Prefix(Prefix::new(&format!("/a{}b", "/".repeat(100))).unwrap());
    assert_eq!(slashes.to_text().parse(), Ok(slashes));
}

#[test]
fn a_selector_is_read_in_any_spelling_and_written_in_one() {
    for (text, expected) in [
        ("p:/api/", "p:/api"),
        ("p:/", "p:/"),
        ("p:///", "p:/"),
        ("p:/caf%c3%a9/./x", "p:/caf%C3%A9/x"),
        ("p://x/y", "p://x/y"),
        ("u:https://Shop.Example:443/a", "u://shop.example/a"),
        // The name of a request with a host that is not valid.
        ("u://me@a%7Cb/a", "u://me@a%7Cb/a"),
        ("g:*/caf%c3%a9", "g:*/caf%C3%A9"),
        ("g:/x/../a b/*/../c", "g:/a%20b/*/../c"),
        ("g:/x/../a*b", "g:/a*b"),
        ("g:*", "g:*"),
        ("t:a:b", "t:a:b"),
        ("k:", "k:"),
    ] {
        assert_eq!(text.parse::<Selector>().unwrap().to_string(), expected, "{text}");
    }
}

#[test]
fn an_invalid_selector_is_an_error_that_names_it() {
    for (text, kind) in [
        ("", "selector"),
        ("t", "selector"),
        ("z:1", "selector"),
        ("x:1", "path"),
        ("x:/a?b", "path"),
        ("#:u0", "hashed name"),
        ("a:1", "selector"),
        ("p:nonsense", "path prefix"),
        ("p:", "path prefix"),
        ("p:/%", "path prefix"),
        ("u:nonsense", "URI"),
        ("u:///a", "URI"),
        ("u://me@x/a b", "URI"),
        ("g:nonsense", "glob"),
        ("g:/a?b", "glob"),
    ] {
        let shown = text.split_once(':').filter(|_| kind != "selector").map_or(text, |(_, rest)| rest);
        let error = text.parse::<Selector>().unwrap_err();
        assert_eq!(error.to_string(), format!("{shown:?} cannot be a {kind}"));
    }
}

#[test]
fn a_selector_that_can_match_nothing_is_an_error_that_names_it() {
    assert_eq!(Prefix::new("api").unwrap_err().to_string(), "\"api\" cannot be a path prefix");
    assert_eq!(Prefix::new("/a?b").unwrap_err().to_string(), "\"/a?b\" cannot be a path prefix");
    assert_eq!(Prefix::new("/a%").unwrap_err().to_string(), "\"/a%\" cannot be a path prefix");
    assert_eq!(Glob::new("/%*").unwrap_err().to_string(), "\"/%*\" cannot be a glob");
    assert_eq!(Glob::new("api/*").unwrap_err().to_string(), "\"api/*\" cannot be a glob");
    assert_eq!(UriName::new("ftp://x/").unwrap_err().to_string(), "\"ftp://x/\" cannot be a URI");
}

#[test]
fn a_uri_that_is_too_long_for_a_key_is_named_by_its_path() {
    let of = |path: &str, query: usize| {
        let uri = UriName::new(&format!("http://shop{path}?{}", "q".repeat(query))).unwrap();
        Selector::Uri(uri).bounded()
    };
    let longest = buf::LIMIT - "//shop/a?".len();
    assert!(matches!(of("/a", MAX_TEXT_LEN - "//shop/a?".len()), Some(Selector::Uri(_))));
    let hashed = of("/a", longest).unwrap();
    assert!(matches!(hashed, Selector::Hashed(_)));
    let same = UriName::new(&format!("http://shop/a?{}", "q".repeat(longest))).unwrap();
    assert_eq!(hashed.digest(), Selector::Uri(same.clone()).digest());
    assert_eq!(hashed.lineage(), Selector::Uri(same).lineage());
    let path = Selector::Path(PathName::new(&format!("/{}", "a".repeat(MAX_TEXT_LEN))).unwrap());
    let hashed = path.clone().bounded().unwrap();
    assert_eq!((hashed.digest(), hashed.lineage()), (path.digest(), path.lineage()));
    assert!(hashed.weight() < 80 && matches!(hashed, Selector::Hashed(_)));
    assert_eq!(of("/a", longest + 1), Some(Selector::Path(PathName::new("/a").unwrap())));
    assert_eq!(of(&format!("/{}", "a".repeat(buf::LIMIT)), 1), None);
    let tag = Selector::Tag(Tag::new("t".repeat(9_000)));
    assert_eq!(tag.clone().bounded(), Some(tag));
}
