//! The key of a request, by a policy.

use std::borrow::Cow;

use http::HeaderMap;
use http::request::Parts;
use larder_core::key::buf::KeyBuf;
use larder_core::key::cookies;
use larder_core::key::template::Template;
use larder_core::log::selector::{Tag, UriName};
use larder_core::outcome::BypassReason;

use crate::http::policy::names::NamesBuilder;
use crate::http::policy::{KeyFn, Policy};
use crate::http::request::axum_route::PathParams;
use crate::http::request::target_uri::TargetUri;

/// What a key is made of.
#[derive(Clone)]
pub(crate) enum KeySource {
    Uri,
    Template(Template),
    With(KeyFn),
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uri => f.write_str("the URI"),
            Self::Template(template) => template.fmt(f),
            Self::With(_) => f.write_str("a function"),
        }
    }
}

/// Which cookies a policy knows of.
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
            |name: &[u8]| self.keyed.iter().chain(&self.ignored).any(|known| known.as_bytes() == name);
        !self.ignore_all && cookies::names_and_values(headers).any(|(name, _)| !declared(name))
    }
}

impl Policy {
    /// Writes the key of the request into `key`.
    pub(crate) fn write_key(
        &self,
        key: &mut KeyBuf,
        parts: &Parts,
        params: &PathParams,
        target: &TargetUri<'_>,
    ) -> Result<(), BypassReason> {
        match &self.key {
            KeySource::Uri => {
                key.uri(target.key_scheme, &target.authority, target.path);
                key.query(&self.query, target.query);
            }
            source => key.template(&source.key_text(parts, params)?),
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

    /// The names of the response to a request with this key.
    pub(crate) fn names_for(
        &self,
        key: &str,
        parts: &Parts,
        params: &PathParams,
        target: &TargetUri<'_>,
    ) -> Result<NamesBuilder, BypassReason> {
        let mut keys = vec![Box::from(key)];
        if !matches!(self.key, KeySource::Uri) {
            keys.push(self.key.key_text(parts, params)?.into_owned().into());
        }
        let uris = self.uri_names(target);
        // Whatever the key is: the log has to be able to name the path.
        if uris.iter().any(|uri| uri.path().is_none()) {
            return Err(BypassReason::KeyTooLong);
        }
        Ok(NamesBuilder { path: target.path.into(), keys, uris, tags: self.policy_tags(params)? })
    }

    /// The names of the request's URI on every host and on its own, with the query as sent and as keyed.
    pub(crate) fn uri_names(&self, target: &TargetUri<'_>) -> Vec<UriName> {
        let keyed = self.query.apply(target.query);
        let mut uris: Vec<_> = target.uri_names(target.query).into();
        if keyed.as_deref() != target.query {
            uris.extend(target.uri_names(keyed.as_deref()));
        }
        // Without a host the two are one.
        uris.dedup();
        uris
    }

    fn policy_tags(&self, params: &PathParams) -> Result<Vec<Tag>, BypassReason> {
        self.tags.iter().map(|tag| render(tag, params).map(Tag::new)).collect()
    }

    /// The path parameters that the key asks for: to read them costs allocations, which a hit has no need of otherwise.
    pub(crate) fn key_params(&self, parts: &mut Parts) -> PathParams {
        match self.key {
            KeySource::Template(_) => PathParams::of(parts),
            KeySource::Uri | KeySource::With(_) => PathParams::none(),
        }
    }
}

impl KeySource {
    /// The text of a key that is not the URI.
    fn key_text(&self, parts: &Parts, params: &PathParams) -> Result<Cow<'_, str>, BypassReason> {
        match self {
            Self::Uri => Ok(Cow::Borrowed("")),
            Self::Template(template) => render(template, params).map(Cow::Owned),
            Self::With(key) => key(parts).map(Cow::Owned).ok_or(BypassReason::NoKey),
        }
    }
}

fn render(template: &Template, params: &PathParams) -> Result<String, BypassReason> {
    template.render(|name| params.get(name)).map_err(|_| BypassReason::NoKey)
}
