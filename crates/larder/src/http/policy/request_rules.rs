//! What is done to the fields of a request before it is looked up.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use larder_core::http::vary::languages;

use crate::http::policy::Policy;
use crate::http::policy::key::KeySource;
use crate::http::policy::read_your_writes::ReadYourWrites;

/// Behind one pointer, which is all that a hit looks at where a policy asks for nothing of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestRules {
    pub(crate) own_writes: Option<ReadYourWrites>,
    sort_languages: bool,
    pub(crate) no_vary_search: bool,
}

impl RequestRules {
    /// Gives the fields of a request the spelling that they are looked up in.
    pub(crate) fn normalize(&self, request: &mut HeaderMap) {
        if self.sort_languages {
            if let Some(sorted) = languages::in_order(request) {
                request.insert(ACCEPT_LANGUAGE, sorted);
            }
        }
    }
}

impl Policy {
    pub(super) fn request_rules_mut(&mut self) -> &mut RequestRules {
        self.request_rules.get_or_insert_default()
    }

    pub(crate) fn own_writes(&self) -> Option<&ReadYourWrites> {
        self.request_rules.as_ref()?.own_writes.as_ref()
    }

    /// Whether responses may answer other queries than the one that they were made for.
    pub(crate) fn matches_equivalent_queries(&self) -> bool {
        // Another key is the policy's own, and what of the query is in it.
        let by_uri = matches!(self.key, KeySource::Uri);
        by_uri && self.request_rules.as_ref().is_some_and(|before| before.no_vary_search)
    }

    /// Gives each request the same order and spelling of its `Accept-Language` before anything sees it: languages by weight,
    /// those of one weight by name. Responses that vary on it are then shared by all who accept the same languages.
    ///
    /// `de, en` and `en, de` mean the same (RFC 9110 §12.5.4); a handler that took the first of them to be the better one is
    /// told no longer which that was.
    #[must_use]
    pub fn sort_languages(mut self) -> Self {
        self.request_rules_mut().sort_languages = true;
        self
    }

    /// Heeds `No-Vary-Search`: a response that says so answers all requests whose queries differ in nothing that matters
    /// (draft-ietf-httpbis-no-vary-search-10). Not by default.
    ///
    /// ```text
    /// No-Vary-Search: params=("utm_source" "utm_medium")    these two do not matter
    /// No-Vary-Search: except=("id" "page"), key-order       these two alone do, in any order of names
    /// ```
    ///
    /// What a response says is remembered of its path, in about a megabyte for all, and in the shared store for as long as the
    /// response is; then requests with equivalent queries wait for one run of the handler, and find what it made. The first
    /// of them run each for itself. A field that is not valid, or longer than a kilobyte, is ignored, as all differences
    /// matter then; `params` without a list was valid in earlier drafts and is not any more. Queries with a semicolon answer
    /// for themselves alone. Where [`key`](Self::key) or [`key_with`](Self::key_with) makes the key, it is
    /// ignored: what of the query matters is said there.
    ///
    /// Whoever invalidates a URI is not shown anything older under that URI, on any instance, whichever equivalent it was made for. The
    /// equivalents themselves are invalidated with it where the instance that does it knows them; else they stay until the first request for that
    /// URI, at most as long as they are fresh. A [`Tag`](crate::Tag) names them all.
    ///
    /// It is for handlers that can be trusted with it: a parameter that they call meaningless, and that shows in the page,
    /// lets whoever asks first choose what others see. What is stored for equivalents is validated by strong entity tags alone.
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
