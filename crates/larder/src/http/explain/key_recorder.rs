//! Notes the parts of a key while the policy writes it.

use http::request::Parts;
use http::{HeaderMap, HeaderName};
use larder_core::key::buf::KeyBuf;
use larder_core::key::query::QueryRules;

use crate::http::layer_state::LayerState;
use crate::http::policy::key_writer::KeyWriter;
use crate::http::request::target_uri::TargetUri;

/// A key, and the texts of its parts.
#[derive(Default)]
pub(super) struct KeyRecorder {
    key: KeyBuf,
    pub(super) parts: Vec<RecordedPart>,
}

/// A part of a key.
pub(super) struct RecordedPart {
    pub(super) kind: PartKind,
    /// The part as it stands in the key, with its marker and the separator before it.
    pub(super) encoded: String,
}

/// The method of [`KeyWriter`] that wrote a part.
#[derive(Clone)]
pub(super) enum PartKind {
    Uri,
    Query,
    Template,
    Header(HeaderName),
    Cookie(Box<str>),
    Partition,
}

impl KeyRecorder {
    /// Records the key of a request. Returns `None` if it has none.
    pub(super) fn record(layer: &LayerState, parts: &mut Parts) -> Option<Self> {
        let params = layer.policy.key_params(parts);
        let mut recorder = Self::default();
        let target = TargetUri::from_request(parts).ok()?;
        layer.policy.write_key(&mut recorder, parts, &params, &target).ok()?;
        recorder.key.as_str().is_some().then_some(recorder)
    }

    /// Returns the key.
    pub(super) fn text(&self) -> &str {
        self.key.as_str().unwrap_or_default()
    }

    fn write(&mut self, kind: PartKind, write: impl FnOnce(&mut KeyBuf)) {
        let before = self.text().len();
        write(&mut self.key);
        let encoded = self.text().get(before..).unwrap_or_default().to_owned();
        // A query of which nothing is kept writes nothing.
        if !encoded.is_empty() {
            self.parts.push(RecordedPart { kind, encoded });
        }
    }
}

impl KeyWriter for KeyRecorder {
    fn uri(&mut self, scheme: &str, authority: &str, path: &str) {
        self.write(PartKind::Uri, |key| key.uri(scheme, authority, path));
    }

    fn query(&mut self, rules: &QueryRules, query: Option<&str>) {
        self.write(PartKind::Query, |key| key.query(rules, query));
    }

    fn template(&mut self, text: &str) {
        self.write(PartKind::Template, |key| key.template(text));
    }

    fn header(&mut self, name: &HeaderName, request: &HeaderMap) {
        self.write(PartKind::Header(name.clone()), |key| key.header(name, request));
    }

    fn cookie(&mut self, name: &str, request: &HeaderMap) {
        self.write(PartKind::Cookie(name.into()), |key| key.cookie(name, request));
    }

    fn partition(&mut self, name: &str) {
        self.write(PartKind::Partition, |key| key.partition(name));
    }
}
