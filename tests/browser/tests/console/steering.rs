//! A change in the console takes effect for clients.

use anyhow::Result;
use larder_browser::{Console, until};
use serde_json::json;

use crate::fixture::{log_in, run};

/// Products that the made-up clients never ask for.
const PURGED: &str = "/api/products/4201";
const COUNTRIES: &str = "/api/countries";

#[test]
fn a_purge_makes_the_next_request_a_miss_and_the_one_after_a_hit() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        store(&console, PURGED).await?;
        console.go("purge").await?;
        console.fill("#selectors", "product:4201").await?;
        console.click("form button.primary").await?;
        console.find_figure("purge-outcome", "dry-run").await?;
        let tried = json!({ "tags": ["product:4201"], "dry_run": true });
        let reach = console.api("POST", "purge", Some(&tried)).await?;
        for (figure, field) in [("responses", "responses"), ("values", "values"), ("bytes", "bytes")] {
            let shown = console.figure(&format!("reach-{figure}")).await?;
            assert_eq!(shown, reach["here"][field].to_string(), "{figure}");
        }
        assert_eq!(console.figure("reach-responses").await?, "1");
        assert_eq!(x_cache(&console, PURGED).await?, "HIT", "the dry run changes nothing");

        console.click("button.danger").await?;
        console.purged().await?;
        let miss = console.request(PURGED, &[]).await?;
        assert_eq!(miss.field("x-cache"), Some("MISS"));
        let status = miss.field("cache-status").unwrap_or_default();
        assert!(status.contains("detail=invalidated"), "{status}");
        assert_eq!(x_cache(&console, PURGED).await?, "HIT");
        Ok(())
    });
}

#[test]
fn a_purge_of_everything_needs_a_second_confirmation() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        store(&console, PURGED).await?;
        console.go("purge").await?;
        console.click("label:has(input[name=kind][value=all])").await?;
        console.click("form button.primary").await?;
        console.find_figure("purge-outcome", "dry-run").await?;
        for incomplete in ["", "everythin", "Everything"] {
            console.fill("#confirmation", incomplete).await?;
            let button = fixture.browser.find("button.danger").await?;
            assert!(!button.is_enabled().await?, "{incomplete}");
        }
        assert_eq!(x_cache(&console, PURGED).await?, "HIT");
        console.fill("#confirmation", "everything").await?;
        console.click("button.danger").await?;
        console.purged().await?;
        assert_eq!(x_cache(&console, PURGED).await?, "MISS");
        Ok(())
    });
}

#[test]
fn a_switch_makes_requests_bypass_the_cache_until_it_is_ended() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        store(&console, COUNTRIES).await?;
        console.go("switches").await?;
        console.click(&format!("#switch-name option[value='{COUNTRIES}']")).await?;
        console.click("form button.danger").await?;
        console.find_figure("switches", "1").await?;
        let bypass = console.request(COUNTRIES, &[]).await?;
        assert_eq!(bypass.field("x-cache"), Some("BYPASS"));
        let status = bypass.field("cache-status").unwrap_or_default();
        assert!(status.contains("detail=switched-off"), "{status}");
        let switches = console.api("GET", "switches", None).await?;
        assert_eq!(switches[0]["scope"]["route"], COUNTRIES, "{switches}");

        console.click("[data-table=switches] tbody button").await?;
        console.find_figure("switches", "0").await?;
        assert_eq!(x_cache(&console, COUNTRIES).await?, "HIT", "what was stored is still there");
        Ok(())
    });
}

#[test]
fn a_warm_job_shows_its_progress_and_its_end() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        console.go("warm").await?;
        let uris: Vec<_> = (4301..4341).map(|product| format!("/api/products/{product}")).collect();
        console.fill("#uris", &uris.join("\n")).await?;
        console.fill("#per-second", "10").await?;
        console.click("form button.primary").await?;
        let mut seen = Vec::new();
        let row = until("the end of the job", async || {
            let figures = console.figures().await?;
            let mut done =
                figures.iter().filter(|(name, _)| name.starts_with("jobs/") && name.ends_with("/done"));
            let Some((name, values)) = done.next_back() else { return Ok(None) };
            if seen.last() != Some(&values[0]) {
                seen.push(values[0].clone());
            }
            Ok((values[0] == "40").then(|| name.trim_end_matches("/done").to_owned()))
        })
        .await?;
        assert!(seen.len() > 2, "it shows the progress: {seen:?}");
        let job = row.trim_start_matches("jobs/");
        let answer = console.api("GET", &format!("warm/{job}"), None).await?;
        assert_eq!(console.figures().await?[&format!("{row}/filled")], [answer["filled"].to_string()]);
        assert_eq!(answer["filled"], 40, "{answer}");
        assert_eq!(x_cache(&console, &uris[39]).await?, "HIT");
        Ok(())
    });
}

/// Sends requests until the response is stored.
async fn store(console: &Console<'_>, target: &str) -> Result<()> {
    until("a hit", async || Ok((x_cache(console, target).await? == "HIT").then_some(()))).await
}

async fn x_cache(console: &Console<'_>, target: &str) -> Result<String> {
    Ok(console.request(target, &[]).await?.field("x-cache").unwrap_or_default().to_owned())
}
