//! The key of a request, and the names of its response.

use std::borrow::Cow;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderName};
use larder_core::invalidation::selector::{Tag, UriName};
use larder_core::key::cookies;
use larder_core::key::template::{KeyTemplate, Template};
use larder_core::outcome::BypassReason;

use crate::engine::config_error::ConfigErrorKind;
use crate::http::policy::Policy;
use crate::http::policy::key_writer::KeyWriter;
use crate::http::policy::missing_parameter::{Consequence, MissingParameter};
use crate::http::policy::names::NamesBuilder;
use crate::http::policy::routed_request::{RequestKeyFn, RoutedRequest};
use crate::http::request::axum_route::PathParams;
use crate::http::request::target_uri::TargetUri;

/// The source of a key.
#[derive(Clone)]
pub(crate) enum KeySource {
    Uri,
    /// The URI without its host.
    UriOnAnyHost,
    Template(Template),
    With(RequestKeyFn),
}

impl KeySource {
    /// Whether the key is the URI, with or without its host.
    pub(crate) const fn is_uri(&self) -> bool {
        matches!(self, Self::Uri | Self::UriOnAnyHost)
    }
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uri => f.write_str("URI"),
            Self::UriOnAnyHost => f.write_str("URI on any host"),
            Self::Template(template) => write!(f, "{:?}", template.as_str()),
            Self::With(_) => f.write_str("function"),
        }
    }
}

/// The cookies that a policy declares.
#[derive(Debug, Clone, Default)]
pub(crate) struct CookieRules {
    pub(crate) keyed: Vec<Box<str>>,
    pub(crate) ignored: Vec<Box<str>>,
    pub(crate) ignore_all: bool,
}

impl CookieRules {
    /// Whether the request has a cookie that the policy does not declare.
    pub(crate) fn has_undeclared(&self, headers: &HeaderMap) -> bool {
        let declared =
            |name: &[u8]| self.keyed.iter().chain(&self.ignored).any(|cookie| cookie.as_bytes() == name);
        !self.ignore_all && cookies::names_and_values(headers).any(|(name, _)| !declared(name))
    }
}

/// Methods for the key.
impl Policy {
    /// Sets a template that replaces the scheme, the host and the path in the key.
    ///
    /// `{name}` stands for a path parameter of the route, as in `user:{id}`. A request whose route
    /// lacks a parameter bypasses the cache, with the reason `missing-parameter`. That is logged as
    /// a warning, once for each template and route. A later call of this method or of
    /// [`key_with`](Self::key_with) replaces an earlier one.
    ///
    /// # The query
    ///
    /// The query follows in the key, as it was sent. `{?page,size}` at the end of the template
    /// limits it to these parameters, like [`query_only`](Self::query_only). If the responses do
    /// not depend on the query, call [`ignore_query`](Self::ignore_query). The text of the template
    /// without the query, such as `user:42`, names the responses to all queries: see
    /// [`Invalidation::key`](crate::Invalidation::key).
    ///
    /// # Two routes with the same template
    ///
    /// The host and the path are not in the key. So two routes with the same template serve each
    /// other's responses, even if their parameters have different names. Begin each template with a
    /// text of its own, such as `user:`. A cache logs a warning when it creates a second layer with
    /// the same template. If the routes are to share their responses, use clones of one layer,
    /// which are not warned of.
    ///
    /// Default: the scheme, the host, the path and the query.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let user = Policy::ttl(ttl::STANDARD).key("user:{id}").ignore_query().tag("user:{id}");
    /// let reviews = Policy::ttl(ttl::STANDARD).key("reviews:{id}{?page,size}");
    /// ```
    #[must_use]
    pub fn key(mut self, template: impl AsRef<str>) -> Self {
        match KeyTemplate::parse(template.as_ref()) {
            Ok(KeyTemplate { text, query }) => {
                self.key = KeySource::Template(text);
                match query {
                    Some(names) => self.query_only(names.iter().map(|name| &**name)),
                    None => self,
                }
            }
            Err(error) => {
                self.record_error(ConfigErrorKind::Template, &error.to_string());
                self
            }
        }
    }

    /// Sets a function whose result replaces the URI in the key.
    ///
    /// The function gets the request with the path parameters of its route: see [`RoutedRequest`].
    /// The query is in the key only as far as the function adds it. A request for which the
    /// function returns `None` bypasses the cache. A later call of this method or of
    /// [`key`](Self::key) replaces an earlier one.
    ///
    /// Default: the scheme, the host, the path and the query.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD)
    ///     .key_with(|request| Some(format!("item:{}", request.param("id")?.to_lowercase())));
    /// ```
    #[must_use]
    pub fn key_with(
        mut self,
        key: impl Fn(&RoutedRequest<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.key = KeySource::With(Arc::new(key));
        self
    }

    /// Adds a request header field to the key.
    ///
    /// Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::http::HeaderName;
    /// use larder::{Policy, ttl};
    ///
    /// let version = HeaderName::from_static("x-api-version");
    /// let policy = Policy::ttl(ttl::STANDARD).key_header(version);
    /// ```
    #[must_use]
    pub fn key_header(mut self, name: HeaderName) -> Self {
        self.key_headers.push(name);
        self
    }
}

impl Policy {
    /// Writes the key of the request to `key`.
    ///
    /// Returns the reason for a bypass if the policy gives the request no key.
    pub(crate) fn write_key(
        &self,
        key: &mut impl KeyWriter,
        parts: &Parts,
        params: &PathParams,
        target: &TargetUri<'_>,
    ) -> Result<(), BypassReason> {
        match &self.key {
            KeySource::Uri => {
                key.uri(target.key_scheme, &target.authority, target.path);
                key.query(&self.query, target.query);
            }
            KeySource::UriOnAnyHost => {
                key.uri(target.key_scheme, "", target.path);
                key.query(&self.query, target.query);
            }
            KeySource::Template(template) => {
                key.template(&self.render(template, parts, params)?);
                key.query(&self.query, target.query);
            }
            KeySource::With(function) => {
                let text = function(&RoutedRequest::new(parts, params)).ok_or(BypassReason::NoKey)?;
                key.template(&text);
            }
        }
        for name in &self.key_headers {
            key.header(name, &parts.headers);
        }
        for name in &self.cookies.keyed {
            key.cookie(name, &parts.headers);
        }
        if let Some(partition) = &self.partition {
            key.partition(&partition(parts).ok_or(BypassReason::NoKey)?);
        }
        Ok(())
    }

    /// Returns the names of the response to a request with this key.
    pub(crate) fn names_for(
        &self,
        key: &str,
        parts: &Parts,
        params: &PathParams,
        target: &TargetUri<'_>,
    ) -> Result<NamesBuilder, BypassReason> {
        let mut keys = vec![Box::from(key)];
        // Without the query, so that it names the responses to all queries.
        keys.extend(self.key_text(parts, params)?);
        let uris = self.uri_names(target);
        // The log must be able to name the path, even if the path is not in the key.
        if uris.iter().any(|uri| uri.path().is_none()) {
            return Err(BypassReason::KeyTooLong);
        }
        Ok(NamesBuilder { path: target.path.into(), keys, uris, tags: self.policy_tags(parts, params)? })
    }

    /// Returns the names of the request's URI: on every host and on its own.
    ///
    /// Each of them has the query as it was sent, and as it is in the key.
    pub(crate) fn uri_names(&self, target: &TargetUri<'_>) -> Vec<UriName> {
        let keyed = self.query.apply(target.query);
        let mut uris: Vec<_> = target.uri_names(target.query).into();
        if keyed.as_deref() != target.query {
            uris.extend(target.uri_names(keyed.as_deref()));
        }
        // Without a host, the name on every host and the name on its own host are the same.
        uris.dedup();
        uris
    }

    fn policy_tags(&self, parts: &Parts, params: &PathParams) -> Result<Vec<Tag>, BypassReason> {
        let of_templates = self.tags.iter().map(|tag| self.render(tag, parts, params).map(Tag::new));
        let mut tags = of_templates.collect::<Result<Vec<_>, _>>()?;
        let request = RoutedRequest::new(parts, params);
        tags.extend(self.tag_functions.iter().flat_map(|function| function(&request)));
        Ok(tags)
    }

    /// Returns the text that replaces the URI in the key, without the query.
    ///
    /// Returns `None` if the key has the URI.
    pub(crate) fn key_text(
        &self,
        parts: &Parts,
        params: &PathParams,
    ) -> Result<Option<Box<str>>, BypassReason> {
        match &self.key {
            KeySource::Uri | KeySource::UriOnAnyHost => Ok(None),
            KeySource::Template(template) => Ok(Some(self.render(template, parts, params)?.into())),
            KeySource::With(function) => {
                let text = function(&RoutedRequest::new(parts, params)).ok_or(BypassReason::NoKey)?;
                Ok(Some(text.into()))
            }
        }
    }

    /// Returns the tags that a write with this request invalidates, besides its URI.
    pub(crate) fn written_tags(&self, parts: &Parts, params: &PathParams) -> Vec<Tag> {
        let tag = |template| {
            let missing = |missing| self.report_missing(&missing, parts, Consequence::TagNotInvalidated);
            self.text_of(template, parts, params).map(Tag::new).map_err(missing).ok()
        };
        self.invalidation_rules.written_tags.iter().filter_map(tag).collect()
    }

    /// Returns the text of a template for this request.
    fn render(
        &self,
        template: &Template,
        parts: &Parts,
        params: &PathParams,
    ) -> Result<String, BypassReason> {
        let missing = |missing| self.report_missing(&missing, parts, Consequence::Bypass);
        self.text_of(template, parts, params).map_err(missing)
    }

    fn text_of<'t>(
        &self,
        template: &'t Template,
        parts: &Parts,
        params: &PathParams,
    ) -> Result<String, MissingParameter<'t>> {
        template
            .render(|name| params.get(name).or_else(|| self.user(name, parts).map(Cow::Owned)))
            .map_err(|name| MissingParameter { template, name })
    }

    /// Returns the path parameters that the key needs.
    ///
    /// Reading them allocates, and a hit on another kind of key does not need them.
    pub(crate) fn key_params(&self, parts: &mut Parts) -> PathParams {
        match self.key {
            KeySource::Template(_) | KeySource::With(_) => PathParams::of(parts),
            KeySource::Uri | KeySource::UriOnAnyHost => PathParams::none(),
        }
    }
}
