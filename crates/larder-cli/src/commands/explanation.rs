//! An explanation, in the form of the admin API.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Explanation {
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) route: String,
    pub(super) outcome: Outcome,
    pub(super) on_error: Option<Outcome>,
    pub(super) handler: String,
    pub(super) remedy: Option<String>,
    pub(super) key: Option<Key>,
    pub(super) names: Option<Names>,
    pub(super) policy: Policy,
    pub(super) memory: Tier,
    pub(super) shared: Tier,
    pub(super) log: Log,
    pub(super) switch: Option<Switch>,
    #[serde(default)]
    pub(super) may_be_nested: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Outcome {
    pub(super) outcome: String,
    pub(super) reason: String,
    pub(super) tier: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) parts: Vec<KeyPart>,
    pub(super) looked_up: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct KeyPart {
    pub(super) source: String,
    pub(super) text: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Names {
    pub(super) tags: Vec<String>,
    pub(super) keys: Vec<String>,
    pub(super) uris: Vec<String>,
    pub(super) prefixes: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Policy {
    pub(super) class: String,
    pub(super) ttl_seconds: f64,
    pub(super) stale_while_revalidate_seconds: f64,
    pub(super) stale_if_error_seconds: f64,
    pub(super) key: PolicyKey,
    /// The other settings. Those that are set are shown by their names.
    #[serde(flatten)]
    pub(super) flags: std::collections::BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PolicyKey {
    pub(super) source: String,
    pub(super) query: String,
    pub(super) headers: Vec<String>,
    pub(super) cookies: Vec<String>,
    pub(super) partition: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tier {
    pub(super) state: String,
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) is_selected: bool,
    pub(super) response: Option<Response>,
    pub(super) hit_for_miss_seconds: Option<f64>,
    pub(super) verdict: String,
    pub(super) invalidated_by: Vec<InvalidatedBy>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) age_seconds: f64,
    pub(super) remaining_seconds: f64,
    pub(super) lifetime_seconds: f64,
    pub(super) body_bytes: u64,
    pub(super) stored_bytes: u64,
    pub(super) tags: Vec<String>,
    pub(super) variant: Vec<VariantField>,
    pub(super) position: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct VariantField {
    pub(super) name: String,
    pub(super) value: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct InvalidatedBy {
    pub(super) name: String,
    pub(super) is_soft: bool,
    pub(super) place: String,
    pub(super) age_seconds: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Log {
    pub(super) position: String,
    pub(super) confirmation_age_seconds: Option<f64>,
    pub(super) deferred: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Switch {
    pub(super) who: String,
    pub(super) until: u64,
}
