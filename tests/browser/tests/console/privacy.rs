//! The data that the browser stores, sends and logs.

use anyhow::Result;
use larder_browser::{Browser, Site, until};

use crate::fixture::{console, log_in, run};

#[test]
fn a_wrong_token_gets_nothing() {
    run(async |fixture| {
        let browser = &fixture.browser;
        let console = console(fixture);
        console.open().await?;
        console.fill("#token", "a-token-that-no-one-knows").await?;
        console.click("form button[type=submit]").await?;
        let refused = browser.find("[role=alert]").await?.text().await?;
        assert!(refused.contains("not known"), "{refused}");
        let page: String = browser.run("return document.querySelector('main').dataset.page", &[]).await?;
        assert_eq!(page, "login");
        let figures: Vec<String> = browser
            .run("return [...document.querySelectorAll('[data-value]')].map(one => one.outerHTML)", &[])
            .await?;
        assert!(figures.is_empty(), "{figures:?}");
        let exchanges = browser.exchanges().await?;
        let (api, shell): (Vec<_>, Vec<_>) =
            exchanges.iter().partition(|exchange| exchange.url.contains("/api/"));
        assert_eq!(api.iter().map(|exchange| exchange.status).collect::<Vec<_>>(), [Some(401)], "{api:?}");
        assert!(shell.len() > 5, "the shell has its scripts: {shell:?}");
        // Chromium logs the refused request itself, and there is nothing else.
        let complaints = browser.complaints().await?;
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].contains("401"), "{complaints:?}");
        Ok(())
    });
}

/// Everything that outlives the page, or that others can see.
const PLACES: &str = "
    const databases = await indexedDB.databases();
    const caches = await window.caches?.keys() ?? [];
    return JSON.stringify({
        databases, caches,
        local: { ...localStorage }, session: { ...sessionStorage }, cookie: document.cookie,
        urls: navigation.entries().map(({ url }) => url), state: history.state, name: window.name,
        document: document.documentElement.outerHTML,
    });
";

#[test]
fn the_token_is_in_memory_alone() {
    run(async |fixture| {
        let browser = &fixture.browser;
        let console = log_in(fixture).await?;
        for page in console.pages().await? {
            assert!(!has_token(browser).await?, "{page}");
            console.go(&page).await?;
        }
        assert!(!has_token(browser).await?);
        let exchanges = browser.exchanges().await?;
        assert!(exchanges.len() > 20, "{exchanges:?}");
        let with_token = exchanges.iter().filter(|exchange| exchange.url.contains(Site::TOKEN));
        assert_eq!(with_token.count(), 0, "{exchanges:?}");
        // It is gone with the page.
        browser.leave().await?;
        console.open().await
    });
}

/// Whether the token is anywhere but in the memory of the page.
async fn has_token(browser: &Browser) -> Result<bool> {
    let places: String = browser.run_async(PLACES, &[]).await?;
    let cookies = browser.cookies().await?;
    Ok(places.contains(Site::TOKEN) || cookies.iter().any(|cookie| cookie.contains(Site::TOKEN)))
}

#[test]
fn a_token_in_a_url_in_storage_or_in_a_cookie_is_seen() {
    run(async |fixture| {
        let (browser, console) = (&fixture.browser, console(fixture));
        for [plant, remove] in [
            [
                "history.replaceState(null, '', '#/?token=' + arguments[0])",
                "history.replaceState(null, '', '#/')",
            ],
            ["sessionStorage.token = arguments[0]", "sessionStorage.clear()"],
            ["localStorage.token = arguments[0]", "localStorage.clear()"],
            ["document.cookie = 'token=' + arguments[0]", "document.cookie = 'token=; max-age=0'"],
        ] {
            console.open().await?;
            assert!(!has_token(browser).await?);
            browser.run::<()>(plant, &[Site::TOKEN.into()]).await?;
            assert!(has_token(browser).await?, "{plant}");
            browser.run::<()>(remove, &[]).await?;
        }
        Ok(())
    });
}

#[test]
fn no_page_complains_or_asks_another_host() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        let host = format!("http://{}/", fixture.site.addrs[0]);
        let mut requests = 0;
        for page in console.pages().await? {
            console.go(&page).await?;
            assert_eq!(fixture.browser.complaints().await?, [""; 0], "{page}");
            let exchanges = fixture.browser.exchanges().await?;
            let elsewhere = exchanges.iter().find(|exchange| !is_of(&exchange.url, &host));
            assert_eq!(elsewhere, None, "{page}");
            requests += exchanges.len();
        }
        assert!(requests > 20, "{requests}");
        Ok(())
    });
}

fn is_of(url: &str, host: &str) -> bool {
    url.starts_with(host) || url.starts_with("data:") || url == "about:blank"
}

#[test]
fn a_complaint_and_a_request_to_another_host_are_seen() {
    run(async |fixture| {
        let browser = &fixture.browser;
        log_in(fixture).await?;
        let plant = "
            const style = document.createElement('p');
            style.setAttribute('style', 'color: red');
            new Image().src = 'http://another.example/pixel.png';
        ";
        browser.run::<()>(plant, &[]).await?;
        let mut complaints = Vec::new();
        until("the complaints", async || {
            complaints.extend(browser.complaints().await?);
            let has = |text: &str| complaints.iter().any(|complaint| complaint.contains(text));
            Ok((has("inline style") && has("another.example")).then_some(()))
        })
        .await
    });
}
