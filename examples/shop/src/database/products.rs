//! Queries on the table of products.

use sqlx::QueryBuilder;

use super::{Database, run};
use crate::extract::Id;
use crate::products::{NewProduct, Product};

impl Database {
    pub(crate) async fn product(&self, id: i64) -> Result<Option<Product>, sqlx::Error> {
        let select = "SELECT id, name, price_cents FROM products WHERE id = $1";
        let row = run!(self, |pool| sqlx::query_as(select).bind(id).fetch_optional(pool));
        Ok(row.await?.map(product))
    }

    /// Returns those of these products that exist, with one query.
    pub(crate) async fn products(&self, ids: &[i64]) -> Result<Vec<Product>, sqlx::Error> {
        let rows = run!(self, |pool| async {
            let mut query = QueryBuilder::new("SELECT id, name, price_cents FROM products WHERE id IN (");
            let mut list = query.separated(", ");
            for id in ids {
                list.push_bind(*id);
            }
            query.push(")").build_query_as().fetch_all(pool).await
        });
        Ok(rows.await?.into_iter().map(product).collect())
    }

    /// Returns the products whose names contain the text, in the order of their identifiers. An
    /// empty text matches all products. Case does not matter.
    pub(crate) async fn products_like(
        &self,
        text: &str,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<Product>, sqlx::Error> {
        let select = r"SELECT id, name, price_cents FROM products
            WHERE lower(name) LIKE lower($1) ESCAPE '\' ORDER BY id LIMIT $2 OFFSET $3";
        let rows = run!(self, |pool| {
            sqlx::query_as(select).bind(contains(text)).bind(limit).bind(offset).fetch_all(pool)
        });
        Ok(rows.await?.into_iter().map(product).collect())
    }

    /// Writes and commits the product. Returns whether a product with this identifier exists.
    pub(crate) async fn update_product(&self, id: Id, new: &NewProduct) -> Result<bool, sqlx::Error> {
        let update = "UPDATE products SET name = $1, price_cents = $2 WHERE id = $3 RETURNING id";
        let row: Option<i64> = run!(self, |pool| {
            let query = sqlx::query_scalar(update).bind(new.name.as_str());
            query.bind(i64::from(new.price_cents)).bind(id.get()).fetch_optional(pool)
        })
        .await?;
        Ok(row.is_some())
    }
}

fn product((id, name, price_cents): (i64, String, i64)) -> Product {
    // Both databases check that it is not negative, and only this shop writes it.
    Product { id, name, price_cents: u32::try_from(price_cents).unwrap_or(u32::MAX) }
}

/// Returns the `LIKE` pattern for texts that contain this one, with `%` and `_` escaped.
fn contains(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for char in text.chars() {
        if matches!(char, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_escaped() {
        for (text, pattern) in
            [("", "%%"), ("lamp", "%lamp%"), ("100%", r"%100\%%"), ("a_b", r"%a\_b%"), (r"\%", r"%\\\%%")]
        {
            assert_eq!(contains(text), pattern);
        }
    }
}
