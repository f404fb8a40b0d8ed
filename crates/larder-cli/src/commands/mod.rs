//! The commands, each with a file. They go over an admin URL, or hand over to `redis_target/`.

pub(crate) mod advise;
pub(crate) mod completions;
pub(crate) mod explain;
mod explanation;
mod explanation_text;
pub(crate) mod inspect;
pub(crate) mod instances;
pub(crate) mod policies;
pub(crate) mod purge;
pub(crate) mod stats;
mod stats_tables;
pub(crate) mod switches;
pub(crate) mod tail;
pub(crate) mod top;
