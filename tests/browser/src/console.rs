//! The console in a browser, as an operator uses it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use thirtyfour::WebElement;

use crate::browser::Browser;
use crate::client::{Answer, Request, send};
use crate::wait::until;

/// Where the shops nest the router.
const PATH: &str = "/ops/cache";

/// Collects the exact value of each figure, with where it is: in a row of a table, or in a finding.
const FIGURES: &str = "
    return [...document.querySelectorAll('[data-figure]')].map((one) => {
        const row = one.closest('[data-row]');
        const table = row?.closest('[data-table]').dataset.table;
        const finding = one.closest('[data-finding]')?.dataset.finding;
        const place = row ? `${table}/${row.dataset.row}/` : finding ? `${finding}/` : '';
        return [place + one.dataset.figure, one.dataset.value ?? one.textContent.trim()];
    });
";

/// The names of the pages, from the navigation.
const PAGES: &str = "
    return [...document.querySelectorAll('nav a')].map(({ hash }) => hash.replace('#/', ''));
";

/// The console of one instance, and the API beside it.
#[derive(Debug, Clone)]
pub struct Console<'a> {
    browser: &'a Browser,
    addr: SocketAddr,
    path: String,
    token: &'a str,
}

impl<'a> Console<'a> {
    /// Returns the console of a shop.
    #[must_use]
    pub fn of_shop(browser: &'a Browser, addr: SocketAddr, token: &'a str) -> Self {
        Self::new(browser, addr, PATH, token)
    }

    /// Returns the console at this path. Nothing is opened yet.
    #[must_use]
    pub fn new(browser: &'a Browser, addr: SocketAddr, path: &str, token: &'a str) -> Self {
        Self { browser, addr, path: path.to_owned(), token }
    }

    /// Opens the console, and waits for the login.
    ///
    /// # Errors
    ///
    /// Fails if it does not appear.
    pub async fn open(&self) -> Result<()> {
        self.browser.open(&self.url()).await?;
        self.browser.find("main[data-page=login]").await?;
        Ok(())
    }

    /// Opens the console, and logs in.
    ///
    /// # Errors
    ///
    /// Fails if no page appears.
    pub async fn log_in(&self) -> Result<()> {
        self.open().await?;
        self.enter().await
    }

    /// Types the token into the login, and waits for the first page.
    ///
    /// # Errors
    ///
    /// Fails if no page appears.
    pub async fn enter(&self) -> Result<()> {
        self.fill("#token", self.token).await?;
        self.click("form button[type=submit]").await?;
        self.browser.find("main[data-page=overview]").await?;
        Ok(())
    }

    /// Returns the URL of the console.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.addr, self.path)
    }

    /// Returns the names of all pages.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn pages(&self) -> Result<Vec<String>> {
        self.browser.run(PAGES, &[]).await
    }

    /// Goes to a page, such as `purge` or `purge?tag=product:7`, and waits until it has its data.
    ///
    /// # Errors
    ///
    /// Fails if it does not appear.
    pub async fn go(&self, page: &str) -> Result<()> {
        self.browser.run::<()>("location.hash = arguments[0]", &[json!(format!("#/{page}"))]).await?;
        let name = page.split('?').next().unwrap_or_default();
        self.browser.find(&format!("main[data-page={name}]")).await?;
        let loading = "return [...document.querySelectorAll('main p')]\
            .some(({ textContent }) => textContent.startsWith('Loading'))";
        until(&format!("the data of the page {page}"), async || {
            let is_loading: bool = self.browser.run(loading, &[]).await?;
            Ok((!is_loading).then_some(()))
        })
        .await
    }

    /// Returns the exact values of all figures of the page, by name.
    ///
    /// The name of a figure in a table is `TABLE/ROW/NAME`, and `KIND/NAME` in a finding.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn figures(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let pairs: Vec<(String, String)> = self.browser.run(FIGURES, &[]).await?;
        let mut figures: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs {
            figures.entry(name).or_default().push(value);
        }
        Ok(figures)
    }

    /// Waits for a figure, and returns its exact value.
    ///
    /// # Errors
    ///
    /// Fails if it does not appear.
    pub async fn figure(&self, name: &str) -> Result<String> {
        let element = self.browser.find(&format!("[data-figure='{name}']")).await?;
        match element.attr("data-value").await? {
            Some(value) => Ok(value),
            None => Ok(element.text().await?),
        }
    }

    /// Waits until a figure has this exact value.
    ///
    /// # Errors
    ///
    /// Fails if it does not get it. The error has what the page says.
    pub async fn find_figure(&self, name: &str, value: &str) -> Result<()> {
        let mut page = String::new();
        let what = format!("the figure {name}: {value}");
        let found = until(&what, async || {
            page = self.browser.run("return document.querySelector('main').innerText", &[]).await?;
            Ok(self
                .figures()
                .await?
                .get(name)
                .is_some_and(|values| values.iter().any(|it| it == value))
                .then_some(()))
        });
        found.await.with_context(|| page)
    }

    /// Waits until a purge has taken effect on this instance.
    ///
    /// If Redis is too slow for a moment, the others follow later, and the outcome is `deferred`.
    ///
    /// # Errors
    ///
    /// Fails if it does not happen.
    pub async fn purged(&self) -> Result<()> {
        until("the purge", async || {
            let outcome = self.figure("purge-outcome").await?;
            Ok(["applied", "deferred"].contains(&&*outcome).then_some(()))
        })
        .await
    }

    /// Returns the keys of the rows of a table.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn rows(&self, table: &str) -> Result<Vec<String>> {
        let rows = "return [...document.querySelectorAll(`[data-table='${arguments[0]}'] [data-row]`)]\
            .map(({ dataset }) => dataset.row)";
        self.browser.run(rows, &[json!(table)]).await
    }

    /// Scrolls to the top of the page.
    ///
    /// # Errors
    ///
    /// Fails if the browser does not answer.
    pub async fn scroll_to_top(&self) -> Result<()> {
        self.browser.run("scrollTo(0, 0)", &[]).await
    }

    /// Waits for an element, and clicks it.
    ///
    /// # Errors
    ///
    /// Fails if it does not appear, or cannot be clicked.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let element = self.browser.find(selector).await?;
        element.click().await.with_context(|| format!("cannot click `{selector}`"))
    }

    /// Replaces the text of a field.
    ///
    /// # Errors
    ///
    /// Fails if it does not appear.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<WebElement> {
        let field = self.browser.find(selector).await?;
        field.clear().await?;
        field.send_keys(text).await?;
        Ok(field)
    }

    /// Sends a request to the API, as another program does.
    ///
    /// # Errors
    ///
    /// Fails if the API does not answer with JSON.
    pub async fn api(&self, method: &str, resource: &str, body: Option<&Value>) -> Result<Value> {
        let target = format!("{}/api/{resource}", self.path.trim_end_matches('/'));
        let authorization = format!("Bearer {}", self.token);
        let fields = [["authorization", &*authorization]];
        send(self.addr, &Request { method, target: &target, fields: &fields, body }).await?.json()
    }

    /// Sends a request to the application, as curl does.
    ///
    /// # Errors
    ///
    /// Fails if it does not answer.
    pub async fn request(&self, target: &str, fields: &[[&str; 2]]) -> Result<Answer> {
        send(self.addr, &Request { method: "GET", target, fields, body: None }).await
    }
}
