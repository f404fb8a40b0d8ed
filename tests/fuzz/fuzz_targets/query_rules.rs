//! Query rules: the kept part of a query contains everything that a handler reads. The reference is
//! the decoder of axum's `Query`.
#![no_main]

use form_urlencoded::parse;
use larder_core::key::query::QueryRules;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<String>, String, String)| {
    let (names, one, other) = input;
    // Undecodable bytes become this character, which is no useful name of a parameter.
    let names: Vec<String> = names.into_iter().filter(|name| !name.contains('\u{fffd}')).collect();
    let listed = |name: &str| names.iter().any(|known| known == name);
    let only = QueryRules::only(names.iter().map(String::as_str));
    let ignoring = QueryRules::ignoring(names.iter().map(String::as_str));

    // Some handlers split at semicolons. A query with one is kept completely.
    if one.contains(';') {
        for rules in [&only, &ignoring, &only.clone().sorted(), &QueryRules::all().sorted()] {
            assert_eq!(rules.apply(Some(&one)).as_deref(), Some(&*one));
        }
    } else {
        assert_eq!(pairs(only.apply(Some(&one)).as_deref()), kept(&one, listed), "{only:?}");
        assert_eq!(
            pairs(ignoring.apply(Some(&one)).as_deref()),
            kept(&one, |name| !listed(name)),
            "{ignoring:?}"
        );
    }
    // If two queries are equal by the rules, every handler reads the same values of the kept
    // parameters.
    let sorted = QueryRules::all().sorted();
    for (rules, keeps) in [
        (&only, &listed as &dyn Fn(&str) -> bool),
        (&ignoring, &|name: &str| !listed(name)),
        (&sorted, &|_: &str| true),
    ] {
        if rules.apply(Some(&one)) == rules.apply(Some(&other)) {
            assert_eq!(by_name(kept(&one, keeps)), by_name(kept(&other, keeps)), "{rules:?}");
        }
    }
    // The same holds for a query that only has another order.
    if let Some((first, rest)) = one.split_once('&') {
        let turned = format!("{rest}&{first}");
        if sorted.apply(Some(&one)) == sorted.apply(Some(&turned)) {
            assert_eq!(by_name(pairs(Some(&one))), by_name(pairs(Some(&turned))));
        }
    }
});

type Pairs = Vec<(String, String)>;

fn pairs(query: Option<&str>) -> Pairs {
    parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

fn kept(query: &str, keeps: impl Fn(&str) -> bool) -> Pairs {
    pairs(Some(query)).into_iter().filter(|(name, _)| keeps(name)).collect()
}

/// Sorts by name. Values of one name keep their order.
fn by_name(mut pairs: Pairs) -> Pairs {
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    pairs
}
