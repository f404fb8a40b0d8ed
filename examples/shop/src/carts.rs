//! Carts: show, save and delete.
//!
//! A cart is written often, and nothing else writes it. So it is write-behind: see
//! [`CartStore`](crate::cart_store::CartStore).

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::errors::Error;
use crate::extract::{self, Id, Path};
use crate::stats::Handler;
use crate::users;

/// The maximum number of products in a cart.
const MAX_ITEMS: usize = 100;

/// The maximum quantity of a product.
const MAX_QUANTITY: u32 = 99;

/// A cart, as a value in the cache and in a response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cart {
    pub(crate) items: Vec<Item>,
}

/// A product in a cart. An order has to check that it is still for sale, so a cart does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    product: u32,
    quantity: u32,
}

/// The new contents of a cart. Other fields of the body are ignored.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Cart")]
pub(crate) struct NewCart(Cart);

impl TryFrom<Cart> for NewCart {
    type Error = &'static str;

    fn try_from(cart: Cart) -> Result<Self, Self::Error> {
        if cart.items.len() > MAX_ITEMS {
            return Err("a cart has at most 100 products");
        }
        if cart.items.iter().any(|item| !(1..=MAX_QUANTITY).contains(&item.quantity)) {
            return Err("a quantity is from 1 to 99");
        }
        let mut seen = HashSet::new();
        if !cart.items.iter().all(|item| seen.insert(item.product)) {
            return Err("a cart has each product once");
        }
        Ok(Self(cart))
    }
}

/// `GET /api/users/{id}/cart`: a user without a cart has an empty one.
pub(crate) async fn show(State(app): State<App>, Path(id): Path<Id>) -> Result<Json<Arc<Cart>>, Error> {
    app.runs.count(Handler::Cart);
    users::find(&app, id).await?;
    Ok(Json(app.carts.find(id).await?.unwrap_or_default()))
}

/// `PUT /api/users/{id}/cart`
pub(crate) async fn save(
    State(app): State<App>,
    Path(id): Path<Id>,
    extract::Json(NewCart(cart)): extract::Json<NewCart>,
) -> Result<Json<Cart>, Error> {
    app.runs.count(Handler::CartUpdate);
    users::find(&app, id).await?;
    app.carts.write(id, Some(cart.clone())).await?;
    Ok(Json(cart))
}

/// `DELETE /api/users/{id}/cart`
pub(crate) async fn delete(State(app): State<App>, Path(id): Path<Id>) -> Result<StatusCode, Error> {
    app.runs.count(Handler::CartUpdate);
    users::find(&app, id).await?;
    app.carts.write(id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(items: &[(u32, u32)]) -> Result<NewCart, &'static str> {
        let items = items.iter().map(|&(product, quantity)| Item { product, quantity }).collect();
        NewCart::try_from(Cart { items })
    }

    #[test]
    fn a_cart_is_limited_and_has_each_product_once() {
        let full: Vec<_> = (0..100).map(|product| (product, 99)).collect();
        let too_many: Vec<_> = (0..101).map(|product| (product, 1)).collect();
        for (items, error) in [
            (&[][..], None),
            (&full, None),
            (&too_many, Some("a cart has at most 100 products")),
            (&[(1, 0)], Some("a quantity is from 1 to 99")),
            (&[(1, 100)], Some("a quantity is from 1 to 99")),
            (&[(1, 1), (2, 1), (1, 1)], Some("a cart has each product once")),
        ] {
            assert_eq!(check(items).err(), error, "{items:?}");
        }
    }
}
