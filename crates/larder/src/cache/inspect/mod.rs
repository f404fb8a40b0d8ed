//! Inspecting and listing what is stored.
//!
//! - `mod.rs`: the methods of [`Cache`]
//! - `key_inspection.rs`: [`KeyInspection`], everything under one key in memory
//! - `store_inspection.rs`: [`StoreInspection`], the same in the shared store

pub(crate) mod key_inspection;
pub(crate) mod store_inspection;

use crate::cache::Cache;
use crate::cache::inspect::key_inspection::{KeyInspection, inspect_key};
use crate::engine::listing::filter::StoredFilter;
use crate::engine::listing::list::list;
use crate::engine::listing::page::{ListPage, Listing};
use crate::http::memory::stored_info::{StoredInfo, Viewpoint};
use crate::values::listed_value::ValueInfo;

/// Methods that show what is stored.
impl Cache {
    /// Returns a page of the responses in the memory of this instance.
    ///
    /// The responses are in no useful order, but the order does not change, so that the pages
    /// together show each response once. No credential and no body is shown: see [`StoredInfo`].
    ///
    /// The first page visits all responses in memory, in steps, and other tasks get their turn in
    /// between. It also finds the keys for the pages that follow: up to 100,000 of them, and at
    /// most 16 MiB. These pages look up only their own responses, and show them as they are by
    /// then. When the keys are used up, or after five minutes, all responses are visited again.
    /// Nothing is counted as a use of a response.
    ///
    /// The keys of up to eight listings are kept, in 32 MiB at most. They are dropped with the last
    /// page of a listing. So a listing is for operators, and not for requests.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use larder::Cache;
    /// use larder::inspect::{ListPage, StoredFilter};
    ///
    /// let cache = Cache::default();
    /// let products = StoredFilter::default().path_prefix("/products");
    /// let listing = cache.stored_responses(&products, ListPage::default()).await;
    /// println!("{} responses, among them:", listing.matched);
    /// for response in listing.entries {
    ///     println!("{} {} {:?}", response.state.as_str(), response.path, response.remaining);
    /// }
    /// # }
    /// ```
    pub async fn stored_responses(&self, filter: &StoredFilter, page: ListPage) -> Listing<StoredInfo> {
        let (memory, now) = (&self.http.memory, self.engine.clock.boot());
        let listing = list(memory, &self.http.passes, filter, page, now).await;
        let view = self.viewpoint();
        listing.map(|cached| StoredInfo::of(&cached, cached.weight(), view))
    }

    /// Returns a page of the values of one collection in the memory of this instance.
    ///
    /// It is like a page of [`stored_responses`](Self::stored_responses). Returns `None` if there is
    /// no collection with this name.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use larder::Cache;
    /// use larder::inspect::{ListPage, StoredFilter};
    ///
    /// let cache = Cache::default();
    /// for name in cache.collections() {
    ///     let page = cache.stored_values(&name, &StoredFilter::default(), ListPage::default()).await;
    ///     println!("{name}: {} values", page.map_or(0, |page| page.matched));
    /// }
    /// # }
    /// ```
    pub async fn stored_values(
        &self,
        collection: &str,
        filter: &StoredFilter,
        page: ListPage,
    ) -> Option<Listing<ValueInfo>> {
        let table = self.values.table(collection)?;
        let (log, now) = (&self.engine.log, self.engine.clock.boot());
        let listing = list(&table, self.values.passes(), filter, page, now).await;
        Some(listing.map(|value| value.describe(value.memory_bytes(), log, now)))
    }

    /// Returns the names of the collections of values that were built on this cache.
    #[must_use]
    pub fn collections(&self) -> Vec<String> {
        let mut names = self.values.names();
        names.sort_unstable();
        names
    }

    /// Returns everything that is stored under a key: in memory, and in the shared store.
    ///
    /// The key is an encoded key, as [`StoredInfo`], `X-Cache-Key` and log lines show it, or the
    /// text of a [key template](crate::Policy::key). If a value in the key is hidden, the entries
    /// in memory that are shown with this key are found, and they lead to those in the store.
    ///
    /// In memory, this takes as long as a lookup. For a key with a hidden value and for the key of
    /// a value, it is a pass over all entries. The store is asked for the entry of the key, and for
    /// up to 16 of the variants that are in memory. Their bodies are read, but are not kept.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use larder::Cache;
    ///
    /// let cache = Cache::default();
    /// let key = cache.inspect("u|http|shop.example|/products/42").await;
    /// for response in key.responses {
    ///     println!("{} for requests with {:?}", response.status, response.variant);
    /// }
    /// # }
    /// ```
    pub async fn inspect(&self, key: &str) -> KeyInspection {
        inspect_key(self, key).await
    }

    pub(super) fn viewpoint(&self) -> Viewpoint<'_> {
        let Self { engine, http, .. } = self;
        Viewpoint { log: &engine.log, now: engine.clock.boot(), credentials: &http.credentials }
    }
}
