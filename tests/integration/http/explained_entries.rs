//! Explanations: what is stored, and which invalidation refuses it.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use larder::explain::{Explanation, HandlerRun};
use larder::outcome::{MissReason, Outcome, StaleReason, Tier};
use larder::{Cache, Glob, Invalidation, PathName, Policy, Prefix, Tag, UriName};
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::soon;
use tower::{Layer as _, ServiceExt as _};

use crate::support::{cache, hourly, secs};

fn request(path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let request = Request::get(path).header("host", "shop.example");
    fields
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value))
        .body(Body::empty())
        .unwrap()
}

fn router(cache: &Cache, policy: Policy, origin: &Origin) -> Router {
    let service = axum::routing::any_service(cache.layer(policy).layer(origin.clone()));
    Router::new().route("/products/{id}", service)
}

async fn send(router: &Router, path: &str, fields: &[(&str, &str)]) {
    let response = router.clone().oneshot(request(path, fields)).await.unwrap();
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
}

async fn explain(cache: &Cache, router: &Router, path: &str, fields: &[(&str, &str)]) -> Explanation {
    cache.explain(router.clone(), request(path, fields)).await.unwrap()
}

#[tokio::test]
async fn an_explanation_has_the_key_the_names_and_the_entry() {
    let (cache, clock) = cache();
    let origin = Origin::always(Answer::ok("hello"));
    let router = router(&cache, hourly().tag("product:{id}"), &origin);
    let before = explain(&cache, &router, "/products/7?a=1", &[]).await;
    assert_eq!(before.outcome, Outcome::Miss(MissReason::NeverStored));
    assert_eq!((before.handler, before.memory.entries.len()), (HandlerRun::Yes, 0));
    assert!(before.remedy.unwrap().contains("expose_cache_key"));
    send(&router, "/products/7?a=1", &[]).await;
    clock.advance(secs(10));
    let explanation = explain(&cache, &router, "/products/7?a=1", &[]).await;
    assert_eq!((explanation.outcome, explanation.handler), (Outcome::Hit(Tier::Memory), HandlerRun::No));
    assert_eq!((&*explanation.route, explanation.remedy), ("/products/{id}", None));
    let key = explanation.key.as_ref().unwrap();
    assert_eq!(key.text, "u|http|shop.example|/products/7|?a=1");
    let parts: Vec<_> = key.parts.iter().map(|part| (&*part.source, &*part.text)).collect();
    let expected = [("scheme", "http"), ("host", "shop.example"), ("path", "/products/7"), ("query", "a=1")];
    assert_eq!(parts, expected);
    let names = explanation.names.as_ref().unwrap();
    assert_eq!((&*names.tags, &*names.keys), (&["product:7".to_owned()][..], &[key.text.clone()][..]));
    assert_eq!(names.uris, ["/products/7?a=1", "//shop.example/products/7?a=1"]);
    assert_eq!(names.prefixes, ["/", "/products", "/products/7"]);
    let [entry] = &*explanation.memory.entries else { panic!("{explanation:#?}") };
    let response = entry.response.as_ref().unwrap();
    assert_eq!((response.status.as_u16(), response.age, response.remaining), (200, secs(10), secs(3590)));
    assert_eq!((response.lifetime, response.body_bytes, &*entry.verdict), (secs(3600), 5, "fresh"));
    assert_eq!((&*response.tags, entry.is_selected), (&[Tag::new("product:7")][..], true));
    assert_eq!((&entry.key, entry.hit_for_miss), (&response.key, None));
    assert_eq!((&*explanation.policy.class, explanation.policy.ttl), ("standard", secs(3600)));
    assert_eq!(explanation.policy, cache.policies()[0]);
    assert_eq!(explanation.shared.state, "off");
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn each_invalidation_is_named_with_its_place_and_its_age() {
    let uri = || UriName::new("/products/7").unwrap();
    let selectors: [(&str, Invalidation); 7] = [
        ("tag product:7", Tag::new("product:7").into()),
        ("key u|http|shop.example|/products/7", Invalidation::key("u|http|shop.example|/products/7")),
        ("uri /products/7", uri().into()),
        ("path /products/7", PathName::new("/products/7").unwrap().into()),
        ("prefix /products", Prefix::new("/products").unwrap().into()),
        ("glob /prod*/7", Glob::new("/prod*/7").unwrap().into()),
        ("all", Invalidation::all()),
    ];
    for (name, what) in selectors {
        for is_soft in [false, true] {
            let (cache, clock) = cache();
            let origin = Origin::always(Answer::ok("hello"));
            let router =
                router(&cache, hourly().tag("product:{id}").stale_while_revalidate(secs(60)), &origin);
            send(&router, "/products/7", &[]).await;
            let _ = cache.invalidate(Tag::new("other")).await;
            let what = if is_soft { what.clone().soft() } else { what.clone() };
            let _ = cache.invalidate(what).await;
            clock.advance(secs(3));
            let explanation = explain(&cache, &router, "/products/7", &[]).await;
            let expected = match is_soft {
                true => Outcome::Stale(Tier::Memory, StaleReason::WhileRevalidate),
                false => Outcome::Miss(MissReason::Invalidated),
            };
            assert_eq!(explanation.outcome, expected, "{name}");
            let entry = &explanation.memory.entries[0];
            let verdict = if is_soft { "stale: invalidated" } else { "refused: invalidated" };
            assert_eq!(entry.verdict, verdict, "{name}");
            let [by] = &*entry.invalidated_by else { panic!("{name} {:?}", entry.invalidated_by) };
            assert_eq!((&*by.name, by.is_soft, by.age), (name, is_soft, Some(secs(3))));
            assert_eq!(by.place, "0-2", "the second event of this log");
            assert!(
                explanation.to_string().contains(&format!("by {name} at 0-2, 3.0 s ago")),
                "{explanation}"
            );
        }
    }
}

#[tokio::test]
async fn all_variants_are_shown_and_the_selected_one_is_marked() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("hello").header("vary", "accept-language, x-mode"));
    let router = router(&cache, hourly(), &origin);
    for language in ["en", "de"] {
        send(&router, "/products/7", &[("accept-language", language)]).await;
    }
    let explanation = explain(&cache, &router, "/products/7", &[("accept-language", "de")]).await;
    assert_eq!(explanation.outcome, Outcome::Hit(Tier::Memory));
    let shown: Vec<_> = explanation
        .memory
        .entries
        .iter()
        .map(|entry| {
            let variant = entry.response.as_ref().unwrap().variant.iter();
            let fields: Vec<_> = variant.map(|field| (field.name.as_str(), field.value.as_deref())).collect();
            (entry.is_selected, fields)
        })
        .collect();
    assert_eq!(
        shown,
        [
            (false, vec![("accept-language", Some("en")), ("x-mode", None)]),
            (true, vec![("accept-language", Some("de")), ("x-mode", None)]),
        ]
    );
    let other = explain(&cache, &router, "/products/7", &[("accept-language", "fr")]).await;
    assert_eq!(other.outcome, Outcome::Miss(MissReason::Vary));
    assert!(other.memory.entries.iter().all(|entry| !entry.is_selected));
}

#[tokio::test]
async fn stale_responses_and_failing_handlers_are_foreseen() {
    let (cache, clock) = cache();
    let origin = Origin::new(|_, call| match call {
        1 => Answer::ok("hello"),
        _ => Answer::status(StatusCode::BAD_GATEWAY),
    });
    let policy =
        hourly().stale_while_revalidate(secs(10)).stale_if_error(secs(100)).retry_after_error(secs(30));
    let router = router(&cache, policy, &origin);
    send(&router, "/products/7", &[]).await;
    clock.advance(secs(3605));
    let stale = explain(&cache, &router, "/products/7", &[]).await;
    assert_eq!(stale.outcome, Outcome::Stale(Tier::Memory, StaleReason::WhileRevalidate));
    assert_eq!(
        (stale.handler, &*stale.memory.entries[0].verdict),
        (HandlerRun::Background, "stale: expired")
    );
    clock.advance(secs(10));
    let on_error = Outcome::Stale(Tier::Memory, StaleReason::IfError);
    let expired = explain(&cache, &router, "/products/7", &[]).await;
    assert_eq!((expired.outcome, expired.on_error), (Outcome::Miss(MissReason::Expired), Some(on_error)));
    send(&router, "/products/7", &[]).await;
    let failed = explain(&cache, &router, "/products/7", &[]).await;
    assert_eq!((failed.outcome, failed.handler), (on_error, HandlerRun::No), "the handler has just failed");
    clock.advance(secs(30));
    for _ in 0..2 {
        let due = explain(&cache, &router, "/products/7", &[]).await;
        assert_eq!(due.outcome, Outcome::Miss(MissReason::Expired), "an explanation takes no turn");
    }
    send(&router, "/products/7", &[]).await;
    assert_eq!(origin.calls(), 3);
}

#[tokio::test]
async fn a_running_fill_and_a_hit_for_miss_are_told() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, _| Answer::ok("hello").header("cache-control", "no-store").held_at(&gate)
    });
    let router = router(&cache, hourly(), &origin);
    let filling = tokio::spawn({
        let router = router.clone();
        async move { send(&router, "/products/7", &[]).await }
    });
    soon("the handler", gate.arrived(1)).await;
    let waiting = explain(&cache, &router, "/products/7", &[]).await;
    assert_eq!(
        (waiting.outcome, waiting.handler),
        (Outcome::Miss(MissReason::NeverStored), HandlerRun::Shared)
    );
    gate.open();
    soon("the fill", filling).await.unwrap();
    clock.advance(secs(4));
    let passed = explain(&cache, &router, "/products/7", &[]).await;
    assert_eq!(passed.outcome, Outcome::Miss(MissReason::HitForMiss));
    let entry = &passed.memory.entries[0];
    assert_eq!(
        (&entry.response, &*entry.verdict, entry.hit_for_miss),
        (&None, "hit-for-miss", Some(secs(6)))
    );
    assert_eq!(origin.calls(), 1);
}

/// The counters, the stored responses and the handler are as they were.
#[tokio::test]
async fn an_explanation_leaves_no_trace() {
    let (cache, clock) = cache();
    let origin = Origin::always(Answer::ok("hello"));
    let router = router(&cache, hourly().tag("product:{id}").stale_while_revalidate(secs(60)), &origin);
    let paths = ["/products/1", "/products/2", "/products/3"];
    for path in &paths[..2] {
        send(&router, path, &[]).await;
    }
    let _ = cache.invalidate(Tag::new("product:1")).await;
    clock.advance(secs(3610));
    let before = cache.stats();
    for path in paths {
        for fields in [&[][..], &[("authorization", "x")], &[("range", "bytes=0-1")], &[("upgrade", "x")]] {
            explain(&cache, &router, path, fields).await;
        }
    }
    assert_eq!(cache.stats(), before);
    assert_eq!(origin.calls(), 2);
    let refused = explain(&cache, &router, "/products/1", &[]).await;
    assert_eq!(refused.outcome, Outcome::Miss(MissReason::Invalidated), "the entry was not removed");
}

#[tokio::test]
async fn a_key_has_a_source_for_each_part() {
    let (cache, _) = cache();
    let language = http::header::ACCEPT_LANGUAGE;
    let user = |parts: &http::request::Parts| Some(parts.extensions.get::<u64>()?.to_string());
    let policies = [
        (
            hourly().key("p:{id}{?page}").key_header(language),
            vec![("template", "p:7"), ("query", "page=2"), ("header accept-language", "en")],
        ),
        (hourly().key_with(|request| Some(format!("f:{}", request.param("id")?))), vec![("function", "f:7")]),
        (
            hourly().key("p:{id}").ignore_query().per_user(user).tag("user:{user}"),
            vec![("template", "p:7"), ("user", "^#")],
        ),
        (
            hourly().key("p:{id}").query_only(["none"]).partition(user),
            vec![("template", "p:7"), ("partition", "^#")],
        ),
    ];
    for (policy, expected) in policies {
        let router = router(&cache, policy, &Origin::always(Answer::ok("hello")));
        let mut request = request("/products/7?page=2&utm=x", &[("accept-language", "en")]);
        request.extensions_mut().insert(42_u64);
        let explanation = cache.explain(router, request).await.unwrap();
        let key = explanation.key.unwrap();
        let shown = |text: &str| if text.starts_with("^#") { "^#" } else { text }.to_owned();
        let parts: Vec<_> = key.parts.iter().map(|part| (&*part.source, shown(&part.text))).collect();
        let expected: Vec<_> = expected.into_iter().map(|(source, text)| (source, text.to_owned())).collect();
        assert_eq!(parts, expected, "{}", key.text);
        if explanation.policy.key.partition == Some("user") {
            assert_eq!(explanation.names.unwrap().tags, ["user:42"]);
        }
    }
    let absent =
        router(&cache, hourly().key("p").key_header(http::header::ACCEPT), &Origin::always(Answer::ok("")));
    let key = explain(&cache, &absent, "/products/7", &[]).await.key.unwrap();
    assert_eq!((&*key.parts[1].source, &*key.parts[1].text), ("header accept", "(absent)"));
}

/// A response answers equivalent queries, and the key that they share is shown.
#[tokio::test]
async fn a_key_of_equivalent_queries_is_shown() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("hello").header("no-vary-search", "params=(\"utm\")"));
    let router = router(&cache, hourly().no_vary_search(), &origin);
    send(&router, "/products/7?a=1&utm=x", &[]).await;
    let explanation = explain(&cache, &router, "/products/7?a=1&utm=y", &[]).await;
    assert_eq!(explanation.outcome, Outcome::Hit(Tier::Memory));
    let key = explanation.key.unwrap();
    let looked_up = key.looked_up.unwrap();
    assert!(key.text.contains("utm=y") && looked_up != key.text, "{looked_up}");
    assert_eq!(explanation.memory.entries[0].key, looked_up);
    let _ = cache.invalidate(UriName::new("/products/7?a=1&utm=y").unwrap()).await;
    let explanation = explain(&cache, &router, "/products/7?a=1&utm=y", &[]).await;
    assert_eq!(explanation.outcome, Outcome::Miss(MissReason::Invalidated));
    let by = &explanation.memory.entries[0].invalidated_by;
    assert!(by.iter().any(|by| by.name.starts_with("uri ")), "{by:?}");
}

#[tokio::test]
async fn an_explanation_is_text_and_json() {
    let (cache, _) = cache();
    let router = Router::new().route("/a", get(async || "a").layer(cache.layer(hourly().tag("t"))));
    send(&router, "/a", &[]).await;
    let explanation = explain(&cache, &router, "/a", &[]).await;
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["outcome"], serde_json::json!({"outcome": "hit", "reason": "memory", "tier": "memory"}));
    assert_eq!((&json["handler"], &json["policy"]["ttl_seconds"]), (&"no".into(), &3600.0.into()));
    assert_eq!(json["memory"]["entries"][0]["response"]["tags"], serde_json::json!(["t"]));
    let text = explanation.to_string();
    for line in ["GET /a on route /a", "outcome now: hit: memory; the handler does not run", "  path: /a"] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
}
