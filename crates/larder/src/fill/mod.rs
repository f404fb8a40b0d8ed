//! Fill: running the handler to make a stored response, once for all who wait for it.

mod ask;
mod backoff;
mod collect;
mod commit;
mod direct;
pub(crate) mod flight;
mod freshen;
mod join;
mod keep;
mod lease;
mod making;
mod place;
mod refresh;
mod right;
mod run;
pub(crate) mod tee;
mod word;

pub(crate) use ask::Ask;
pub(crate) use direct::answer_directly;
pub(crate) use join::answer;
pub(crate) use refresh::refresh_early;
