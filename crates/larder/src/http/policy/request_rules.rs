//! The rules for requests that are more than a plain lookup.

use http::header::ACCEPT_LANGUAGE;
use http::{HeaderMap, HeaderName};
use larder_core::http::content_coding::ContentCoding;
use larder_core::http::vary::languages;

use crate::http::policy::Policy;
use crate::http::policy::read_your_writes::ReadYourWrites;

/// The rules for requests that are more than a plain lookup.
///
/// A policy has them behind one pointer. Without such rules, a hit only checks that pointer.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestRules {
    pub(crate) own_writes: Option<ReadYourWrites>,
    sort_languages: bool,
    pub(crate) no_vary_search: bool,
    /// Whether responses report how they were served.
    pub(crate) served_extension: bool,
    /// The content codings that the cache applies to stored responses.
    pub(super) codings: Box<[ContentCoding]>,
    /// The fields that the application calls credentials and this policy does not declare.
    credentials: Vec<HeaderName>,
}

impl RequestRules {
    /// Whether the request has a field that the application calls a credential.
    pub(crate) fn has_credential_field(&self, request: &HeaderMap) -> bool {
        self.credentials.iter().any(|name| request.contains_key(name))
    }

    /// Normalizes the fields of a request for its lookup.
    pub(crate) fn normalize(&self, request: &mut HeaderMap) {
        if self.sort_languages {
            if let Some(sorted) = languages::in_order(request) {
                request.insert(ACCEPT_LANGUAGE, sorted);
            }
        }
    }
}

/// Methods for requests before their lookup.
impl Policy {
    pub(super) fn request_rules_mut(&mut self) -> &mut RequestRules {
        self.request_rules.get_or_insert_default()
    }

    /// Returns the policy with the fields that the application calls credentials.
    ///
    /// A field in the key is declared, since no two values of it share a response.
    pub(crate) fn with_credentials(mut self, fields: &[HeaderName]) -> Self {
        let is_declared = |name: &&HeaderName| self.store.share_authorized || self.key_headers.contains(name);
        let undeclared: Vec<_> = fields.iter().filter(|name| !is_declared(name)).cloned().collect();
        if !undeclared.is_empty() {
            self.request_rules_mut().credentials = undeclared;
        }
        self
    }

    pub(crate) fn own_writes(&self) -> Option<&ReadYourWrites> {
        self.request_rules.as_ref()?.own_writes.as_ref()
    }

    /// Whether a response may answer other queries than the one that it was created for.
    pub(crate) fn matches_equivalent_queries(&self) -> bool {
        // Any other key source is the policy's own, and decides which parts of the query matter.
        self.key.is_uri() && self.request_rules.as_ref().is_some_and(|rules| rules.no_vary_search)
    }

    /// Gives `Accept-Language` the same order and spelling in all requests.
    ///
    /// Languages are sorted by weight, and languages with the same weight by name. All clients that
    /// accept the same languages then share a response that varies on this field. The handler gets
    /// the sorted field too.
    ///
    /// `de, en` and `en, de` mean the same (RFC 9110 §12.5.4). A handler that prefers the first of
    /// them no longer sees which one that was.
    ///
    /// Default: off.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).sort_languages();
    /// ```
    #[must_use]
    pub fn sort_languages(mut self) -> Self {
        self.request_rules_mut().sort_languages = true;
        self
    }

    /// Allows responses to answer equivalent queries, by `No-Vary-Search`.
    ///
    /// A response with this field answers all requests whose queries differ only in details that do
    /// not matter (draft-ietf-httpbis-no-vary-search-10).
    ///
    /// ```text
    /// No-Vary-Search: params=("utm_source" "utm_medium")    these two do not matter
    /// No-Vary-Search: except=("id" "page"), key-order       only these two matter, in any order
    /// ```
    ///
    /// The cache remembers the field of a response for its path: in memory, in about 1 MiB for all
    /// paths, and in the shared store for as long as the response. Requests with equivalent queries
    /// then wait for one run of the handler, and all get its response. Until the field is known,
    /// each of them runs the handler for itself.
    ///
    /// A field that is invalid or longer than 1 KiB is ignored, and then all differences matter.
    /// `params` without a list was valid in earlier drafts, and is invalid now. The response to a
    /// query with a semicolon answers no other query. With [`key`](Self::key) or
    /// [`key_with`](Self::key_with), the field is ignored, because they decide which parts of the
    /// query matter.
    ///
    /// Default: off.
    ///
    /// # Invalidation
    ///
    /// Invalidating a URI always takes effect for that URI, on every instance, even if the stored
    /// response was created for an equivalent one. Equivalent URIs are invalidated too if this
    /// instance knows them. Otherwise they can be served until the next request for the invalidated
    /// URI, or until they expire. To invalidate all of them, use a [`Tag`](crate::Tag).
    ///
    /// # Security
    ///
    /// Use this only for handlers that you trust with this decision. If a parameter shows in the
    /// page and the handler declares that it does not matter, the client that requests the page
    /// first chooses what the others see. Stored responses for equivalent queries are only
    /// validated by strong entity tags.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use larder::{Cache, Policy, ttl};
    ///
    /// async fn product() -> impl axum::response::IntoResponse {
    ///     ([("no-vary-search", r#"params=("utm_source" "utm_medium")"#)], "a page")
    /// }
    ///
    /// let layer = Cache::default().layer(Policy::ttl(ttl::STANDARD).no_vary_search());
    /// let app: Router = Router::new().route("/products/{id}", get(product).layer(layer));
    /// ```
    #[must_use]
    pub fn no_vary_search(mut self) -> Self {
        self.request_rules_mut().no_vary_search = true;
        self
    }
}
