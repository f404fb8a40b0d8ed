//! Products: show, search and update.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use larder::Tags;
use serde::{Deserialize, Serialize};

use crate::app::{App, run_to_completion};
use crate::errors::Error;
use crate::extract::{self, Id, Path, Query};
use crate::fields::{Name, has_nul};
use crate::stats::Handler;

/// The number of products on a page of results.
pub(crate) const PAGE: u32 = 20;

/// The maximum number of characters in a search.
const MAX_SEARCH_LEN: usize = 200;

/// A product, as a value in the cache and in a response.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) price_cents: u32,
}

/// The new values of a product. Other fields of the body are ignored, so that a client can send
/// back a modified response.
#[derive(Debug, Deserialize)]
pub(crate) struct NewProduct {
    pub(crate) name: Name,
    pub(crate) price_cents: u32,
}

/// The text to search for, and the page of results, counted from 1.
#[derive(Debug, Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    q: String,
    #[serde(default = "first_page")]
    page: NonZeroU32,
}

/// A page of results.
#[derive(Debug, Serialize)]
pub(crate) struct SearchPage {
    page: NonZeroU32,
    /// Whether more pages follow.
    more: bool,
    products: Vec<Product>,
}

/// `GET /api/products/{id}`
pub(crate) async fn show(State(app): State<App>, Path(id): Path<Id>) -> Result<Json<Arc<Product>>, Error> {
    app.runs.count(Handler::Product);
    let product = app.values.products.find(id.get()).await?;
    product.map(Json).ok_or(Error::Unknown("product"))
}

/// `GET /api/products?q=&page=`
pub(crate) async fn search(
    State(app): State<App>,
    Query(search): Query<Search>,
) -> Result<(Tags, Json<SearchPage>), Error> {
    app.runs.count(Handler::ProductSearch);
    if search.q.chars().count() > MAX_SEARCH_LEN {
        let text = format!("a search has at most {MAX_SEARCH_LEN} characters");
        return Err(Error::Request(StatusCode::BAD_REQUEST, text));
    }
    if has_nul(&search.q) {
        return Err(Error::Request(StatusCode::BAD_REQUEST, "a search must not contain U+0000".into()));
    }
    let offset = i64::from(search.page.get() - 1) * i64::from(PAGE);
    // One row more than a page shows whether there is another page.
    let mut products = app.database.products_like(&search.q, offset, i64::from(PAGE) + 1).await?;
    let page_length = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = products.len() > page_length;
    products.truncate(page_length);
    let tags = products.iter().map(|product| format!("product:{}", product.id)).collect();
    let page = search.page;
    Ok((tags, Json(SearchPage { page, more, products })))
}

/// `PUT /api/products/{id}`
pub(crate) async fn update(
    State(app): State<App>,
    Path(id): Path<Id>,
    extract::Json(new): extract::Json<NewProduct>,
) -> Result<Json<Product>, Error> {
    app.runs.count(Handler::ProductUpdate);
    run_to_completion(async move {
        if !app.database.update_product(id, &new).await? {
            return Err(Error::Unknown("product"));
        }
        app.cache.invalidate(app.values.written_product(id.get())).await;
        Ok(Json(Product { id: id.get(), name: new.name.into(), price_cents: new.price_cents }))
    })
    .await
}

fn first_page() -> NonZeroU32 {
    NonZeroU32::MIN
}
