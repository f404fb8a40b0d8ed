//! Every page, in both themes, on a desktop and on a phone.

use anyhow::Result;
use larder_browser::accessibility::{Rules, violations};
use larder_browser::{Browser, Screen, until};

use crate::fixture::{console, log_in, run};

#[test]
fn axe_finds_no_violation_on_any_page_in_any_theme_and_width() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        let mut found = Vec::new();
        for page in console.pages().await? {
            console.go(&page).await?;
            found.extend(violations_on_all_screens(&fixture.browser, &page).await?);
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    });
}

#[test]
fn axe_finds_no_violation_in_the_login() {
    run(async |fixture| {
        console(fixture).open().await?;
        let found = violations_on_all_screens(&fixture.browser, "login").await?;
        assert!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    });
}

/// On a phone, the navigation is another one, so all rules are checked there as well.
const SCREENS: [(Screen, Rules); 4] = [
    (Screen::DESKTOP, Rules::All),
    (Screen::DESKTOP.dark(), Rules::Colors),
    (Screen::PHONE.dark(), Rules::Colors),
    (Screen::PHONE, Rules::All),
];

async fn violations_on_all_screens(browser: &Browser, page: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (screen, rules) in SCREENS {
        browser.set_screen(screen).await?;
        let violations = violations(browser, rules).await?.into_iter();
        found.extend(violations.map(|violation| format!("{page}, {screen:?}: {violation:#?}")));
    }
    browser.set_screen(Screen::DESKTOP).await?;
    Ok(found)
}

#[test]
fn no_page_scrolls_sideways_on_a_phone() {
    run(async |fixture| {
        let console = log_in(fixture).await?;
        let pages = console.pages().await?;
        fixture.browser.set_screen(Screen::PHONE).await?;
        for page in pages {
            console.go(&page).await?;
            assert_eq!(overflow(&fixture.browser).await?, 0, "{page}");
        }
        console.open().await?;
        assert_eq!(overflow(&fixture.browser).await?, 0, "login");
        Ok(())
    });
}

#[test]
fn the_theme_is_that_of_the_system_until_one_is_chosen() {
    run(async |fixture| {
        let (browser, console) = (&fixture.browser, console(fixture));
        browser.set_screen(Screen::DESKTOP.dark()).await?;
        console.open().await?;
        has_theme(browser, "dark").await?;
        browser.set_screen(Screen::DESKTOP).await?;
        has_theme(browser, "light").await?;
        for chosen in ["light", "dark"] {
            console.click("[aria-label^='Theme']").await?;
            for screen in [Screen::DESKTOP, Screen::DESKTOP.dark()] {
                browser.set_screen(screen).await?;
                has_theme(browser, chosen).await?;
            }
        }
        console.click("[aria-label^='Theme']").await?;
        browser.set_screen(Screen::DESKTOP).await?;
        has_theme(browser, "light").await
    });
}

/// Waits until the page has the colours of this theme.
async fn has_theme(browser: &Browser, theme: &str) -> Result<()> {
    let script = "
        const { colorScheme, backgroundColor } = getComputedStyle(document.body);
        const lightness = Number(backgroundColor.match(/\\d+/)[0]);
        return colorScheme === arguments[0] && (lightness > 128) === (arguments[0] === 'light');
    ";
    until(&format!("the {theme} theme"), async || {
        Ok(browser.run::<bool>(script, &[theme.into()]).await?.then_some(()))
    })
    .await
}

/// Returns by how many pixels the page is wider than the screen.
async fn overflow(browser: &Browser) -> Result<i32> {
    let script =
        "const { scrollWidth, clientWidth } = document.documentElement; return scrollWidth - clientWidth";
    browser.run(script, &[]).await
}
