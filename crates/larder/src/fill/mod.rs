//! Fill: running the handler to make a stored response, once for all who wait for it.

mod ask;
mod collect;
pub(crate) mod flight;
mod join;
mod keep;
mod place;
mod run;
pub(crate) mod tee;

pub(crate) use ask::Ask;
pub(crate) use join::answer;
