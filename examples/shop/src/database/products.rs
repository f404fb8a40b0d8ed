//! Queries on the table of products.

use sqlx::QueryBuilder;

use super::Database;
use crate::extract::Id;
use crate::products::{NewProduct, Product};

impl Database {
    pub(crate) async fn product(&self, id: i64) -> Result<Option<Product>, sqlx::Error> {
        let query = sqlx::query_as("SELECT id, name, price_cents FROM products WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool);
        Ok(self.delayed(query).await?.map(product))
    }

    /// Returns those of these products that exist, with one query.
    pub(crate) async fn products(&self, ids: &[i64]) -> Result<Vec<Product>, sqlx::Error> {
        let mut query = QueryBuilder::new("SELECT id, name, price_cents FROM products WHERE id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query.push(")");
        let rows = query.build_query_as().fetch_all(&self.pool);
        Ok(self.delayed(rows).await?.into_iter().map(product).collect())
    }

    /// Returns the products whose names contain the text, in the order of their identifiers. An
    /// empty text matches all products.
    pub(crate) async fn products_like(
        &self,
        text: &str,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<Product>, sqlx::Error> {
        let query = sqlx::query_as(
            r"SELECT id, name, price_cents FROM products WHERE name LIKE ? ESCAPE '\' ORDER BY id LIMIT ? OFFSET ?",
        )
        .bind(contains(text))
        .bind(limit)
        .bind(offset)
        .fetch_all(&self.pool);
        Ok(self.delayed(query).await?.into_iter().map(product).collect())
    }

    /// Writes and commits the product. Returns whether a product with this identifier exists.
    pub(crate) async fn update_product(&self, id: Id, new: &NewProduct) -> Result<bool, sqlx::Error> {
        let query = sqlx::query("UPDATE products SET name = ?, price_cents = ? WHERE id = ?")
            .bind(new.name.as_str())
            .bind(new.price_cents)
            .bind(id.get())
            .execute(&self.pool);
        Ok(self.delayed(query).await?.rows_affected() > 0)
    }
}

fn product((id, name, price_cents): (i64, String, u32)) -> Product {
    Product { id, name, price_cents }
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
