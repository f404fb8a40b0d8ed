//! Queries on the table of views, and the sink that adds queued views to it.

use larder::values::{FlushError, Flushed, Operation, Sink};

use super::carts::now;
use super::{Database, flush_error, run, run_later};
use crate::extract::Id;
use crate::views::{View, Views};

impl Database {
    /// Returns how often a product was viewed, unless it does not exist.
    pub(crate) async fn views(&self, product: i64) -> Result<Option<Views>, sqlx::Error> {
        let select = "SELECT id, coalesce(views, 0) FROM products \
                      LEFT JOIN product_views ON product_id = id WHERE id = $1";
        let row: Option<(i64, i64)> =
            run!(self, |pool| sqlx::query_as(select).bind(product).fetch_optional(pool)).await?;
        Ok(row.map(|(product, views)| Views { product, views }))
    }

    /// Counts a view at once, without a queue.
    pub(crate) async fn add_view(&self, product: Id) -> Result<(), sqlx::Error> {
        let upsert = "INSERT INTO product_views (product_id, views, seq) VALUES ($1, 1, $2) \
                      ON CONFLICT (product_id) DO UPDATE SET views = product_views.views + 1, seq = \
                      CASE WHEN product_views.seq < excluded.seq THEN excluded.seq \
                      ELSE product_views.seq + 1 END";
        run_later!(self, |pool| async {
            let query = sqlx::query(upsert).bind(product.get()).bind(now());
            query.execute(pool).await.map(drop)
        })
        .await
    }

    /// Adds views in one transaction, each unless it was added before. Returns how many were added.
    ///
    /// A view comes again if the process or Redis fails after the commit. Its sequence number is
    /// not higher than that of the row then.
    async fn flush_views(&self, batch: &[ViewRow]) -> Result<u64, sqlx::Error> {
        let upsert = "INSERT INTO product_views (product_id, views, seq) VALUES ($1, 1, $2) \
                      ON CONFLICT (product_id) DO UPDATE \
                      SET views = product_views.views + 1, seq = excluded.seq \
                      WHERE product_views.seq < excluded.seq";
        run_later!(self, |pool| async {
            let mut transaction = pool.begin().await?;
            let mut rows = 0;
            for ViewRow { product, sequence } in batch {
                let query = sqlx::query(upsert).bind(product).bind(sequence);
                rows += query.execute(&mut *transaction).await?.rows_affected();
            }
            transaction.commit().await?;
            Ok(rows)
        })
        .await
    }
}

/// A view to add to a row.
struct ViewRow {
    product: i64,
    sequence: i64,
}

impl Sink<Operation<i64, View>> for Database {
    async fn flush(&self, batch: &[Operation<i64, View>]) -> Result<Flushed, FlushError> {
        let mut rows = Vec::with_capacity(batch.len());
        for Operation { key, sequence, operation: View } in batch {
            rows.push(ViewRow { product: *key, sequence: i64::try_from(*sequence)? });
        }
        self.flush_views(&rows).await.map(Flushed::rows).map_err(flush_error)
    }
}
