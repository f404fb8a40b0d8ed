//! The database behind the cache, SQLite or Postgres, with a delay on every query that simulates a
//! distant database.

mod carts;
mod countries;
mod location;
mod postgres_schema;
mod products;
mod schema;
mod seed;
#[cfg(test)]
mod sinks;
mod users;
mod views;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::values::FlushError;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteError, SqlitePoolOptions};
use sqlx::{PgPool, SqlitePool};

pub use location::{Location, LocationError};

/// Runs the same query on SQLite or Postgres, and counts it.
macro_rules! run {
    ($database:expr, |$pool:ident| $query:expr) => {{
        $database.count_query();
        $crate::database::run_later!($database, |$pool| $query)
    }};
}
pub(crate) use run;

/// Runs the same query on SQLite or Postgres. No request waits for it, so it is not counted.
macro_rules! run_later {
    ($database:expr, |$pool:ident| $query:expr) => {
        $database.delayed(async {
            match &$database.pool {
                $crate::database::Pool::Sqlite($pool) => $query.await,
                $crate::database::Pool::Postgres($pool) => $query.await,
            }
        })
    };
}
pub(crate) use run_later;

/// How long a connection waits for the write of another connection, in this process or another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of connections. SQLite allows only one write at a time.
const CONNECTIONS: u32 = 8;

/// The shop's tables, and the queries on them.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pool: Pool,
    delay: Duration,
    queries: Arc<AtomicU64>,
}

/// The connections to either database.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Database {
    /// Opens the database. A new database is created and filled first.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened or written, or contains another program's database.
    pub(crate) async fn open(location: &Location, delay: Duration) -> Result<Self, sqlx::Error> {
        let pool = match location {
            Location::Sqlite { options, is_memory, .. } => {
                let pool = sqlite(options, *is_memory).await?;
                schema::prepare(&pool).await?;
                Pool::Sqlite(pool)
            }
            Location::Postgres(options) => {
                let options = (**options).clone();
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?;
                postgres_schema::prepare(&pool).await?;
                Pool::Postgres(pool)
            }
        };
        Ok(Self { pool, delay, queries: Arc::default() })
    }

    /// Returns how many queries were sent since the database was opened, without the writes of
    /// carts and views that come from a queue.
    pub(crate) fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    fn count_query(&self) {
        self.queries.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs the query.
    ///
    /// Waits after the query, not before it. The result is then as old as a result from a distant
    /// database, and a cache that confuses the order of reads and writes is caught.
    async fn delayed<T>(&self, query: impl Future<Output = T>) -> T {
        let answer = query.await;
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        answer
    }
}

async fn sqlite(connect: &SqliteConnectOptions, is_memory: bool) -> Result<SqlitePool, sqlx::Error> {
    let options = SqlitePoolOptions::new();
    let options = if is_memory {
        // A database in memory ends with its last connection, and connections that share one lock
        // each other out.
        options.min_connections(1).max_connections(1).idle_timeout(None).max_lifetime(None)
    } else {
        options.max_connections(CONNECTIONS)
    };
    options.connect_with(connect.clone().busy_timeout(BUSY_TIMEOUT)).await
}

/// Whether the query failed because another connection to SQLite was writing for too long.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    /// `SQLITE_BUSY`. Its extended codes carry it in their low byte.
    const BUSY: u32 = 5;
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<SqliteError>());
    let code = error.and_then(DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == BUSY)
}

/// Returns the error of a flush. If the database could not be used, no write is to blame.
pub(crate) fn flush_error(error: sqlx::Error) -> FlushError {
    if is_unavailable(&error) { FlushError::unavailable(error) } else { error.into() }
}

fn is_unavailable(error: &sqlx::Error) -> bool {
    use sqlx::Error::{Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
    /// The classes of Postgres: lost connections, rollbacks because of other transactions, lack of
    /// resources, and an operator's action.
    const CLASSES: [&str; 4] = ["08", "40", "53", "57"];
    match error {
        Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed => true,
        sqlx::Error::Database(cause) if cause.try_downcast_ref::<SqliteError>().is_none() => {
            cause.code().is_some_and(|code| CLASSES.iter().any(|class| code.starts_with(class)))
        }
        _ => is_busy(error),
    }
}
