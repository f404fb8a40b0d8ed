//! The screenshots of each page, in both themes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use larder_browser::{Browser, Console, Screen, Site, until};
use serde_json::json;

/// Start two shops under load with a Redis, and take a screenshot of each page of the console, in
/// both themes.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask screenshots", version)]
pub(crate) struct Args {
    /// The folder for the pictures. It must exist.
    #[arg(long, value_name = "FOLDER", default_value = "docs/images")]
    folder: PathBuf,
    /// How many seconds of load the charts show.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
}

pub(crate) async fn take(args: &Args) -> Result<()> {
    let (browser, site) = tokio::try_join!(Browser::start(), Site::start())?;
    let load = site.load();
    let console = Console::of_shop(&browser, site.addrs[0], Site::TOKEN);
    console.log_in().await?;
    println!("waiting {} s for the charts to fill", args.seconds);
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let mut total = 0;
    for page in console.pages().await? {
        console.go(&page).await?;
        prepare(&console, &page).await?;
        // On a busy machine, Redis may be too slow for a moment.
        console.find_figure("health", "true").await?;
        for (screen, theme) in [(Screen::DESKTOP, "light"), (Screen::DESKTOP.dark(), "dark")] {
            browser.set_screen(screen).await?;
            settle(&browser).await?;
            let file = args.folder.join(format!("console-{page}-{theme}.png"));
            total += write(&file, &browser.screenshot().await?)?;
        }
    }
    println!("{} KB in all", total / 1000);
    load.abort();
    browser.quit().await?;
    site.close().await;
    Ok(())
}

fn write(file: &Path, picture: &[u8]) -> Result<usize> {
    fs::write(file, picture).with_context(|| format!("cannot write {}", file.display()))?;
    println!("{}: {} KB", file.display(), picture.len() / 1000);
    Ok(picture.len())
}

/// Waits until the charts are drawn in the colours of the theme.
async fn settle(browser: &Browser) -> Result<()> {
    let frames = "for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame)";
    browser.run_async(frames, &[]).await
}

/// Gives a page something to show.
async fn prepare(console: &Console<'_>, page: &str) -> Result<()> {
    match page {
        "explain" => {
            // The made-up clients do not ask for it.
            let target = "/api/products/4001";
            console.request(target, &[]).await?;
            let purge = json!({ "tags": ["product:4001"] });
            console.api("POST", "purge", Some(&purge)).await?;
            console.fill("#address", target).await?;
            console.click("form button.primary").await?;
            console.figure("explanation").await?;
        }
        "purge" => {
            console.fill("#selectors", "products").await?;
            console.click("form button.primary").await?;
            console.find_figure("purge-outcome", "dry-run").await?;
        }
        "switches" => {
            console.click("#switch-name option[value='/api/countries']").await?;
            console.click("form button.danger").await?;
            console.find_figure("switches", "1").await?;
        }
        "warm" => {
            let uris: Vec<_> = (1..=200).map(|product| format!("/api/products/{product}")).collect();
            console.fill("#uris", &uris.join("\n")).await?;
            console.fill("#per-second", "20").await?;
            console.click("form button.primary").await?;
            until("some progress", async || {
                let done: u32 = console.figure("done").await?.parse().unwrap_or(0);
                Ok((done > 60).then_some(()))
            })
            .await?;
        }
        _ => {}
    }
    console.scroll_to_top().await
}
