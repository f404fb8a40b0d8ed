//! A session of a headless Chromium.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::{By, ChromeCapabilities, LoggingPrefsLogLevel, TypingData, WebDriver, WebElement};

use crate::chromedriver::Chromedriver;
use crate::driver_client::DriverClient;
use crate::traffic::{self, Exchange};
use crate::wait::until;

/// No window, no profile of the user, and nothing that asks another host.
///
/// Chromium resolves no name. A page that names another host still shows in the log of requests.
const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--disable-gpu",
    // They would be a grey bar on each picture.
    "--hide-scrollbars",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// The size of the screen, in CSS pixels, and the theme that the user prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
    /// Whether the user prefers the dark theme.
    pub is_dark: bool,
}

impl Screen {
    /// A desktop.
    pub const DESKTOP: Self = Self { width: 1280, height: 800, is_dark: false };
    /// A small phone.
    pub const PHONE: Self = Self { width: 360, height: 740, is_dark: false };

    /// Returns the screen of a user who prefers the dark theme.
    #[must_use]
    pub const fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }
}

/// A browser with one tab. Dropping it ends its processes.
#[derive(Debug)]
pub struct Browser {
    driver: WebDriver,
    // Declared after the session, which ends first.
    chromedriver: Chromedriver,
}

impl Browser {
    /// Starts chromedriver and Chromium.
    ///
    /// # Errors
    ///
    /// The error says what to do if one of them is missing.
    pub async fn start() -> Result<Self> {
        let chromedriver = Chromedriver::start()?;
        let capabilities = capabilities(&chromedriver)?;
        let session = WebDriver::builder(chromedriver.url(), capabilities).client(DriverClient::default());
        let driver = session.connect().await.with_context(|| {
            format!(
                "Chromium did not start: `cargo xtask test` installs it, and runs the tests\n{}",
                chromedriver.logged()
            )
        })?;
        let browser = Self { driver, chromedriver };
        browser.set_screen(Screen::DESKTOP).await?;
        Ok(browser)
    }

    /// Returns the id of the process group that chromedriver and the browser have.
    #[must_use]
    pub fn process_group(&self) -> u32 {
        self.chromedriver.process_group()
    }

    /// Returns the folder with everything that the browser writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.chromedriver.folder()
    }

    /// Ends the session. Without this, dropping the browser kills it.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn quit(self) -> Result<()> {
        Ok(self.driver.quit().await?)
    }

    /// Opens a page, and waits until it is loaded.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be loaded.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.driver.goto(url).await.with_context(|| format!("cannot open {url}"))
    }

    /// Leaves the page. The browser keeps it in its back/forward cache, if the page permits.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn leave(&self) -> Result<()> {
        self.open("about:blank").await
    }

    /// Goes back to the page before.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn go_back(&self) -> Result<()> {
        Ok(self.driver.back().await?)
    }

    /// Returns the URL of the page, with its fragment.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn url(&self) -> Result<String> {
        Ok(self.driver.current_url().await?.into())
    }

    /// Runs the body of a function, and returns what it returns. `arguments` has its arguments.
    ///
    /// The policy of the page against inline scripts does not apply.
    ///
    /// # Errors
    ///
    /// Fails if the script throws, or returns something else.
    pub async fn run<T: DeserializeOwned>(&self, script: &str, arguments: &[Value]) -> Result<T> {
        let returned = self.driver.execute(script, arguments).await;
        let returned = returned.with_context(|| format!("this script failed: {}", beginning(script)))?;
        Ok(returned.convert()?)
    }

    /// Runs the body of an async function, like [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// Fails if the script throws, takes longer than 30 seconds, or returns something else.
    pub async fn run_async<T: DeserializeOwned>(&self, script: &str, arguments: &[Value]) -> Result<T> {
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             (async () => {{ {script} }})().then(value => done({{ value }}), error => done({{ error: String(error) }}));"
        );
        let returned = self.driver.execute_async(&*script, arguments).await?;
        match returned.json()["error"].as_str() {
            Some(error) => anyhow::bail!("a script failed: {error}"),
            None => Ok(serde_json::from_value(returned.json()["value"].clone())?),
        }
    }

    /// Waits for the element, and returns it. A selector is one of CSS, or an XPath.
    ///
    /// # Errors
    ///
    /// Fails if it does not come.
    pub async fn find(&self, selector: &str) -> Result<WebElement> {
        let by = || if selector.starts_with("//") { By::XPath(selector) } else { By::Css(selector) };
        until(&format!("the element `{selector}`"), async || {
            Ok(self.driver.find_all(by()).await?.into_iter().next())
        })
        .await
    }

    /// Presses keys, one after the other. They go to the element that has the focus.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn press(&self, keys: impl Into<TypingData>) -> Result<()> {
        Ok(self.driver.action_chain().send_keys(keys).perform().await?)
    }

    /// Changes the screen.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn set_screen(&self, screen: Screen) -> Result<()> {
        let Screen { width, height, is_dark } = screen;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", size).await?;
        let theme = if is_dark { "dark" } else { "light" };
        // Animations would make pictures and contrasts depend on the moment.
        let features = json!([
            { "name": "prefers-color-scheme", "value": theme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.driver.cdp().send_raw("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
        Ok(())
    }

    /// Returns a picture of the screen, as PNG.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        Ok(self.driver.screenshot_as_png().await?)
    }

    /// Returns warnings and errors of the console and of the browser since the last call: failed
    /// requests, violations of the content security policy, uncaught exceptions.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let entries = self.driver.get_log("browser").await?.into_iter();
        let complaints = entries.filter(|entry| matches!(&*entry.level, "SEVERE" | "WARNING"));
        Ok(complaints.map(|entry| format!("{}: {}", entry.level, entry.message)).collect())
    }

    /// Returns the requests of all pages since the last call.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn exchanges(&self) -> Result<Vec<Exchange>> {
        let entries = self.driver.get_log("performance").await?;
        traffic::exchanges(entries.iter().map(|entry| &*entry.message))
    }

    /// Returns the cookies of the page.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn cookies(&self) -> Result<Vec<String>> {
        let cookies = self.driver.get_all_cookies().await?.into_iter();
        Ok(cookies.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect())
    }
}

fn capabilities(chromedriver: &Chromedriver) -> Result<ChromeCapabilities> {
    let mut capabilities = ChromeCapabilities::new();
    let folder = chromedriver.folder();
    for argument in ARGUMENTS {
        capabilities.add_arg(argument)?;
    }
    capabilities.add_arg(&format!("--user-data-dir={}", folder.join("profile").display()))?;
    // This process has created the folder, so the folder has its user.
    if std::fs::metadata(folder)?.uid() == 0 {
        // The sandbox of Chromium refuses root.
        capabilities.add_arg("--no-sandbox")?;
    }
    capabilities.set_browser_log_level(LoggingPrefsLogLevel::All)?;
    capabilities.set_logging_prefs("performance", LoggingPrefsLogLevel::All)?;
    capabilities.add_experimental_option("perfLoggingPrefs", json!({ "enableNetwork": true }))?;
    Ok(capabilities)
}

fn beginning(script: &str) -> String {
    script.chars().take(200).collect()
}
