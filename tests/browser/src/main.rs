//! Takes the screenshots of the console: `cargo xtask screenshots`.

#[cfg(unix)]
mod screenshots;

use anyhow::Result;

#[cfg(unix)]
#[tokio::main]
async fn main() -> Result<()> {
    use clap::Parser;

    screenshots::take(&screenshots::Args::parse()).await
}

#[cfg(not(unix))]
fn main() -> Result<()> {
    anyhow::bail!("this needs Unix, because it starts a redis-server")
}
