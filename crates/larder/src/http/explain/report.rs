//! Puts an explanation together.

use http::request::Parts;
use larder_core::invalidation::names::Names;
use larder_core::key::redact::Redactor;
use larder_core::outcome::{BypassReason, Outcome};

use super::key_recorder::{KeyRecorder, PartKind, RecordedPart};
use super::stored_entries::{StoredEntries, shown_tag};
use crate::http::explanation::answer::Explanation;
use crate::http::explanation::explained_key::{ExplainedKey, ExplainedNames, KeyPart};
use crate::http::explanation::explained_tier::{ExplainedLog, ExplainedTier};
use crate::http::layer_registry::DescribePolicy as _;
use crate::http::layer_state::LayerState;
use crate::http::lookup::query_scope::{LookupKey, QueryScope};
use crate::http::memory::Access;
use crate::http::miss::foresee::Foreseen;
use crate::http::policy::Policy;
use crate::http::policy::key::KeySource;
use crate::http::request::axum_route::{PathParams, whole_uri};
use crate::http::request::target_uri::TargetUri;

/// The request that is explained.
pub(crate) struct Subject {
    /// The request as the layer got it.
    pub(crate) sent: Parts,
    /// The request as it is looked up.
    pub(crate) looked_up: Parts,
}

/// Returns the explanation of a request whose outcome is known.
pub(crate) async fn report(
    layer: &LayerState,
    subject: Subject,
    foreseen: Foreseen,
    may_be_nested: bool,
) -> Explanation {
    let Subject { mut sent, mut looked_up } = subject;
    let mut redactor = Redactor::new(&sent.headers, &layer.http.credentials);
    let recorder = KeyRecorder::record(layer, &mut sent);
    let shown_parts = recorder.as_ref().map(|recorder| show_parts(recorder, &mut redactor));
    let key_text = recorder.as_ref().map(KeyRecorder::text);
    let names = key_text.and_then(|key| names_of(layer, key, &mut looked_up));
    let scope = key_text.and_then(|key| QueryScope::of(layer, &looked_up, key));
    let (memory, shared) = match key_text {
        Some(key) => stored(layer, key, scope.as_ref(), &looked_up, &redactor).await,
        None => (ExplainedTier::default(), ExplainedTier::default()),
    };
    let looked_up_key = scope.as_ref().map(QueryScope::lookup_key);
    let key = recorder.zip(shown_parts).map(|(recorder, shown)| ExplainedKey {
        text: shown.concat(),
        looked_up: looked_up_key.filter(|key| **key != *recorder.text()).map(|key| redactor.key(&key)),
        parts: key_parts(&layer.policy, &recorder, &shown),
    });
    let Foreseen { outcome, on_error, handler } = foreseen;
    let (route, now) = (layer.route_name(&sent).to_owned(), layer.engine.clock.boot());
    let is_switched_off = matches!(outcome, Outcome::Bypass(BypassReason::SwitchedOff));
    let class = layer.policy.class_name();
    Explanation {
        method: sent.method.as_str().to_owned(),
        uri: redactor.uri(&whole_uri(&sent).to_string()),
        switch: is_switched_off.then(|| layer.engine.switches.covering(&route, class, now)).flatten(),
        route,
        outcome,
        on_error,
        handler,
        remedy: outcome.remedy(),
        key,
        names: names.map(|names| explained_names(layer, &names, &redactor)),
        policy: layer.describe_policy(),
        memory,
        shared,
        log: explained_log(layer),
        may_be_nested,
    }
}

async fn stored(
    layer: &LayerState,
    key: &str,
    scope: Option<&QueryScope>,
    parts: &Parts,
    redactor: &Redactor<'_>,
) -> (ExplainedTier, ExplainedTier) {
    let (lookup, time) = (scope.map(QueryScope::lookup_key), layer.engine.store_time());
    let looked_up = lookup.as_deref().unwrap_or(key);
    let (access, headers) = (Access::Inspect, &parts.headers);
    let lookup_key =
        LookupKey { key: looked_up, headers, scope, access, store_time: Some(&time), matched_path: None };
    let entries = StoredEntries { layer, lookup_key, redactor, now: layer.engine.clock.boot() };
    let keys = [looked_up, key];
    let memory = entries.in_memory(if looked_up == key { &keys[..1] } else { &keys });
    (memory, entries.in_store().await)
}

/// Returns the names of the response, as far as they do not depend on the handler.
fn names_of(layer: &LayerState, key: &str, parts: &mut Parts) -> Option<Names> {
    let params = PathParams::of(parts);
    let target = layer.policy.target(TargetUri::from_request(parts).ok()?.require_valid_host().ok()?);
    Some(layer.policy.names_for(key, parts, &params, &target).ok()?.build([]))
}

fn explained_names(layer: &LayerState, names: &Names, redactor: &Redactor<'_>) -> ExplainedNames {
    ExplainedNames {
        tags: names.tags().map(|tag| shown_tag(layer, redactor, tag.as_str())).collect(),
        keys: names.keys().map(|key| redactor.key(key)).collect(),
        uris: names.uris().map(|uri| redactor.uri(uri)).collect(),
        prefixes: names.prefixes().map(|prefix| redactor.text(prefix)).collect(),
    }
}

/// Returns the parts of a key as they are shown.
fn show_parts(recorder: &KeyRecorder, redactor: &mut Redactor<'_>) -> Vec<String> {
    for RecordedPart { kind, encoded } in &recorder.parts {
        // Tags and templates have the user without the marker.
        if let (PartKind::Partition, Some((_, user))) = (kind, encoded.rsplit_once("p|")) {
            redactor.add_partition(user);
        }
    }
    let show = |RecordedPart { kind, encoded }: &RecordedPart| match kind {
        PartKind::Uri | PartKind::Template => redactor.key(encoded),
        PartKind::Query | PartKind::Header(_) | PartKind::Cookie(_) | PartKind::Partition => {
            redactor.key_part(encoded)
        }
    };
    recorder.parts.iter().map(show).collect()
}

/// Returns the parts of a key with their sources, and without their markers.
fn key_parts(policy: &Policy, recorder: &KeyRecorder, shown: &[String]) -> Vec<KeyPart> {
    let mut parts = Vec::new();
    for (RecordedPart { kind, .. }, shown) in recorder.parts.iter().zip(shown) {
        let text = shown.strip_prefix('|').unwrap_or(shown);
        let mut push = |source: &str, text: &str| {
            parts.push(KeyPart { source: source.to_owned(), text: text.to_owned() });
        };
        match kind {
            PartKind::Uri => {
                // `|` is escaped within a part.
                for (source, text) in ["scheme", "host", "path"].into_iter().zip(text.split('|').skip(1)) {
                    push(source, text);
                }
            }
            PartKind::Query => push("query", text.strip_prefix('?').unwrap_or(text)),
            PartKind::Template => push(template_source(policy), text.strip_prefix("k|").unwrap_or(text)),
            PartKind::Header(name) => push(&format!("header {name}"), value_of(text)),
            PartKind::Cookie(name) => push(&format!("cookie {name}"), value_of(text)),
            PartKind::Partition => {
                let source = if policy.is_per_user() { "user" } else { "partition" };
                push(source, text.strip_prefix("p|").unwrap_or(text));
            }
        }
    }
    parts
}

fn template_source(policy: &Policy) -> &'static str {
    if matches!(policy.key, KeySource::With(_)) { "function" } else { "template" }
}

/// Returns the value in the part of a field or a cookie.
fn value_of(part: &str) -> &str {
    let rest = part.split_once('|').map_or(part, |(_, rest)| rest);
    rest.find(['=', '|']).map_or("(absent)", |at| &rest[at + 1..])
}

fn explained_log(layer: &LayerState) -> ExplainedLog {
    let now = layer.engine.clock.boot();
    layer.engine.log.read(|tail| ExplainedLog {
        position: tail.position().to_string(),
        confirmation_age: tail
            .confirmed_at()
            .filter(|_| layer.engine.store.is_some())
            .map(|at| now.saturating_since(at)),
        deferred: tail.pending_count(),
    })
}
