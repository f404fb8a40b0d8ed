//! The explanation of a request.

use larder_core::outcome::Outcome;
use serde::Serialize;

use super::explained_key::{ExplainedKey, ExplainedNames};
use super::explained_tier::{ExplainedLog, ExplainedTier};
use super::json_forms::{maybe_outcome, outcome};
use crate::engine::switches::switch::Switch;
use crate::http::policy::description::PolicyDescription;

/// The explanation of a request: its outcome now, and the reasons for it.
///
/// [`Cache::explain`](crate::Cache::explain) returns it. Its text for humans is that of
/// [`Display`](std::fmt::Display), and it can be serialized.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The method of the request.
    pub method: String,
    /// The URI of the request, as the layer got it.
    pub uri: String,
    /// The name of the route, as in metrics.
    pub route: String,
    /// The outcome that the request would have now. In JSON, its words.
    ///
    /// If the handler runs, this is the outcome for a handler that answers.
    #[serde(serialize_with = "outcome")]
    pub outcome: Outcome,
    /// The outcome if the handler fails, if that is another one. In JSON, its words.
    #[serde(serialize_with = "maybe_outcome")]
    pub on_error: Option<Outcome>,
    /// Whether the handler would run for the request.
    pub handler: HandlerRun,
    /// The remedy if too many requests have this outcome, in Markdown.
    pub remedy: Option<&'static str>,
    /// The key. `None` if the request has none.
    pub key: Option<ExplainedKey>,
    /// The names of the response, as far as they are known before the handler has run.
    pub names: Option<ExplainedNames>,
    /// The policy of the layer.
    pub policy: PolicyDescription,
    /// The memory tier.
    pub memory: ExplainedTier,
    /// The shared tier.
    pub shared: ExplainedTier,
    /// The invalidation log, as this instance knows it.
    pub log: ExplainedLog,
    /// The switch that covers the request, if there is one.
    pub switch: Option<Switch>,
    /// Whether a layer further in may handle the request instead.
    ///
    /// Until a route has answered a request once, an outer layer may not know that: see
    /// [`Cache::explain`](crate::Cache::explain).
    pub may_be_nested: bool,
}

/// Whether the handler would run for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HandlerRun {
    /// It would not.
    No,
    /// It would run, and the request would wait for it.
    Yes,
    /// It would run in the background, to refresh the stored response.
    Background,
    /// It runs already, for another request. This one would wait for it.
    Shared,
}

impl HandlerRun {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::No => "does not run",
            Self::Yes => "runs",
            Self::Background => "runs in the background",
            Self::Shared => "runs already, for another request",
        }
    }
}
