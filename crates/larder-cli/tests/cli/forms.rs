//! Every command as a table and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Application, Run};

impl Application {
    async fn line(&self, line: &str) -> Run {
        self.program().line(line).run().await
    }

    /// Runs a command as JSON, and returns what it printed.
    async fn json(&self, line: &str) -> Value {
        let run = self.line(&format!("{line} --json")).await;
        assert!(matches!(run.code, Some(0 | 1)) && run.err.is_empty(), "{line}: {run:#?}");
        run.json()
    }
}

#[tokio::test]
async fn stats_has_the_figures_of_each_route() {
    let app = Application::start().await;
    app.fill(&["/products/1", "/products/2"]).await;
    app.fill(&["/products/1"]).await;
    let run = app.line("stats").await.expect(0, "/products/{id}");
    let row = run.out.lines().find(|line| line.starts_with("/products/{id}")).unwrap();
    let words: Vec<_> = row.split_whitespace().collect();
    assert_eq!(words[..5], ["/products/{id}", "standard", "3", "33.3", "%"], "{row}");
    run.expect(0, "3 requests, hit ratio 33.3 %: 1 from memory");
    let json = app.json("stats").await;
    assert_eq!(json["stats"]["misses"], json!({ "never-stored": 2 }));
    assert_eq!((&json["store"], &json["health"]["is_ready"]), (&json!(null), &json!(true)));
}

#[tokio::test]
async fn numbers_stand_on_the_right_and_no_color_is_in_a_pipe() {
    let app = Application::start().await;
    app.fill(&["/products/1"]).await;
    for line in ["stats", "instances", "top", "advise", "explain /products/1"] {
        let out = app.line(line).await.out;
        assert!(!out.contains('\x1b'), "{line}: {out}");
        assert!(out.lines().all(|line| line == line.trim_end()), "{line}: {out}");
    }
    let out = app.line("instances").await.out;
    let ends: Vec<_> = out.lines().map(|line| line.chars().count()).collect();
    assert!(ends[0] == ends[1], "the last column is of numbers: {out}");
}

#[tokio::test]
async fn instances_lists_this_one() {
    let app = Application::start().await;
    let id = app.cache.instance_id().to_string();
    app.line("instances").await.expect(0, &id).expect(0, "this one");
    assert_eq!(app.json("instances").await["this"], json!(id));
}

#[tokio::test]
async fn explain_begins_with_one_sentence() {
    let app = Application::start().await;
    let url = "explain http://shop.example/products/7";
    let run = app.line(url).await;
    let sentence = "A miss: never stored. The handler runs, and the request waits for it.\n";
    assert!(run.out.starts_with(sentence), "{run:#?}");
    app.fill(&["/products/7"]).await;
    let run = app.line(url).await;
    assert!(run.out.starts_with("A hit: the memory tier answers. The handler does not run.\n"), "{run:#?}");
    run.expect(0, "key: u|http|shop.example|/products/7").expect(0, "tags: product:7");
    app.line("purge --tag product:7").await.expect(0, "applied");
    let run = app.line(url).await;
    assert!(run.out.starts_with("A miss: invalidated by tag product:7, "), "{run:#?}");
    let json = app.json(url).await;
    assert_eq!(json["outcome"]["reason"], "invalidated");
    // A path has the host of the admin URL, and a field of its own wins.
    let key = app.json("explain /products/7").await["key"]["text"].clone();
    assert_eq!(key, json!(format!("u|http|{}|/products/7", app.address)));
    let run =
        app.program().args(["explain", "/products/7", "-H", "Host: shop.example", "--json"]).run().await;
    assert_eq!(run.json()["key"]["text"], json!("u|http|shop.example|/products/7"));
}

#[tokio::test]
async fn inspect_shows_what_is_under_a_key() {
    let app = Application::start().await;
    app.fill(&["/products/7"]).await;
    let key = "inspect u|http|shop.example|/products/7";
    app.line(key).await.expect(0, "200 /products/7").expect(0, "fresh");
    assert_eq!(app.json(key).await["responses"][0]["tags"], json!(["product:7"]));
    app.line("inspect nothing").await.expect(1, "nothing is stored under k|nothing");
}

#[tokio::test]
async fn purge_names_everything_that_can_be_named() {
    let app = Application::start().await;
    for (selector, paths) in [
        ("--tag product:7", &["/products/7"][..]),
        ("--key u|http|shop.example|/products/7", &["/products/7"]),
        ("--uri /products/7", &["/products/7"]),
        ("--prefix /products", &["/products/7", "/products/8"]),
        ("--glob /products/*", &["/products/7", "/products/8"]),
        ("--tag product:7 --tag product:8", &["/products/7", "/products/8"]),
        ("--all --yes", &["/products/7", "/products/8", "/pages/9"]),
    ] {
        app.fill(&["/products/7", "/products/8", "/pages/9"]).await;
        let reached = format!("{} responses and 0 values", paths.len());
        app.line(&format!("purge {selector} --dry-run")).await.expect(0, &format!("would reach {reached}"));
        app.line(&format!("purge {selector}")).await.expect(0, &format!("applied: {reached}"));
        app.line(&format!("purge {selector} --dry-run")).await.expect(1, "would reach 0 responses");
    }
}

#[tokio::test]
async fn purge_is_soft_or_refills_if_asked() {
    let app = Application::start().await;
    app.fill(&["/pages/1", "/pages/2"]).await;
    let purged = app.json("purge --uri /pages/1 --soft").await;
    assert_eq!((&purged["outcome"], &purged["here"]["responses"]), (&json!("applied"), &json!(1)));
    app.line("inspect u|http|shop.example|/pages/1").await.expect(0, "softly-invalidated");
    app.line("purge --prefix /pages --refill 1").await.expect(0, "refill: job 1 fills 1 responses again");
    let purged = app.json("purge --prefix /pages --refill 10").await;
    assert_eq!(purged["refill"]["job"]["what"], "refill");
}

#[tokio::test]
async fn a_route_is_switched_off_and_on() {
    let app = Application::start().await;
    app.line("switches").await.expect(0, "nothing is switched off");
    let route = "--route /products/{id}";
    app.line(&format!("disable {route} --for 10m")).await.expect(0, "route /products/{id}  this instance");
    assert_eq!(app.json("switches").await[0]["scope"], json!({ "route": "/products/{id}" }));
    app.line("explain /products/7")
        .await
        .expect(0, "A bypass: the cache does not handle the request (switched off)");
    app.line(&format!("enable {route}")).await.expect(0, "switched on");
    app.line(&format!("enable {route}")).await.expect(1, "this was not switched off");
    let set = app.json("disable --class standard --for 1h").await;
    assert_eq!(set[0]["scope"], json!({ "class": "standard" }));
    let set = app.json("disable --for 1h").await;
    assert!(set.as_array().unwrap().iter().any(|switch| switch["scope"] == "all"), "{set}");
    assert_eq!(app.json("enable").await["ended"], json!(true));
}

#[tokio::test]
async fn top_and_advise_say_what_the_figures_mean() {
    let app = Application::start().await;
    app.line("advise").await.expect(0, "Nothing to change");
    assert_eq!(app.json("advise").await, json!([]));
    // Each page once: its class never has a hit.
    let paths: Vec<_> = (0..300).map(|number| format!("/products/{number}")).collect();
    let program =
        app.program().line("warm --from - --host shop.example --rate 100000 --to").args([app.url()]);
    program.input(&paths.join("\n")).run().await.expect(0, "300 pages, 0 failed");
    app.line("advise").await.expect(1, "hint: route /products/{id}: never hit").expect(1, "  remedy: ");
    let top = app.line("top -n 5").await.expect(0, "u|http|shop.example|/products/");
    assert_eq!(top.out.lines().count(), 6);
    assert!(app.json("top").await["requests"].as_array().unwrap().len() >= 50);
    for (by, unit) in [("time", " s"), ("bytes", "bytes"), ("misses", "misses")] {
        app.line(&format!("top --by {by}")).await.expect(0, unit);
    }
}

#[tokio::test]
async fn policies_has_those_of_routes_and_of_collections() {
    let app = Application::start().await;
    let names = app.cache.values::<u64, String>("name").negative_ttl(Duration::from_secs(30)).build();
    app.fill(&["/products/7"]).await;
    let run = app.line("policies").await.expect(0, "no request yet");
    let row = |first: &str| {
        let row = run.out.lines().find(|line| line.starts_with(first)).unwrap();
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("/products/{id}"), "/products/{id} standard 60 min 0 s 0 s URI product:{id}");
    assert_eq!(row("name"), "name 60 min 30.0 s 0 s 0 s 32.0 MiB not queued");
    let json = app.json("policies").await;
    assert_eq!(json["policies"].as_array().unwrap().len(), 4);
    assert_eq!((&json["collections"][0]["name"], &json["collections"][1]), (&json!("name"), &json!(null)));
    drop(names);
    assert_eq!(app.json("policies").await["collections"], json!([]));
}

#[tokio::test]
async fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        crate::support::Program::new().args(["completions", shell]).run().await.expect(0, "explain");
    }
}
