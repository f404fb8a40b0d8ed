//! A connection to the shop's database beside the shop: it reads rows, and keeps others from
//! writing.

use std::path::Path;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

/// A connection to the database of a shop.
pub(crate) enum Tables {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Runs a query on either database.
macro_rules! on {
    ($tables:expr, |$connection:ident| $query:expr) => {
        match $tables {
            Tables::Sqlite($connection) => $query.await.unwrap(),
            Tables::Postgres($connection) => $query.await.unwrap(),
        }
    };
}

impl Tables {
    pub(crate) async fn sqlite(file: &Path) -> Self {
        Self::Sqlite(SqliteConnectOptions::new().filename(file).connect().await.unwrap())
    }

    pub(crate) async fn postgres(url: &str) -> Self {
        Self::Postgres(PgConnection::connect(url).await.unwrap())
    }

    /// Keeps others from writing carts and views until [`unlock`](Self::unlock). They can read.
    pub(crate) async fn lock(&mut self) {
        self.run("BEGIN IMMEDIATE", "BEGIN; LOCK TABLE carts, product_views IN EXCLUSIVE MODE").await;
    }

    pub(crate) async fn unlock(&mut self) {
        self.run("COMMIT", "COMMIT").await;
    }

    async fn run(&mut self, sqlite: &'static str, postgres: &'static str) {
        match self {
            Self::Sqlite(connection) => drop(sqlx::raw_sql(sqlite).execute(connection).await.unwrap()),
            Self::Postgres(connection) => drop(sqlx::raw_sql(postgres).execute(connection).await.unwrap()),
        }
    }

    /// Returns the items of a cart. The outer `None` is a missing row, and the inner one a cart
    /// that was deleted.
    pub(crate) async fn cart(&mut self, user: i64) -> Option<Option<String>> {
        let select = "SELECT items FROM carts WHERE user_id = $1";
        on!(self, |connection| sqlx::query_scalar(select).bind(user).fetch_optional(connection))
    }

    /// Returns the number of views of a product.
    pub(crate) async fn views(&mut self, product: i64) -> i64 {
        let select = "SELECT views FROM product_views WHERE product_id = $1";
        let views =
            on!(self, |connection| sqlx::query_scalar(select).bind(product).fetch_optional(connection));
        views.unwrap_or(0)
    }
}
