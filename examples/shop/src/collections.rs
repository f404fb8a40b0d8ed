//! The typed values below the routes, which routes and jobs share.
//!
//! A value has the tag of the routes that show it. So one invalidation drops both.

use std::sync::Arc;
use std::time::Duration;

use larder::values::{LoadError, LoadingValues};
use larder::{Cache, ConfigError, Invalidation, ttl};

use crate::database::Database;
use crate::products::Product;
use crate::recommendations::{ShelfRecommendations, recommend, shelf_of};
use crate::users::User;

/// How long a missing row is remembered.
pub(crate) const ABSENCE_TTL: Duration = Duration::from_secs(30);

/// How long recommendations may be used after their lifetime while they are recomputed.
const RECOMMENDATIONS_STALE: Duration = Duration::from_secs(60);

/// A value, or `None` if the row does not exist.
pub(crate) type Found<V> = Result<Option<Arc<V>>, LoadError<sqlx::Error>>;

/// The collections of values.
#[derive(Debug, Clone)]
pub(crate) struct Collections {
    pub(crate) products: Products,
    /// Cached by write-through: a write stores the new value.
    pub(crate) users: LoadingValues<i64, User, sqlx::Error>,
    /// The key is the number of the shelf.
    pub(crate) recommendations: Recommendations,
}

pub(crate) type Recommendations = LoadingValues<i64, ShelfRecommendations, Arc<sqlx::Error>>;

/// The values of products. Cache-aside: a write invalidates the value, and the next use loads it.
#[derive(Debug, Clone)]
pub(crate) struct Products {
    values: LoadingValues<i64, Product, sqlx::Error>,
    database: Database,
}

impl Collections {
    /// Creates the collections of this cache, with loaders that ask this database. `product_bytes`
    /// is the memory for products, which are the most values.
    ///
    /// # Errors
    ///
    /// Fails if an option of a collection is invalid.
    pub(crate) fn open(cache: &Cache, database: &Database, product_bytes: u64) -> Result<Self, ConfigError> {
        let products = Products::open(cache, database.clone(), product_bytes)?;
        let recommendations = recommendations(cache, products.clone())?;
        Ok(Self { products, users: users(cache, database.clone())?, recommendations })
    }

    /// Returns what the write of a product invalidates: its value and its routes, and the
    /// recommendations on its shelf.
    pub(crate) fn written_product(&self, id: i64) -> Invalidation {
        let shelf = shelf_of(id);
        Invalidation::tag(format!("product:{id}"))
            .and_tag(format!("shelf:{shelf}"))
            .and(self.recommendations.selector(&shelf))
    }
}

impl Products {
    fn open(cache: &Cache, database: Database, memory_bytes: u64) -> Result<Self, ConfigError> {
        let loads = database.clone();
        let values = cache
            .values("product")
            .ttl(ttl::STANDARD)
            .negative_ttl(ABSENCE_TTL)
            .max_memory_bytes(memory_bytes)
            .tags(|id, _product| [format!("product:{id}")])
            .loader(move |id| {
                let database = loads.clone();
                async move { database.product(id).await }
            })
            .build()?;
        Ok(Self { values, database })
    }

    /// Returns a product.
    pub(crate) async fn find(&self, id: i64) -> Found<Product> {
        self.values.load(&id).await
    }

    /// Returns those of these products that exist. All that are not cached are one query.
    pub(crate) async fn find_many(&self, ids: &[i64]) -> Result<Vec<Arc<Product>>, LoadError<sqlx::Error>> {
        let load = async |missing: Vec<i64>| {
            let products = self.database.products(&missing).await?;
            Ok(products.into_iter().map(|product| (product.id, product)))
        };
        let found = self.values.get_many_or_load(ids, load).await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// A write also invalidates the routes that show the user, and the list of top users.
fn users(cache: &Cache, database: Database) -> Result<LoadingValues<i64, User, sqlx::Error>, ConfigError> {
    cache
        .values("user")
        .ttl(ttl::STANDARD)
        .negative_ttl(ABSENCE_TTL)
        .tags(|id, _user| [format!("user:{id}")])
        .invalidates(|id| Invalidation::tag(format!("user:{id}")).and_tag("users:top"))
        .loader(move |id| {
            let database = database.clone();
            async move { database.user(id).await }
        })
        .build()
}

/// Recommendations are made of product values, so they are never newer than those.
///
/// Each write on the shelf invalidates them by their key, which is known before a load. The load
/// then uses no product value from before the write, not even that of another product. With a tag
/// that follows from the loaded value, it would use them, and the result could not be stored.
fn recommendations(cache: &Cache, products: Products) -> Result<Recommendations, ConfigError> {
    cache
        .values("recommendations")
        .ttl(ttl::FREQUENT)
        .stale_while_revalidate(RECOMMENDATIONS_STALE)
        .loader(move |shelf| {
            let products = products.clone();
            async move { recommend(&products, shelf).await.map(Some) }
        })
        .build()
}
