//! Each request has a time limit, and is repeated.

use anyhow::{Context, Result};
use larder_browser::{Browser, Console, until};

use crate::fixture::run;
use crate::watched_app::WatchedApp;

/// Puts time limits into the hands of the test, and makes pauses short.
///
/// Limits are those of `AbortSignal.timeout`, and timers from ten seconds on.
const TAKE_OVER_TIME: &str = "
    const limits = new Map();
    let last = -1;
    const add = (run) => { limits.set(last -= 1, run); return last; };
    AbortSignal.timeout = () => {
        const controller = new AbortController();
        add(() => controller.abort(new DOMException('expired', 'TimeoutError')));
        return controller.signal;
    };
    const [start, stop] = [setTimeout.bind(window), clearTimeout.bind(window)];
    window.setTimeout = (run, time, ...rest) =>
        time >= 10_000 ? add(run) : start(run, Math.min(time, 300), ...rest);
    window.clearTimeout = (id) => limits.delete(id) || stop(id);
    window.expire = () => {
        const expired = [...limits.values()];
        limits.clear();
        expired.forEach((run) => run());
    };
";

const LATE: &str = "does not answer in time";

/// Pages that only ask when the operator does.
const WITHOUT_DATA: [&str; 3] = ["invalidations", "explain", "purge"];

#[test]
fn each_page_says_that_an_answer_is_late_and_asks_again() {
    run(async |fixture| {
        let browser = &fixture.browser;
        let app = WatchedApp::serve().await?;
        let console = log_in(&app, browser).await?;
        for page in console.pages().await? {
            app.hold();
            browser.run::<()>("location.hash = arguments[0]", &[format!("#/{page}").into()]).await?;
            browser.find(&format!("main[data-page={page}]")).await?;
            let shown = if WITHOUT_DATA.contains(&&*page) { ".bar" } else { "main" };
            says(browser, shown, LATE).await?;
            recovers(&app, browser, shown, LATE).await?;
            console.go(&page).await?;
            console.find_figure("health", "true").await?;
        }
        Ok(())
    });
}

#[test]
fn a_change_without_an_answer_says_so_and_can_be_sent_again() {
    run(async |fixture| {
        let browser = &fixture.browser;
        let app = WatchedApp::serve().await?;
        let console = log_in(&app, browser).await?;
        console.go("purge?tag=hello").await?;
        console.click("form button.primary").await?;
        console.find_figure("purge-outcome", "dry-run").await?;
        app.hold();
        console.click("button.danger").await?;
        says(browser, "main", "The change may have taken effect").await?;
        app.release();
        console.click("button.danger").await?;
        console.purged().await
    });
}

#[test]
fn what_is_under_a_key_is_asked_for_until_there_is_an_answer() {
    run(async |fixture| {
        let browser = &fixture.browser;
        let app = WatchedApp::serve().await?;
        let console = log_in(&app, browser).await?;
        console.request("/hello", &[]).await?;
        console.go("stored").await?;
        let stored = console.api("GET", "responses", None).await?;
        assert_eq!(stored["matched"], 1, "{stored}");
        console.find_figure("matched", "1").await?;
        app.hold();
        console.click("[data-table=responses] tbody button").await?;
        says(browser, "[data-figure=inspection]", LATE).await?;
        recovers(&app, browser, "[data-figure=inspection]", LATE).await?;
        assert_eq!(console.figure("memory-state").await?, "fresh");
        Ok(())
    });
}

#[test]
fn a_feed_that_is_silent_is_opened_again() {
    run(async |fixture| {
        let browser = &fixture.browser;
        let app = WatchedApp::serve().await?;
        let console = log_in(&app, browser).await?;
        console.go("invalidations").await?;
        console.find_figure("feed", "live").await?;
        app.hold();
        // Nothing comes, and then not even the beginning of an answer.
        for held in ["after the silence", "after the first attempt"] {
            expire(browser).await?;
            until(held, async || Ok((app.open_feeds() == 0 && app.held_feeds() == 1).then_some(()))).await?;
            console.find_figure("feed", "lost").await?;
        }
        app.release();
        expire(browser).await?;
        console.find_figure("feed", "live").await?;
        until("one feed", async || Ok((app.open_feeds() == 1 && app.held_feeds() == 0).then_some(()))).await
    });
}

/// Logs in, and takes over the time of the page.
async fn log_in<'a>(app: &WatchedApp, browser: &'a Browser) -> Result<Console<'a>> {
    let console = app.console(browser);
    console.open().await?;
    browser.run::<()>(TAKE_OVER_TIME, &[]).await?;
    console.enter().await?;
    Ok(console)
}

/// All limits are over.
async fn expire(browser: &Browser) -> Result<()> {
    browser.run("expire()", &[]).await
}

/// Waits until a part of the page has a text. Limits expire meanwhile.
async fn says(browser: &Browser, part: &str, text: &str) -> Result<()> {
    let mut shown = String::new();
    let what = format!("{part} to say \"{text}\"");
    let found = until(&what, async || {
        expire(browser).await?;
        shown = text_of(browser, part).await?;
        Ok(shown.contains(text).then_some(()))
    })
    .await;
    found.with_context(|| shown)
}

/// Lets the application answer again. Waits until a part of the page has no such text.
async fn recovers(app: &WatchedApp, browser: &Browser, part: &str, text: &str) -> Result<()> {
    app.release();
    // Requests that were held get no answer, so they have to end.
    expire(browser).await?;
    let mut shown = String::new();
    let what = format!("{part} without \"{text}\"");
    let found = until(&what, async || {
        shown = text_of(browser, part).await?;
        Ok((!shown.contains(text)).then_some(()))
    })
    .await;
    found.with_context(|| shown)
}

async fn text_of(browser: &Browser, part: &str) -> Result<String> {
    browser.run("return document.querySelector(arguments[0])?.innerText ?? ''", &[part.into()]).await
}
