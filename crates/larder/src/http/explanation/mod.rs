//! Explanations: what the cache would do with a request now, and why. This is only their data.
//!
//! - `answer.rs`: `Explanation`, the whole answer, and `answer_text.rs`, its text for humans
//! - `explained_key.rs`: the key with its parts, and the names
//! - `explained_tier.rs`: what the tiers hold, and which invalidations refuse it
//! - `explain_error.rs`: the error of a request that cannot be explained
//! - `explain_slot.rs`: the place where the layer leaves its answer
//! - `json_forms.rs`: the form of outcomes in JSON

pub(crate) mod answer;
mod answer_text;
pub(crate) mod explain_error;
pub(crate) mod explain_slot;
pub(crate) mod explained_key;
pub(crate) mod explained_tier;
mod json_forms;
