//! The console says why, and what is stored.

use anyhow::Result;
use larder_browser::client::{Request, send};
use larder_browser::{Console, until};
use serde_json::json;

use crate::fixture::{Fixture, log_in, run};

#[test]
fn an_explanation_names_the_cookie_that_keeps_the_cache_out() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        let target = "/api/products/4401";
        let answer = console.request(target, &[["cookie", "theme=dark"]]).await?;
        let status = answer.field("cache-status").unwrap_or_default();
        assert!(status.contains("cookie"), "{status}");
        console.go("explain").await?;
        console.fill("#address", target).await?;
        console.fill("#fields", "Cookie: theme=dark").await?;
        console.click("form button.primary").await?;
        let shown = console.figure("explanation").await?;
        let host = fixture.site.addrs[0].to_string();
        let request = json!({ "uri": target, "headers": [["host", host], ["cookie", "theme=dark"]] });
        let explained = console.api("POST", "explain", Some(&request)).await?;
        let outcome = |name: &str| explained["outcome"][name].as_str().unwrap_or_default().to_owned();
        assert_eq!(shown, format!("{} {}", outcome("outcome"), outcome("reason")));
        assert!(shown.contains("cookie"), "{shown}");
        let text = fixture.browser.find("[data-figure=explanation]").await?.text().await?;
        assert!(text.contains("cookie"), "{text}");
        Ok(())
    });
}

#[test]
fn an_explanation_names_the_invalidation() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        let target = "/api/products/4402";
        console.request(target, &[]).await?;
        console.api("POST", "purge", Some(&json!({ "tags": ["product:4402"] }))).await?;
        console.go("explain").await?;
        let url = format!("http://{}{target}", fixture.site.addrs[0]);
        console.fill("#address", &url).await?;
        console.click("form button.primary").await?;
        assert_eq!(console.figure("explanation").await?, "miss invalidated");
        let text = fixture.browser.find("[data-figure=explanation]").await?.text().await?;
        assert!(text.contains("product:4402"), "{text}");
        let by = console.figure("invalidated-by").await?;
        assert!(by.contains("product:4402"), "{by}");
        Ok(())
    });
}

#[test]
fn the_log_shows_an_invalidation_of_another_instance_as_it_happens() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        console.go("invalidations").await?;
        console.find_figure("feed", "live").await?;
        fixture.pause_load();
        change(fixture, "/api/products/4403").await?;
        let row = "//tr[.//*[@data-value='t:product:4403']]";
        let row = fixture.browser.find(row).await?.text().await?;
        assert!(row.contains("tag product:4403"), "{row}");
        assert!(row.contains("another one") && row.contains("hard"), "{row}");
        // Figures that do not stand still would show the page at two moments.
        until("as many rows as events", async || {
            let figures = console.figures().await?;
            let events: usize = figures["events"][0].parse()?;
            let rows = figures.keys().filter(|name| name.ends_with("/selector")).count();
            Ok((events == rows).then_some(()))
        })
        .await
    });
}

#[test]
fn stored_responses_are_listed_in_pages_and_inspected() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        for product in 4500..4560 {
            console.request(&format!("/api/products/{product}"), &[]).await?;
        }
        fixture.pause_load();
        console.go("stored").await?;
        console.fill("#filter-prefix", "/api/products/45").await?;
        console.click("form button.primary").await?;
        let first = listed(&console, "responses?prefix=/api/products/45&limit=50").await?;
        assert_eq!(first.len(), 50);
        console.click("//button[text()='Next page']").await?;
        let second = until("the next page", async || {
            let rows = console.rows("responses").await?;
            Ok((rows != first).then_some(rows))
        })
        .await?;
        assert!(!second.is_empty() && second.iter().all(|row| !first.contains(row)), "{second:?}");

        let key = inspect_in_both_tiers(&console, second.len()).await?;
        let query = key.replace('%', "%25").replace('&', "%26").replace('#', "%23").replace('+', "%2B");
        let answer = console.api("GET", &format!("inspect?key={}", query.replace(' ', "%20")), None).await?;
        assert_eq!(console.figure("memory-state").await?, answer["responses"][0]["state"]);
        assert_eq!(console.figure("shared-state").await?, answer["store"]["responses"][0]["state"]);
        let text = fixture.browser.find("[data-figure=inspection]").await?.text().await?;
        let tag = answer["responses"][0]["tags"][0].as_str().unwrap_or_default();
        assert!(tag.starts_with("product:45") && text.contains(tag), "{text}");
        Ok(())
    });
}

/// Inspects the rows of the table in turn, until one is in both tiers. Returns its key.
///
/// An inspection shows one answer. A busy Redis may not have the response yet, or not answer.
async fn inspect_in_both_tiers(console: &Console<'_>, rows: usize) -> Result<String> {
    let mut row = 0;
    until("a response in both tiers", async || {
        row = row % rows + 1;
        console.click(&format!("[data-table=responses] tbody tr:nth-child({row}) button")).await?;
        console.figure("memory-state").await?;
        let figures = console.figures().await?;
        if figures.contains_key("shared-state") {
            return Ok(Some(figures["inspection"][0].clone()));
        }
        console.click("//button[text()='Close']").await?;
        Ok(None)
    })
    .await
}

/// Waits until the table has the same keys as the answer of the API. Returns them.
async fn listed(console: &Console<'_>, resource: &str) -> Result<Vec<String>> {
    until("the listing", async || {
        let answer = console.api("GET", resource, None).await?;
        let rows = console.rows("responses").await?;
        let entries = answer["entries"].as_array().map_or(&[][..], Vec::as_slice);
        let keys: Vec<&str> = entries.iter().filter_map(|entry| entry["key"].as_str()).collect();
        let is_same = !rows.is_empty()
            && rows.iter().map(|row| row.trim_end()).eq(keys)
            && console.figure("matched").await?.parse().ok() == answer["matched"].as_u64();
        Ok(is_same.then_some(rows))
    })
    .await
}

/// Changes a product on the second shop, which invalidates it.
async fn change(fixture: &Fixture, target: &str) -> Result<()> {
    let body = json!({ "name": "Lamp", "price_cents": 1999 });
    let request = Request { method: "PUT", target, fields: &[], body: Some(&body) };
    let answer = send(fixture.site.addrs[1], &request).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(())
}
