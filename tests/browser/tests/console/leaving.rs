//! A page that is left ends its session, also if the browser keeps the page to show it again.

use anyhow::{Context, Result};
use larder_browser::{Browser, until};

use crate::fixture::{console, log_in, run};
use crate::watched_app::WatchedApp;

/// A browser opens this many connections to a host, and some more.
const MANY: usize = 8;

#[test]
fn a_page_that_comes_back_from_the_back_forward_cache_asks_for_the_token() {
    run(async |fixture| {
        let browser = &fixture.browser;
        let console = log_in(fixture).await?;
        console.figure("hit-rate").await?;
        leave_and_come_back(browser).await?;
        let reason = browser.find("main[data-page=login] [role=alert]").await?.text().await?;
        assert!(reason.contains("left this page"), "{reason}");
        let figures: Vec<String> = browser
            .run("return [...document.querySelectorAll('[data-value]')].map(one => one.outerHTML)", &[])
            .await?;
        assert_eq!(figures, [""; 0]);
        browser.exchanges().await?;
        // It works again, and it asked for nothing before.
        console.enter().await?;
        let exchanges = browser.exchanges().await?;
        let first = exchanges.iter().find(|exchange| exchange.url.contains("/api/"));
        assert!(first.is_some_and(|first| first.url.ends_with("/api/client")), "{exchanges:?}");
        assert_eq!(browser.complaints().await?, [""; 0]);
        Ok(())
    });
}

#[test]
fn a_token_that_was_typed_is_gone_when_the_page_comes_back() {
    run(async |fixture| {
        let browser = &fixture.browser;
        let console = console(fixture);
        console.open().await?;
        console.fill("#token", larder_browser::Site::TOKEN).await?;
        leave_and_come_back(browser).await?;
        let typed: String = browser.run("return document.querySelector('#token').value", &[]).await?;
        assert_eq!(typed, "");
        let alerts: usize =
            browser.run("return document.querySelectorAll('[role=alert]').length", &[]).await?;
        assert_eq!(alerts, 0, "there was no session to end");
        Ok(())
    });
}

#[test]
fn pages_that_were_left_hold_no_connection() {
    run(async |fixture| {
        let app = WatchedApp::serve().await?;
        let console = app.console(&fixture.browser);
        for _ in 0..MANY {
            console.log_in().await?;
            console.figure("hit-rate").await?;
            console.go("invalidations").await?;
            console.find_figure("feed", "live").await?;
            fixture.browser.leave().await?;
        }
        open_feeds(&app, 0).await
    });
}

#[test]
fn requests_without_an_answer_end_when_the_page_is_left() {
    run(async |fixture| {
        let app = WatchedApp::serve().await?;
        let console = app.console(&fixture.browser);
        console.log_in().await?;
        console.go("purge?tag=hello").await?;
        app.hold();
        console.click("form button.primary").await?;
        // The dry run, and the statistics of each second.
        until("waiting requests", async || Ok((app.held() >= 2).then_some(()))).await?;
        leave_and_come_back(&fixture.browser).await?;
        fixture.browser.find("main[data-page=login]").await?;
        until("no waiting request", async || Ok((app.held() == 0).then_some(()))).await
    });
}

#[test]
fn a_page_has_one_live_feed() {
    run(async |fixture| {
        let app = WatchedApp::serve().await?;
        let console = app.console(&fixture.browser);
        console.open().await?;
        for _ in 0..3 {
            console.enter().await?;
            console.go("invalidations").await?;
            console.find_figure("feed", "live").await?;
            open_feeds(&app, 1).await?;
            console.click("//button[text()='Log out']").await?;
            open_feeds(&app, 0).await?;
            fixture.browser.run::<()>("location.hash = ''", &[]).await?;
        }
        Ok(())
    });
}

/// Leaves the page, and comes back to the same document: it was not loaded again.
async fn leave_and_come_back(browser: &Browser) -> Result<()> {
    browser.run::<()>("window.isKept = true", &[]).await?;
    browser.leave().await?;
    browser.go_back().await?;
    browser.find("main").await?;
    let is_kept: Option<bool> = browser.run("return window.isKept", &[]).await?;
    anyhow::ensure!(is_kept == Some(true), "the browser did not keep the page");
    Ok(())
}

async fn open_feeds(app: &WatchedApp, expected: usize) -> Result<()> {
    let what = format!("{expected} live feeds");
    let found = until(&what, async || Ok((app.open_feeds() == expected).then_some(()))).await;
    found.with_context(|| format!("there are {}", app.open_feeds()))
}
