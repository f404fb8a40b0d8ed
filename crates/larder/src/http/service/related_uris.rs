//! The other URIs and the groups that a write invalidates, by the fields of its response.

use http::HeaderMap;
use http::header::{CONTENT_LOCATION, LOCATION};
use larder_core::http::groups::{self, CACHE_GROUP_INVALIDATION};
use larder_core::http::location::{self, Base};
use larder_core::invalidation::selector::{Selector, UriName};

use crate::http::policy::invalidation_rules::InvalidationRules;
use crate::http::request::target_uri::TargetUri;

/// The target URI of a write, as the base for the URIs that the response names.
pub(crate) struct WriteOrigin {
    /// The origin to which groups belong.
    name: Box<str>,
    authority: Box<str>,
    path: Box<str>,
    query: Option<Box<str>>,
}

impl WriteOrigin {
    /// Returns the origin of a write to this target. `name` is the origin to which groups belong.
    pub(crate) fn from_target(target: &TargetUri<'_>, name: Box<str>) -> Self {
        Self {
            name,
            authority: (&*target.authority).into(),
            path: target.path.into(),
            query: target.query.map(Into::into),
        }
    }

    /// Returns the URIs of the same origin that the response names, if the policy says so.
    ///
    /// RFC 9111 §4.4: "A cache MAY invalidate other URIs when it receives a non-error status code
    /// in response to an unsafe request method […]. In particular, the URI(s) in the Location and
    /// Content-Location response header fields (if present) are candidates for invalidation".
    pub(crate) fn location_uris(&self, rules: &InvalidationRules, response: &HeaderMap) -> Vec<Selector> {
        let fields = if rules.locations { &[LOCATION, CONTENT_LOCATION][..] } else { &[] };
        let references = fields.iter().flat_map(|name| response.get_all(name));
        let texts = references.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
        texts.filter_map(|reference| self.uri(reference)).map(Selector::Uri).collect()
    }

    /// Returns the groups that the response invalidates.
    ///
    /// The status of the response does not matter, since the field names the groups explicitly.
    ///
    /// RFC 9875 §3: "The Cache-Group-Invalidation header field MUST be ignored on responses to
    /// requests that have a safe method". All requests here have an unsafe one.
    pub(crate) fn invalidated_groups(
        &self,
        rules: &InvalidationRules,
        response: &HeaderMap,
    ) -> Vec<Selector> {
        if !rules.groups {
            return Vec::new();
        }
        let groups = groups::groups(response, &CACHE_GROUP_INVALIDATION, &self.name);
        groups.into_iter().map(Selector::Tag).collect()
    }

    /// Resolves a reference. Returns `None` if it is of another origin.
    fn uri(&self, reference: &str) -> Option<UriName> {
        let base = Base { authority: &self.authority, path: &self.path, query: self.query.as_deref() };
        let target = location::same_origin(reference, base)?;
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&*target, None),
        };
        Some(UriName::from_parts(Some(&self.authority), path, query))
    }
}
