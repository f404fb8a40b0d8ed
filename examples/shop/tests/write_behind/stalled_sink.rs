//! A flush that stalls inside its transaction. Another instance takes over and flushes a later
//! write, and then the stalled transaction goes on.

use larder_testing::Proxy;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::postgres::Postgres;
use crate::process::{Shop, listening, start_with};
use crate::table::Tables;
use crate::{cart, durable_redis, get, queue_length, save, shop, shown, until, until_flushed};

/// Where the transaction stalls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stall {
    /// Before it looks for the row. The later write is committed first.
    BeforeRow,
    /// In its commit, with the row locked. The later write waits for it.
    InCommit,
}

/// A connection that stalls the transactions which write one of a product, and lists those that
/// wait.
struct Stalling(PgConnection);

impl Stalling {
    async fn begin(url: &str, stall: Stall) -> Self {
        let mut session = Self(PgConnection::connect(url).await.unwrap());
        session
            .run(
                "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$",
            )
            .await;
        session
            .run(match stall {
                Stall::BeforeRow => {
                    "CREATE TRIGGER stall BEFORE INSERT ON carts FOR EACH ROW \
                     WHEN (NEW.items LIKE '%\"quantity\":1}%') EXECUTE FUNCTION stall()"
                }
                Stall::InCommit => {
                    "CREATE CONSTRAINT TRIGGER stall AFTER INSERT OR UPDATE ON carts \
                     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
                     WHEN (NEW.items LIKE '%\"quantity\":1}%') EXECUTE FUNCTION stall()"
                }
            })
            .await;
        session.run("SELECT pg_advisory_lock(1)").await;
        session
    }

    async fn end(&mut self) {
        self.run("SELECT pg_advisory_unlock(1)").await;
    }

    async fn run(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.0).await.unwrap();
    }

    /// Returns how many transactions wait for a lock of this type.
    async fn waiting(&mut self, lock: &str) -> i64 {
        let select = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = $1";
        sqlx::query_scalar(select).bind(lock).fetch_one(&mut self.0).await.unwrap()
    }
}

#[tokio::test]
async fn a_late_transaction_does_not_overwrite_a_later_cart() {
    a_later_cart_stays(Stall::BeforeRow).await;
}

#[tokio::test]
async fn a_late_commit_does_not_keep_a_later_cart_out() {
    a_later_cart_stays(Stall::InCommit).await;
}

async fn a_later_cart_stays(stall: Stall) {
    let (postgres, redis) = (Postgres::start(&["fsync=off"]), durable_redis().await);
    let database = postgres.create("stalled");
    let proxy = Proxy::start(redis.address()).unwrap();
    let stalled = listening(start_with(&database, &["--redis", &redis.url_at(proxy.address())]));
    let mut tables = Tables::postgres(&database).await;
    // It is alone for now, so it reads all partitions, and goes on doing so.
    save(&stalled, &cart(3)).await;
    until_flushed(&mut tables, &cart(3)).await;
    let other = shop(&database, &redis);
    shown(&other).await;

    let mut stalling = Stalling::begin(&database, stall).await;
    let (old, new) = (cart(1), cart(2));
    save(&stalled, &old).await;
    until("the stalled transaction", async || stalling.waiting("advisory").await == 1).await;
    // It loses the right to read, and cannot learn that.
    proxy.refuse();
    proxy.cut().await;
    save(&other, &new).await;
    match stall {
        Stall::BeforeRow => until_flushed(&mut tables, &new).await,
        Stall::InCommit => {
            until("the later write", async || stalling.waiting("transactionid").await == 1).await;
            assert_eq!(tables.cart(7).await, Some(Some(cart(3)["items"].to_string())));
        }
    }
    stalling.end().await;
    match stall {
        Stall::BeforeRow => until("the end of its flush", async || has_ignored(&stalled).await).await,
        Stall::InCommit => until_flushed(&mut tables, &new).await,
    }
    proxy.pass();
    until("the end of the queue", async || queue_length(&other, "cart").await == Some(0)).await;
    assert_eq!(tables.cart(7).await, Some(Some(new["items"].to_string())));
    for reader in [&stalled, &other] {
        until("the new cart", async || shown(reader).await == new).await;
    }
}

/// Whether the database has ignored a write of this instance, or its flush took too long.
async fn has_ignored(shop: &Shop) -> bool {
    let carts = &get(shop, "/stats").await["write_behind"]["cart"];
    [&carts["ignored"], &carts["failed"]].into_iter().any(|count| count.as_u64() > Some(0))
}
