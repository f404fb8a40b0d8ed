//! Selection among variants (RFC 9111 §4.1).

use larder::Policy;

use crate::support::{Proxy, answers, proxy};

const BY_LANGUAGE: (u16, &[(&str, &str)]) =
    (200, &[("cache-control", "max-age=60"), ("vary", "accept-language")]);

async fn in_language(proxy: &Proxy, languages: &str) -> String {
    proxy.get(&[("accept-language", languages)]).await.body().clone()
}

#[tokio::test]
async fn each_variant_is_kept_and_found_again() {
    let proxy = proxy(Policy::rfc9111(), answers(&[BY_LANGUAGE, BY_LANGUAGE, BY_LANGUAGE]));
    for (languages, expected) in
        [("en", "1"), ("de", "2"), ("en", "1"), ("EN", "1"), ("de", "2"), ("de, en", "3")]
    {
        assert_eq!(in_language(&proxy, languages).await, expected, "{languages}");
    }
    assert_eq!(proxy.get(&[("accept-language", "de"), ("accept-language", "en")]).await.body(), "3");
}

#[tokio::test]
async fn languages_in_another_order_are_the_same_where_the_policy_says_so() {
    let policy = Policy::rfc9111().sort_languages();
    let proxy = proxy(policy, answers(&[BY_LANGUAGE, BY_LANGUAGE]));
    for (languages, expected) in
        [("en, de", "1"), ("de, en", "1"), ("DE;q=1.0,en", "1"), ("de, en;q=0.5", "2")]
    {
        assert_eq!(in_language(&proxy, languages).await, expected, "{languages}");
    }
    assert_eq!(
        proxy.origin.requests()[0].headers["accept-language"],
        "de,en",
        "the origin is asked in that order"
    );
}

#[tokio::test]
async fn a_response_that_varies_on_everything_is_not_reused() {
    for vary in [&["*"][..], &["accept, *"], &["accept", "*"], &["", "*"], &["*, *"]] {
        let lines: Vec<_> =
            vary.iter().map(|value| ("vary", *value)).chain([("cache-control", "max-age=60")]).collect();
        let proxy = proxy(Policy::rfc9111(), answers(&[(200, &lines), (200, &[])]));
        proxy.get(&[]).await;
        assert_eq!(proxy.get(&[]).await.body(), "2", "{vary:?}");
    }
}
