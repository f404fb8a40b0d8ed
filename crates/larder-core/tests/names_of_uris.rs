//! Every selector names the same responses by their names and by their keys.
//!
//! This holds in every spelling of the target.

#![allow(clippy::unwrap_used)] // The whole file is tests; the lint sees only marked functions.

use larder_core::http::no_vary_search::UrlVariation;
use larder_core::key::buf::KeyBuf;
use larder_core::key::normalize;
use larder_core::key::query::QueryRules;
use larder_core::log::names::Names;
use larder_core::log::selector::{Glob, Prefix, Selector, UriName};
use proptest::prelude::*;

/// The patterns have few characters, so that different texts often mean the same.
const PATH: &str = "/([ab/.~é ?*%{]|%61|%7[eE]|%2[eEfF]|%c3%[aA]9|/\\.\\./|/\\./){0,8}";
const QUERY: &str = "([a=&~%;]|%61|%7[eE]|%26){0,4}";
const ANY_QUERY: &str = "([ab=&~%; é+|z]|%61|%7[eE]|%26|%2[bB]|%c3%[aA]9|%zz|%[fF]f){0,9}";
const HOST: &str = "(h|H|g|%68)(:80|:443|:8443)?";

/// A response to a request for this target.
struct Target {
    path: String,
    uris: [UriName; 2],
    names: Names,
    key: String,
}

fn target(scheme: &str, host: &str, path: &str, query: Option<&str>) -> Target {
    let uris = [None, Some(host)].map(|host| UriName::from_parts(host, path, query));
    let mut key = KeyBuf::new();
    key.uri(scheme, host, path);
    key.query(&QueryRules::all(), query);
    let key = key.as_str().unwrap().to_owned();
    Target { path: path.to_owned(), names: Names::new(path, &[], &uris, &[]), uris, key }
}

impl Target {
    /// Returns whether the digests name the response.
    ///
    /// Two names may share a digest, which costs a needless miss.
    fn is_named(&self, selector: &Selector) -> bool {
        match selector {
            Selector::Glob(glob) => self.names.matches(glob),
            other => self.names.digests().any(|digest| Some(digest) == other.digest()),
        }
    }

    /// Returns the same answer, written independently.
    fn should_be_named(&self, selector: &Selector) -> bool {
        let paths = [normalize::path_with_dots(&self.path), normalize::path(&self.path)];
        match selector {
            Selector::Uri(uri) => self.uris.contains(uri),
            Selector::Prefix(_) => {
                let text = selector.to_text();
                let prefix = text.trim_start_matches("p:").trim_end_matches('/');
                let below = format!("{prefix}/");
                paths.iter().any(|path| path.trim_end_matches('/') == prefix || path.starts_with(&below))
            }
            other => self.is_named(other),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_selector_names_a_response_if_and_only_if_it_names_its_key(
        scheme in proptest::sample::select(vec!["http", "http:", "https"]),
        host in HOST,
        path in PATH,
        query in proptest::option::of(QUERY),
        (other_host, other_path, other_query) in (proptest::option::of(HOST), PATH, proptest::option::of(QUERY)),
    ) {
        let response = target(scheme, &host, &path, query.as_deref());
        let own = [
            Selector::Uri(UriName::from_parts(None, &path, query.as_deref())),
            Selector::Uri(UriName::from_parts(Some(&host), &path, query.as_deref())),
        ];
        for selector in &own {
            prop_assert!(response.is_named(selector) && selector.names_key(&response.key), "{selector}");
        }
        let others = [
            Some(UriName::from_parts(other_host.as_deref(), &other_path, other_query.as_deref()).into()),
            Prefix::new(&other_path).ok().map(Selector::from),
            Glob::new(&other_path).ok().map(Selector::from),
        ];
        for selector in others.into_iter().flatten() {
            let expected = response.should_be_named(&selector);
            prop_assert_eq!(selector.names_key(&response.key), expected, "{}", selector);
            prop_assert!(response.is_named(&selector) || !expected, "{selector}");
            prop_assert_eq!(selector.to_string().parse(), Ok(selector));
        }
    }

    /// The exception is that both have dot segments: the path may lead out of the prefix again.
    #[test]
    fn a_prefix_names_what_is_below_it(prefix in PATH, path in PATH) {
        let has_dots = |path: &str| normalize::path(path) != normalize::path_with_dots(path);
        if let Ok(selector) = Prefix::new(&prefix).map(Selector::from) {
            let below = format!("{}{path}", prefix.trim_end_matches('/'));
            prop_assert!(target("http", "h", &prefix, None).is_named(&selector));
            prop_assert!(has_dots(&prefix) && has_dots(&path) || target("http", "h", &below, None).is_named(&selector));
        }
    }

    /// A response is named by what its policy keeps of the query as sent.
    ///
    /// An invalidation is named by what the policy keeps of the name.
    #[test]
    fn rules_keep_the_same_of_a_query_and_of_its_normal_form(query in ANY_QUERY) {
        let normal = normalize::query(&query);
        let all_rules = [
            QueryRules::only(["a", "é"]),
            QueryRules::ignoring(["a", "%zz", ""]),
            QueryRules::all().sorted(),
            QueryRules::ignoring(["b"]).sorted(),
        ];
        for rules in all_rules {
            let of = |query| rules.apply(Some(query)).map(|kept| normalize::query(&kept).into_owned());
            prop_assert_eq!(of(&query), of(&normal), "{:?}", rules);
        }
        for text in ["-a", "=a&%C3%A9", "o-", "o-a", "="] {
            let variation = UrlVariation::from_text(text).unwrap();
            prop_assert_eq!(variation.canonical(Some(&query)), variation.canonical(Some(&normal)), "{}", text);
        }
    }
}
