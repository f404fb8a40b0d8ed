//! Fill: running the handler to make a stored response, once for all who wait for it.

mod ask;
pub(crate) mod budget;
mod collect;
mod commit;
mod direct;
pub(crate) mod flight;
mod freshen;
mod join;
mod keep;
mod making;
mod place;
mod run;
pub(crate) mod tee;

pub(crate) use ask::Ask;
pub(crate) use direct::answer_directly;
pub(crate) use join::answer;
