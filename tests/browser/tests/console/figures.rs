//! Every figure is compared with the answer of the API.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use larder_browser::{Browser, Console, until};
use serde_json::Value;

use crate::expected::{Expected, advice, instances, overview, redis, routes, top_keys};
use crate::fixture::{Fixture, log_in, run};

/// Figures of the frame around each page.
const FRAME: [&str; 2] = ["client", "health"];

#[test]
fn the_figures_of_the_overview_are_those_of_the_api() {
    run(async |fixture| {
        let console = quiet(fixture).await?;
        compare(&console, "overview", async || {
            Ok(overview(&console.api("GET", "stats", None).await?, &console.api("GET", "store", None).await?))
        })
        .await?;
        Ok(())
    });
}

#[test]
fn the_figures_of_routes_classes_and_collections_are_those_of_the_api() {
    run(async |fixture| {
        let console = quiet(fixture).await?;
        console.go("routes").await?;
        for kind in ["routes", "classes", "collections"] {
            console.click(&format!("label:has(input[name=kind][value={kind}])")).await?;
            let shown = async || Ok(routes(&console.api("GET", "stats", None).await?, kind));
            let count = compare(&console, "routes", shown).await?;
            assert!(count > 8, "{kind} has {count} figures");
        }
        Ok(())
    });
}

#[test]
fn the_figures_of_redis_and_of_the_instances_are_those_of_the_api() {
    run(async |fixture| {
        let console = quiet(fixture).await?;
        console.go("redis").await?;
        let store = async || Ok(redis(&console.api("GET", "store", None).await?));
        compare(&console, "redis", store).await?;
        console.go("instances").await?;
        let fleet = async || Ok(instances(&console.api("GET", "instances", None).await?));
        compare(&console, "instances", fleet).await?;
        assert_eq!(console.figure("instances").await?, "2");
        console.find_figure("instances-following", "2").await
    });
}

#[test]
fn advice_and_top_keys_are_those_of_the_api() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        // A finding about the hit ratio of a class needs 1,000 lookups.
        for _ in 0..1_100 {
            console.request("/api/countries", &[]).await?;
        }
        until("advice and top keys", async || {
            let findings = console.api("GET", "advice", None).await?;
            let keys = console.api("GET", "top-keys", None).await?;
            let is_empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
            Ok((!is_empty(&findings) && !is_empty(&keys["requests"])).then_some(()))
        })
        .await?;
        fixture.pause_load();
        console.go("advice").await?;
        let findings = async || Ok(advice(&console.api("GET", "advice", None).await?));
        compare(&console, "advice", findings).await?;
        console.go("top-keys").await?;
        for by in ["requests", "handler_micros", "bytes", "misses"] {
            console.click(&format!("label:has(input[name=by][value={by}])")).await?;
            let keys = async || Ok(top_keys(&console.api("GET", "top-keys", None).await?, by));
            compare(&console, by, keys).await?;
        }
        Ok(())
    });
}

/// Counters that the page shows as they are in the API.
const COUNTERS: [[&str; 2]; 2] = [["fills", "fills"], ["memory-bytes", "memory_bytes"]];

#[test]
fn figures_move_under_load_and_charts_have_lines() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        let before = console.api("GET", "stats", None).await?;
        let hit_rate = console.figure("hit-rate").await?;
        until("a figure that moves", async || {
            let moved = console.figure("hit-rate").await? != hit_rate;
            let requests: f64 = console.figure("requests-per-second").await?.parse().unwrap_or(0.0);
            let recent: f64 = console.figure("hit-rate-recent").await?.parse().unwrap_or(0.0);
            Ok((moved && requests > 5.0 && recent > 0.0 && recent <= 1.0).then_some(()))
        })
        .await?;
        until("figures between those of the API", async || {
            let shown = console.figures().await?;
            let after = console.api("GET", "stats", None).await?;
            Ok(COUNTERS.iter().all(|counter| is_between(counter, &shown, [&before, &after])).then_some(()))
        })
        .await?;
        for chart in ["requests", "hit-rate", "latency", "time-saved", "memory", "store-memory"] {
            until(&format!("the line of {chart}"), async || {
                Ok((pixels(&fixture.browser, chart).await? > 30).then_some(()))
            })
            .await?;
        }
        Ok(())
    });
}

fn is_between(
    [name, field]: &[&str; 2],
    shown: &BTreeMap<String, Vec<String>>,
    [before, after]: [&Value; 2],
) -> bool {
    let shown: Option<f64> = shown.get(*name).and_then(|values| values[0].parse().ok());
    let (before, after) = (before[*field].as_f64(), after[*field].as_f64());
    before < shown && shown <= after
}

/// Returns how many pixels of a chart have the colour of the first line.
async fn pixels(browser: &Browser, chart: &str) -> Result<u32> {
    let script = "
        const canvas = document.querySelector(`[data-chart='${arguments[0]}'] canvas`);
        if (!canvas) return 0;
        const probe = document.createElement('canvas').getContext('2d');
        probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--series-1').trim();
        probe.fillRect(0, 0, 1, 1);
        const line = probe.getImageData(0, 0, 1, 1).data;
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let count = 0;
        for (let at = 0; at < data.length; at += 4) {
            const distance = Math.abs(data[at] - line[0]) + Math.abs(data[at + 1] - line[1]) + Math.abs(data[at + 2] - line[2]);
            if (distance < 30 && data[at + 3] > 150) count += 1;
        }
        return count;
    ";
    browser.run(script, &[chart.into()]).await
}

/// Logs in, and stops the load.
async fn quiet(fixture: &Fixture) -> Result<Console<'_>> {
    let console = log_in(fixture).await?;
    fixture.pause_load();
    Ok(console)
}

/// Waits until each figure of the page has its expected value, and there is no other figure.
/// Returns their number.
async fn compare(
    console: &Console<'_>,
    page: &str,
    mut expected: impl AsyncFnMut() -> Result<Expected>,
) -> Result<usize> {
    let mut differences = Vec::new();
    let same = until("the same figures", async || {
        let shown = console.figures().await?;
        let expected = expected().await?;
        differences = expected.differences(&shown, &FRAME);
        Ok(differences.is_empty().then_some(shown.len()))
    });
    match same.await {
        Ok(count) => Ok(count),
        Err(error) => bail!("{page}: {error}\n{}", differences.join("\n")),
    }
}
