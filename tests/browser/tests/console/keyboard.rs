//! The keyboard is enough.

use anyhow::{Result, bail};
use larder_browser::Browser;
use thirtyfour::Key;

use crate::fixture::{console, run};

/// A page has fewer elements than this that take the focus.
const MAX_TABS: usize = 80;

#[test]
fn one_can_log_in_navigate_and_purge_without_a_mouse() {
    run(async |fixture| {
        let (browser, console) = (&fixture.browser, console(fixture));
        let target = "/api/products/4601";
        console.request(target, &[]).await?;
        console.open().await?;
        tab_to(browser, "#token").await?;
        browser.press(larder_browser::Site::TOKEN).await?;
        browser.press(Key::Enter).await?;
        browser.find("main[data-page=overview]").await?;
        tab_to(browser, "nav a[href='#/purge']").await?;
        browser.press(Key::Enter).await?;
        browser.find("main[data-page=purge]").await?;
        let heading: bool = browser.run("return document.activeElement.matches('main h1')", &[]).await?;
        assert!(heading, "the heading has the focus");
        tab_to(browser, "#selectors").await?;
        browser.press("product:4601").await?;
        tab_to(browser, "form button.primary").await?;
        browser.press(Key::Enter).await?;
        console.find_figure("purge-outcome", "dry-run").await?;
        tab_to(browser, "button.danger").await?;
        browser.press(Key::Enter).await?;
        console.purged().await?;
        assert_eq!(console.request(target, &[]).await?.field("x-cache"), Some("MISS"));
        Ok(())
    });
}

/// Presses Tab until this element has the focus.
async fn tab_to(browser: &Browser, selector: &str) -> Result<()> {
    for _ in 0..MAX_TABS {
        let has_focus = "return document.activeElement.matches(arguments[0])";
        if browser.run(has_focus, &[selector.into()]).await? {
            return Ok(());
        }
        browser.press(Key::Tab).await?;
    }
    bail!("{selector} does not get the focus")
}
