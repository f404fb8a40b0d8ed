//! Creates and fills the tables in Postgres exactly once, even if several processes start at the
//! same time.

use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use super::seed;

/// The number of the lock under which one process creates the tables: "shop" in ASCII.
const LOCK: i64 = 0x7368_6f70;

/// The version in the table `shop_version`.
const VERSION: i64 = 2;

/// Prepares the database for use.
///
/// # Errors
///
/// Fails if the database cannot be written, or if it has the tables of another version or program.
pub(super) async fn prepare(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    // The lock ends with the transaction.
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    if exists(&mut transaction, "shop_version").await? {
        let version: i64 =
            sqlx::query_scalar("SELECT version FROM shop_version").fetch_one(&mut *transaction).await?;
        return if version == VERSION { Ok(()) } else { Err(foreign(&format!("version {version}"))) };
    }
    for table in ["products", "users", "carts", "product_views", "countries"] {
        if exists(&mut transaction, table).await? {
            return Err(foreign(&format!("a table {table}")));
        }
    }
    sqlx::raw_sql(include_str!("postgres_schema.sql")).execute(&mut *transaction).await?;
    seed::fill_postgres(&mut transaction).await?;
    transaction.commit().await
}

async fn exists(connection: &mut PgConnection, table: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(table).fetch_one(connection).await
}

fn foreign(what: &str) -> sqlx::Error {
    sqlx::Error::Configuration(format!("it holds something else than this shop: {what}").into())
}
