//! Creates and fills a new database exactly once, even if several processes start at the same time.

use std::time::{Duration, Instant};

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnection;

use super::{BUSY_TIMEOUT, is_busy, seed};

/// The `user_version` of a database of this shop. A new file has 0.
const VERSION: i64 = 2;

/// The pause before the next attempt to enable the write-ahead log.
const RETRY: Duration = Duration::from_millis(20);

/// Prepares the database for use.
///
/// # Errors
///
/// Fails if the database cannot be written, or if it belongs to another version or program.
pub(super) async fn prepare(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    write_ahead(&mut *pool.acquire().await?).await?;
    // `IMMEDIATE` takes the write lock first. The second of two processes reads the version only
    // after the first has committed everything or nothing.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    match version(&mut transaction).await? {
        VERSION => Ok(()),
        0 if is_empty(&mut transaction).await? => {
            create(&mut transaction).await?;
            transaction.commit().await
        }
        other => Err(sqlx::Error::Configuration(
            format!("it holds something else than this shop (user_version {other}, not {VERSION})").into(),
        )),
    }
}

/// Lets readers and a writer work in parallel. This is a property of the file, so it is set once.
///
/// The switch needs exclusive access to the file. If two connections switch at the same time,
/// SQLite may answer "busy" immediately, despite the busy timeout.
async fn write_ahead(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        let switched = sqlx::query("PRAGMA journal_mode = WAL").execute(&mut *connection).await;
        match switched {
            Err(error) if is_busy(&error) && Instant::now() < deadline => tokio::time::sleep(RETRY).await,
            other => return other.map(drop),
        }
    }
}

async fn version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA user_version").fetch_one(connection).await
}

async fn is_empty(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)").fetch_one(connection).await
}

async fn create(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let began = Instant::now();
    sqlx::raw_sql(include_str!("schema.sql")).execute(&mut *connection).await?;
    seed::fill(connection).await?;
    sqlx::raw_sql("PRAGMA user_version = 2").execute(connection).await?;
    tracing::info!(took = ?began.elapsed(), "created and filled the database");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{Database, Location, Pool};

    async fn memory() -> SqlitePool {
        let location: Location = ":memory:".parse().unwrap();
        match Database::open(&location, Duration::ZERO).await.unwrap().pool {
            Pool::Sqlite(pool) => pool,
            Pool::Postgres(_) => panic!("it is SQLite"),
        }
    }

    #[tokio::test]
    async fn it_is_filled_once() {
        let pool = memory().await;
        prepare(&pool).await.unwrap();
        for (count, table) in [
            ("SELECT count(*) FROM products", 10_000_i64),
            ("SELECT count(*) FROM users", 10_000),
            ("SELECT count(*) FROM countries", 249),
        ] {
            let rows: i64 = sqlx::query_scalar(count).fetch_one(&pool).await.unwrap();
            assert_eq!(rows, table, "{count}");
        }
        let mut connection = pool.acquire().await.unwrap();
        assert_eq!(version(&mut connection).await.unwrap(), VERSION);
    }

    #[tokio::test]
    async fn the_database_of_something_else_is_left_alone() {
        let pool = memory().await;
        for foreign in ["PRAGMA user_version = 7", "PRAGMA user_version = 0"] {
            sqlx::query(foreign).execute(&pool).await.unwrap();
            let error = prepare(&pool).await.unwrap_err().to_string();
            assert!(error.contains("something else"), "{error}");
        }
    }

    #[tokio::test]
    async fn the_write_ahead_log_waits_for_the_file_to_be_free() {
        use sqlx::sqlite::SqliteConnectOptions;
        use sqlx::{ConnectOptions, Connection};

        let folder = std::env::temp_dir().join(format!("shop-schema-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // Without a busy timeout, only our code waits, and never SQLite.
        let options = SqliteConnectOptions::new()
            .filename(folder.join("shop.sqlite"))
            .create_if_missing(true)
            .busy_timeout(Duration::ZERO);
        let mut holder = options.connect().await.unwrap();
        let mut other = options.connect().await.unwrap();
        let lock = holder.begin_with("BEGIN EXCLUSIVE").await.unwrap();
        let refused = sqlx::query("PRAGMA journal_mode = WAL").execute(&mut other).await;
        assert!(is_busy(&refused.unwrap_err()));

        let (switched, released) = tokio::join!(write_ahead(&mut other), async {
            tokio::time::sleep(RETRY).await;
            lock.rollback().await
        });
        released.unwrap();
        switched.unwrap();
        drop((holder, other));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
