//! An application of its own: another path, and a token that may only read.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::routing::get;
use larder::{Cache, Policy, ttl};
use larder_admin::Role;
use larder_browser::Console;
use serde_json::json;
use tokio::net::TcpListener;

use crate::fixture::run;

const PATH: &str = "/deep/er/console";
const READER: &str = "a-token-of-a-reader";
const OPERATOR: &str = "a-token-of-an-operator";

/// Serves until the runtime ends.
async fn serve() -> Result<SocketAddr> {
    let cache = Cache::default();
    let policy = Policy::ttl(ttl::STANDARD).tag("hello");
    let app = Router::new().route("/hello", get(async || "hello").layer(cache.layer(policy)));
    let admin = larder_admin::router(&cache)
        .application(app.clone())
        .token("reader", Role::Read, READER)
        .token("operator", Role::Purge, OPERATOR);
    let app = app.nest_service(PATH, admin.build::<()>()?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(addr)
}

#[test]
fn a_nested_path_works_with_and_without_a_trailing_slash() {
    run(async |fixture| {
        let addr = serve().await?;
        for slash in ["", "/"] {
            let console = Console::new(&fixture.browser, addr, &format!("{PATH}{slash}"), READER);
            let url = console.url();
            assert_eq!(console.request(&format!("{PATH}{slash}"), &[]).await?.status, 200, "{url}");
            console.log_in().await?;
            console.figure("hit-rate").await?;
            assert_eq!(fixture.browser.url().await?.split('#').next(), Some(&*url));
            let exchanges = fixture.browser.exchanges().await?;
            let elsewhere = exchanges.iter().find(|exchange| !exchange.url.starts_with(&url));
            assert_eq!(elsewhere, None);
            // Without a shared store, its statistics are an error, which the browser logs.
            let complaints = fixture.browser.complaints().await?.into_iter();
            let other: Vec<_> = complaints.filter(|complaint| !complaint.contains("/api/store ")).collect();
            assert_eq!(other, [""; 0]);
        }
        Ok(())
    });
}

#[test]
fn a_token_that_may_only_read_cannot_purge() {
    run(async |fixture| {
        let addr = serve().await?;
        let console = Console::new(&fixture.browser, addr, PATH, READER);
        console.request("/hello", &[]).await?;
        console.log_in().await?;
        for page in ["purge", "switches", "warm"] {
            console.go(page).await?;
            console.figure("read-only").await?;
            let enabled = "return [...document.querySelectorAll('main form button[type=submit]')]\
                .filter(one => !one.disabled).map(one => one.outerHTML)";
            assert_eq!(fixture.browser.run::<Vec<String>>(enabled, &[]).await?, [""; 0], "{page}");
        }
        let refused = console.api("POST", "purge", Some(&json!({ "tags": ["hello"] }))).await?;
        assert_eq!(refused["error"], "forbidden");
        assert_eq!(console.request("/hello", &[]).await?.field("x-cache"), Some("HIT"));

        let console = Console::new(&fixture.browser, addr, PATH, OPERATOR);
        console.log_in().await?;
        console.go("purge?tag=hello").await?;
        console.click("form button.primary").await?;
        console.click("button.danger").await?;
        console.purged().await?;
        assert_eq!(console.request("/hello", &[]).await?.field("x-cache"), Some("MISS"));
        Ok(())
    });
}
