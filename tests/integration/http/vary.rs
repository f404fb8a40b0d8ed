//! Variants of one key.

use std::sync::Arc;

use http::Method;
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::{Page, Site, soon};

use crate::support::{all, cache, hourly, secs, site, site_behind_door};

fn speaking() -> Origin {
    Origin::new(|request, _| {
        let language = request.headers.get_all("accept-language").iter().map(|line| line.to_str().unwrap());
        Answer::ok(language.collect::<Vec<_>>().join("+")).header("vary", "Accept-Language")
    })
}

async fn in_language(site: &Site, lines: &[&str]) -> Page {
    let ask = lines.iter().fold(site.ask(Method::GET, "/a"), |ask, line| ask.with("accept-language", line));
    ask.send().await
}

#[tokio::test]
async fn a_response_answers_requests_with_the_same_fields_alone() {
    let (cache, clock) = cache();
    let origin = speaking();
    let site = site(&cache, hourly(), &origin).await;
    let languages: [&[&str]; 5] = [&[], &["en"], &["de"], &["en, de"], &["fr"]];
    for x_cache in ["MISS", "HIT"] {
        for lines in languages {
            assert_eq!(
                in_language(&site, lines).await.summary(),
                (x_cache.into(), lines.join("+")),
                "{lines:?}"
            );
        }
    }
    // RFC 9111 §4.1: lines of one field are one list.
    assert_eq!(in_language(&site, &["en", "de"]).await.summary(), ("HIT".into(), "en, de".into()));
    assert_eq!(in_language(&site, &["en ,de"]).await.x_cache(), "HIT");
    // RFC 4647 §2: language ranges "are to be treated as case-insensitive".
    assert_eq!(in_language(&site, &["EN"]).await.summary(), ("HIT".into(), "en".into()));
    assert_eq!(origin.calls(), 5);
    let head = site.ask(Method::HEAD, "/a").with("accept-language", "de").send().await;
    assert_eq!((head.x_cache().as_str(), head.field("content-length").as_str()), ("HIT", "2"));
    clock.advance(secs(3600));
    assert_eq!(in_language(&site, &["en"]).await.summary(), ("MISS".into(), "en".into()));
    assert_eq!(in_language(&site, &["en"]).await.summary(), ("HIT".into(), "en".into()));
}

/// Waiting requests get their own variant in any order, and each variant is filled once.
#[tokio::test]
async fn variants_that_are_asked_for_together_are_made_once_each() {
    for warm in [false, true] {
        let (cache, _) = cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let gate = gate.clone();
            move |request, _| {
                let language = request.headers["accept-language"].to_str().unwrap().to_owned();
                let answer = Answer::ok(language.clone()).header("vary", "accept-language");
                if language == "warm" { answer } else { answer.held_at(&gate) }
            }
        });
        let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
        if warm {
            in_language(&site, &["warm"]).await;
            door.came(1).await;
        }
        let ask = |number: usize| {
            let site = Arc::clone(&site);
            tokio::spawn(async move {
                let language = ["en", "de", "fr"][number % 3];
                (language, in_language(&site, &[language]).await)
            })
        };
        let waiting = (0..30).map(ask).collect();
        soon("the first", gate.arrived(1)).await;
        door.came(30).await;
        gate.open();
        for (language, page) in all(waiting).await {
            assert_eq!(page.text(), language);
        }
        assert_eq!(origin.calls(), 3 + usize::from(warm), "warm: {warm}");
    }
}

/// Two fields, with values that imitate each other.
#[tokio::test]
async fn values_of_two_fields_do_not_trade_places() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let field =
            |name| request.headers.get(name).map_or("-", |value: &http::HeaderValue| value.to_str().unwrap());
        Answer::ok(format!("{}#{}", field("x-a"), field("x-b")))
            .header("vary", "x-b")
            .header("vary", "X-A, x-b")
    });
    let site = site(&cache, hourly(), &origin).await;
    let values = [None, Some(""), Some("1"), Some("2"), Some("1\tx-b: 2"), Some("12")];
    for x_cache in ["MISS", "HIT"] {
        for a in values {
            for b in values {
                let mut ask = site.ask(Method::GET, "/a");
                for (name, value) in [("x-a", a), ("x-b", b)] {
                    if let Some(value) = value {
                        ask = ask.with(name, value);
                    }
                }
                let expected = format!("{}#{}", a.unwrap_or("-"), b.unwrap_or("-"));
                assert_eq!(ask.send().await.summary(), (x_cache.into(), expected));
            }
        }
    }
}

/// A client that invents field values does not fill the memory with one page, and hits no other
/// variants.
#[tokio::test]
async fn the_number_of_variants_is_bounded() {
    let (cache, _) = cache();
    let origin = speaking();
    let site = site(&cache, hourly(), &origin).await;
    site.get("/other").await;
    for number in 0..300 {
        let language = format!("made-up-{number}");
        assert_eq!(in_language(&site, &[&language]).await.summary(), ("MISS".into(), language.clone()));
        assert_eq!(in_language(&site, &[&language]).await.summary(), ("HIT".into(), language));
    }
    // `held` includes the key, and the page of another key.
    assert!(cache.stats().memory_entries < 100, "{}", cache.stats().memory_entries);
    assert_eq!(in_language(&site, &["made-up-299"]).await.x_cache(), "HIT");
    assert_eq!(in_language(&site, &["made-up-0"]).await.x_cache(), "MISS");
    assert_eq!(site.get("/other").await.x_cache(), "HIT");
}

/// Two responses under one key vary on different fields: no client gets another's, and both can be
/// hits.
#[tokio::test]
async fn answers_that_vary_on_different_fields_are_never_mixed_up() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let field = |name| {
            request.headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap().to_owned())
        };
        match (field("x-mode").as_deref(), field("x-user")) {
            (Some("private"), user) => Answer::ok(format!("for {user:?}")).header("vary", "x-mode, x-user"),
            _ => Answer::ok("for all").header("vary", "x-mode"),
        }
    });
    let site = site(&cache, hourly(), &origin).await;
    let ask = async |mode: &str, user: &str| {
        site.ask(Method::GET, "/a").with("x-mode", mode).with("x-user", user).send().await
    };
    for _ in 0..3 {
        for user in ["ann", "bob"] {
            assert_eq!(ask("private", user).await.text(), format!("for Some({user:?})"));
            assert_eq!(ask("public", user).await.text(), "for all");
        }
    }
    // Without interference from other users, they are hits.
    for user in ["ann", "bob"] {
        assert_eq!(ask("private", user).await.x_cache(), "HIT", "{user}");
        assert_eq!(ask("public", user).await.x_cache(), "HIT", "{user}");
    }
}

/// A private variant does not affect the others.
#[tokio::test]
async fn a_variant_that_cannot_be_stored_does_not_keep_others_from_it() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let answer = Answer::ok("page").header("vary", "x-mode");
        let private = request.headers.get("x-mode").is_some_and(|mode| mode == "private");
        if private { answer.header("cache-control", "private") } else { answer }
    });
    let site = site(&cache, hourly(), &origin).await;
    let ask = async |mode: &str| site.ask(Method::GET, "/a").with("x-mode", mode).send().await.x_cache();
    assert_eq!(ask("public").await, "MISS");
    for _ in 0..3 {
        assert_eq!(ask("private").await, "MISS");
        assert_eq!(ask("public").await, "HIT");
    }
}
