//! The browser and the shops that all tests share. The start of each takes seconds.

use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::Result;
use larder_browser::{Browser, Console, Screen, Site};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// The servers and the browser that a test has for itself until it ends.
pub(crate) struct Fixture {
    pub(crate) browser: Browser,
    /// Two shops. Made-up clients send requests to the first one.
    pub(crate) site: Site,
    load: Mutex<Option<JoinHandle<()>>>,
}

impl Fixture {
    /// Stops the made-up clients until the end of the test, so that figures stand still.
    pub(crate) fn pause_load(&self) {
        let load = self.load.lock().unwrap_or_else(PoisonError::into_inner).take();
        load.into_iter().for_each(|load| load.abort());
    }

    fn resume_load(&self) {
        self.load.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| self.site.load());
    }
}

/// The fixture, or why there is none. Its processes end with this one.
static FIXTURE: LazyLock<(Runtime, Result<Mutex<Fixture>, String>)> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let fixture = runtime.block_on(start()).map(Mutex::new).map_err(|error| format!("{error:#}"));
    (runtime, fixture)
});

async fn start() -> Result<Fixture> {
    let (browser, site) = tokio::try_join!(Browser::start(), Site::start())?;
    Ok(Fixture { browser, site, load: Mutex::default() })
}

/// Runs a test with an empty page on a desktop. Tests wait for each other.
pub(crate) fn run(test: impl AsyncFnOnce(&Fixture) -> Result<()>) {
    let (runtime, fixture) = &*FIXTURE;
    let fixture = fixture.as_ref().unwrap_or_else(|error| panic!("{error}"));
    // A test that panicked has left nothing that the next one does not clear.
    let fixture = fixture.lock().unwrap_or_else(PoisonError::into_inner);
    let result = runtime.block_on(async {
        fixture.resume_load();
        clear(&fixture.browser).await?;
        test(&fixture).await
    });
    // The backtrace of an async test says nothing.
    result.unwrap_or_else(|error| panic!("{error:#}"));
}

/// Leaves the page, and forgets what was logged and stored.
async fn clear(browser: &Browser) -> Result<()> {
    browser.leave().await?;
    browser.set_screen(Screen::DESKTOP).await?;
    browser.complaints().await?;
    browser.exchanges().await?;
    Ok(())
}

/// Returns the console of the first shop.
pub(crate) fn console(fixture: &Fixture) -> Console<'_> {
    Console::of_shop(&fixture.browser, fixture.site.addrs[0], Site::TOKEN)
}

/// Logs in to the console of the first shop.
pub(crate) async fn log_in(fixture: &Fixture) -> Result<Console<'_>> {
    let console = console(fixture);
    console.log_in().await?;
    Ok(console)
}
