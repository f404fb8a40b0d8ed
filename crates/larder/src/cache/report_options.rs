//! The options for how a cache reports what it did, to clients and to layers around it.

use crate::cache::builder::CacheBuilder;

impl CacheBuilder {
    /// Sets the name of this cache in `Cache-Status` (RFC 9211 §2).
    ///
    /// If a response passes several caches, each adds a member to the field, and the names tell
    /// them apart. The name has 1 to 64 printable ASCII characters. One that is not a token, such
    /// as one with a space, is sent in quotes.
    ///
    /// Default: `Larder`. An invalid name is an error of [`try_build`](Self::try_build).
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// // Cache-Status: shop.example; hit; ttl=60; detail=memory
    /// let cache = Cache::builder().cache_status_name("shop.example").build();
    /// ```
    #[must_use]
    pub fn cache_status_name(mut self, name: &str) -> Self {
        self.reporting.name = Some(name.into());
        self
    }

    /// Turns `Cache-Status` off.
    ///
    /// The field shows every client what is stored and for how long. The members of other caches
    /// stay in the field. Metrics, spans and [`Stats`](crate::Stats) report the outcomes as before.
    ///
    /// Default: on.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().no_cache_status().no_x_cache().build();
    /// ```
    #[must_use]
    pub const fn no_cache_status(mut self) -> Self {
        self.reporting.fields.cache_status = false;
        self
    }

    /// Turns `X-Cache` off.
    ///
    /// A handler's own `X-Cache` then reaches the client of its run. It is not stored.
    ///
    /// Default: on.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().no_x_cache().build();
    /// ```
    #[must_use]
    pub const fn no_x_cache(mut self) -> Self {
        self.reporting.fields.x_cache = false;
        self
    }

    /// Sets the name of this instance's host in [`Cache::instances`](crate::Cache::instances).
    ///
    /// It may be any name by which an operator finds the instance. Names of more than 255 bytes are
    /// cut, and control characters are left out.
    ///
    /// Default: the name of the host, as the system knows it.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().instance_host("shop-7f9c/eu-1").build();
    /// ```
    #[must_use]
    pub fn instance_host(mut self, name: &str) -> Self {
        self.instance_host = Some(name.into());
        self
    }

    /// Counts the keys with the most requests, for [`Cache::top_keys`](crate::Cache::top_keys).
    ///
    /// The memory for this is bounded: less than a megabyte. One in 64 hits is counted, on behalf
    /// of the others. Default: off.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().count_top_keys().build();
    /// assert!(cache.top_keys().is_some());
    /// ```
    #[must_use]
    pub const fn count_top_keys(mut self) -> Self {
        self.counts_top_keys = true;
        self
    }

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
