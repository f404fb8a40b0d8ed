//! The key of a response that answers equivalent queries because of its `No-Vary-Search`.

use super::no_vary_search::UrlVariation;
use crate::key::buf::LIMIT;

/// Returns the key of a response that answers equivalent queries.
///
/// * `base` is the key of the URI up to its query.
/// * `query` is the [canonical form](UrlVariation::canonical) of the query.
/// * `variation` is what the response says about the queries that it answers.
/// * `rest` is the part of the key after the query. It is empty if only the URI distinguishes
///   requests.
///
/// Returns `None` if the key is too long.
///
/// ```text
/// u|https|shop.example|/products/42|?page=1|n|-utm_source|h|accept-language=en
/// ```
///
/// The key contains the variation. So the key of a stored response shows which requests the
/// response answers. A response with another variation, or without one, has another key.
#[must_use]
pub fn key(base: &str, query: Option<&str>, variation: &UrlVariation, rest: &str) -> Option<Box<str>> {
    let mut key = String::with_capacity(
        base.len() + query.map_or(0, str::len) + variation.as_text().len() + rest.len() + 5,
    );
    key.push_str(base);
    if let Some(query) = query {
        // The query is encoded as a form, which contains nothing to escape in a key.
        key.push_str("|?");
        key.push_str(query);
    }
    key.push_str("|n|");
    key.push_str(variation.as_text());
    key.push_str(rest);
    (key.len() <= LIMIT).then(|| key.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::buf::KeyBuf;
    use crate::key::query::QueryRules;

    fn base(path: &str) -> String {
        let mut key = KeyBuf::new();
        key.uri("http", "n", path);
        key.as_str().unwrap().to_owned()
    }

    proptest! {
        /// Each part of a key is unambiguous if the key is read from the left.
        #[test]
        fn each_difference_makes_another_key(
            paths in ["/[n|?]{0,3}", "/[n|?]{0,3}"],
            queries in ["[n|?=&%7C]{0,6}", "[n|?=&%7C]{0,6}"],
            variations in ["[o]?[-=](n|%7C|n&o)?", "[o]?[-=](n|%7C|n&o)?"],
            rests in ["(\\|p\\|[n?])?", "(\\|p\\|[n?])?"],
        ) {
            let of = |at: usize| {
                let variation = UrlVariation::from_text(&variations[at])?;
                let query = variation.canonical(Some(&queries[at]));
                let key = key(&base(&paths[at]), query.as_deref(), &variation, &rests[at])?;
                Some((key, (&paths[at], query, variation, &rests[at])))
            };
            if let (Some((one_key, one)), Some((other_key, other))) = (of(0), of(1)) {
                prop_assert_eq!(one_key == other_key, one == other);
                let mut exact = KeyBuf::new();
                exact.uri("http", "n", &paths[1]);
                exact.query(&QueryRules::all(), Some(&queries[1]));
                prop_assert_ne!(&*one_key, exact.as_str().unwrap());
            }
        }
    }

    #[test]
    fn a_key_that_is_too_long_is_none() {
        let variation = UrlVariation::from_text("-a").unwrap();
        let rest = "x".repeat(LIMIT - "u||n|-a".len() + 1);
        assert_eq!(key("u|", None, &variation, &rest[1..]).map(|key| key.len()), Some(LIMIT));
        assert_eq!(key("u|", None, &variation, &rest), None);
    }
}
