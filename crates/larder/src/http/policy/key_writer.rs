//! The parts of a key, as a policy writes them.

use http::{HeaderMap, HeaderName};
use larder_core::key::buf::KeyBuf;
use larder_core::key::query::QueryRules;

/// A place into which a policy writes a key, part by part.
///
/// A request is looked up under a [`KeyBuf`]. An explanation notes each part as well.
pub(crate) trait KeyWriter {
    fn uri(&mut self, scheme: &str, authority: &str, path: &str);
    fn query(&mut self, rules: &QueryRules, query: Option<&str>);
    fn template(&mut self, text: &str);
    fn header(&mut self, name: &HeaderName, request: &HeaderMap);
    fn cookie(&mut self, name: &str, request: &HeaderMap);
    fn partition(&mut self, name: &str);
}

impl KeyWriter for KeyBuf {
    #[inline]
    fn uri(&mut self, scheme: &str, authority: &str, path: &str) {
        Self::uri(self, scheme, authority, path);
    }

    #[inline]
    fn query(&mut self, rules: &QueryRules, query: Option<&str>) {
        Self::query(self, rules, query);
    }

    fn template(&mut self, text: &str) {
        Self::template(self, text);
    }

    fn header(&mut self, name: &HeaderName, request: &HeaderMap) {
        Self::header(self, name, request);
    }

    fn cookie(&mut self, name: &str, request: &HeaderMap) {
        Self::cookie(self, name, request);
    }

    fn partition(&mut self, name: &str) {
        Self::partition(self, name);
    }
}
