//! The options for what a cache reports.

use crate::cache::builder::CacheBuilder;

impl CacheBuilder {
    /// Inserts a [`Served`](crate::Served) into the extensions of each response.
    ///
    /// A layer around the cache can then read how a request was answered. This costs an allocation
    /// for each response. [`Policy::served_extension`](crate::Policy::served_extension) does the
    /// same for one layer. Default: off.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().served_extension().build();
    /// ```
    #[must_use]
    pub fn served_extension(mut self) -> Self {
        self.served_extension = true;
        self
    }
}
