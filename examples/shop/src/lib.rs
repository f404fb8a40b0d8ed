//! The demo of Larder: a product and user API over SQLite or Postgres.
//!
//! It is a library and a program, so that tests can start several shops in one process, on one
//! database and one Redis.
//!
//! ```
//! use clap::Parser;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let args = shop::Args::try_parse_from(["shop", "--database", ":memory:", "--no-cache"])?;
//! let shop = shop::Shop::open(&args).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! shop::serve(listener, shop.router(), async {}).await?;
//! shop.close().await;
//! # Ok(())
//! # }
//! ```

mod app;
mod args;
mod caching;
mod cart_store;
mod carts;
mod collections;
mod countries;
mod database;
mod demo_load;
mod errors;
mod extract;
mod fields;
mod metrics;
mod operations;
mod products;
mod queue_stats;
mod recommendations;
mod routes;
mod sessions;
mod start_error;
mod stats;
mod users;
mod view_counter;
mod views;

pub use app::{Shop, app, serve};
pub use args::{Args, CartDurability};
pub use database::{Location, LocationError};
pub use start_error::StartError;
