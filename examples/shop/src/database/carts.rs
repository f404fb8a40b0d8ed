//! Queries on the table of carts, and the sink that brings queued writes to it.
//!
//! Each row has the sequence number of its last write. A deleted cart keeps its row, with its
//! sequence number and without items: an older write that comes late is ignored then as well.

use std::time::{SystemTime, UNIX_EPOCH};

use larder::values::{FlushError, Flushed, Sink, Write};

use super::{Database, flush_error, run, run_later};
use crate::carts::Cart;
use crate::extract::Id;

impl Database {
    /// Returns the cart of a user, unless there is none.
    pub(crate) async fn cart(&self, user: i64) -> Result<Option<Cart>, sqlx::Error> {
        let select = "SELECT items FROM carts WHERE user_id = $1";
        let items: Option<Option<String>> =
            run!(self, |pool| sqlx::query_scalar(select).bind(user).fetch_optional(pool)).await?;
        items.flatten().map(|items| decode(&items)).transpose()
    }

    /// Writes a cart at once, without a queue. `None` deletes it.
    pub(crate) async fn write_cart(&self, user: Id, cart: Option<&Cart>) -> Result<(), sqlx::Error> {
        let upsert = "INSERT INTO carts (user_id, items, seq) VALUES ($1, $2, $3) \
                      ON CONFLICT (user_id) DO UPDATE SET items = excluded.items, seq = \
                      CASE WHEN carts.seq < excluded.seq THEN excluded.seq ELSE carts.seq + 1 END";
        let items = cart.map(encode).transpose()?;
        run!(self, |pool| async {
            let query = sqlx::query(upsert).bind(user.get()).bind(&items).bind(now());
            query.execute(pool).await.map(drop)
        })
        .await
    }

    /// Writes a batch in one transaction, and returns how many rows changed.
    async fn flush_carts(&self, batch: &[CartRow]) -> Result<u64, sqlx::Error> {
        let upsert = "INSERT INTO carts (user_id, items, seq) VALUES ($1, $2, $3) \
                      ON CONFLICT (user_id) DO UPDATE SET items = excluded.items, seq = excluded.seq \
                      WHERE carts.seq < excluded.seq";
        run_later!(self, |pool| async {
            let mut transaction = pool.begin().await?;
            let mut rows = 0;
            for CartRow { user, items, sequence } in batch {
                let query = sqlx::query(upsert).bind(user).bind(items).bind(sequence);
                rows += query.execute(&mut *transaction).await?.rows_affected();
            }
            transaction.commit().await?;
            Ok(rows)
        })
        .await
    }
}

/// A row of the table of carts.
struct CartRow {
    user: i64,
    items: Option<String>,
    sequence: i64,
}

impl Sink<Write<i64, Cart>> for Database {
    async fn flush(&self, batch: &[Write<i64, Cart>]) -> Result<Flushed, FlushError> {
        let mut rows = Vec::with_capacity(batch.len());
        for Write { key, sequence, value } in batch {
            let items = value.as_ref().map(encode).transpose()?;
            rows.push(CartRow { user: *key, items, sequence: i64::try_from(*sequence)? });
        }
        self.flush_carts(&rows).await.map(Flushed::rows).map_err(flush_error)
    }
}

fn encode(cart: &Cart) -> Result<String, sqlx::Error> {
    serde_json::to_string(&cart.items).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn decode(items: &str) -> Result<Cart, sqlx::Error> {
    let items = serde_json::from_str(items).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Cart { items })
}

/// Returns the time in microseconds, which sequence numbers are as well.
pub(super) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}
