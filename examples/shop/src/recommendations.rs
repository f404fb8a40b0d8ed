//! Recommendations: the products beside a product, and the job that computes them ahead.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use larder::values::LoadError;

use crate::app::App;
use crate::collections::{Collections, Products};
use crate::errors::Error;
use crate::extract::{Id, Path};
use crate::products::{PAGE, Product};
use crate::stats::Handler;

/// The number of products on a shelf. A product is recommended beside others of its shelf.
const SHELF: i64 = PAGE as i64;

/// The shelf with the products of the first page.
const FIRST_SHELF: i64 = 0;

/// The number of recommendations for a product.
const RECOMMENDATIONS: usize = 4;

/// For each product on a shelf, the identifiers of the products that are recommended beside it.
pub(crate) type ShelfRecommendations = BTreeMap<i64, Vec<i64>>;

/// `GET /api/products/{id}/related`
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<Id>,
) -> Result<Json<Vec<Arc<Product>>>, Error> {
    app.runs.count(Handler::Related);
    let shelf = app.values.recommendations.load(&shelf_of(id.get())).await?;
    let related = shelf.as_deref().and_then(|shelf| shelf.get(&id.get())).ok_or(Error::Unknown("product"))?;
    Ok(Json(app.values.products.find_many(related).await?))
}

/// Computes the recommendations for each product on a shelf: those with the nearest prices.
pub(crate) async fn recommend(
    products: &Products,
    shelf: i64,
) -> Result<ShelfRecommendations, Arc<sqlx::Error>> {
    let products = products.find_many(&ids_on(shelf)).await.map_err(LoadError::into_shared)?;
    Ok(products.iter().map(|product| (product.id, nearest(product, &products))).collect())
}

/// Computes the recommendations for the products on the first page, unless they are cached.
///
/// The job and the routes share the product values. What the job has loaded, no route loads again.
pub(crate) async fn recommend_first_page(values: &Collections) {
    if let Err(error) = values.recommendations.load(&FIRST_SHELF).await {
        tracing::warn!(error = %error.get_ref(), "the recommendations cannot be computed");
    }
}

/// Runs the job now, and then at this interval.
pub(crate) async fn recommend_every(values: Collections, interval: Duration) {
    loop {
        recommend_first_page(&values).await;
        tokio::time::sleep(interval).await;
    }
}

/// Returns the number of the shelf that has this product.
pub(crate) fn shelf_of(id: i64) -> i64 {
    id.saturating_sub(1).div_euclid(SHELF)
}

fn ids_on(shelf: i64) -> Vec<i64> {
    let first = shelf * SHELF + 1;
    (first..first.saturating_add(SHELF)).collect()
}

fn nearest(product: &Product, shelf: &[Arc<Product>]) -> Vec<i64> {
    let mut others: Vec<_> = shelf.iter().filter(|other| other.id != product.id).collect();
    others.sort_by_key(|other| (other.price_cents.abs_diff(product.price_cents), other.id));
    others.iter().take(RECOMMENDATIONS).map(|other| other.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_on_one_shelf() {
        for (id, shelf) in [(1, 0), (20, 0), (21, 1), (10_000, 499), (0, -1)] {
            assert_eq!(shelf_of(id), shelf);
            assert!(ids_on(shelf).contains(&id), "{id}");
            assert_eq!(ids_on(shelf).len(), 20);
        }
        assert!(ids_on(shelf_of(i64::MAX)).contains(&(i64::MAX - 1)));
    }
}
