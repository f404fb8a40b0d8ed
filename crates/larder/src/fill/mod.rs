//! Fill: running the handler to make a stored response, once for all who wait for it.

pub(crate) mod arriving;
mod ask;
pub(crate) mod audience;
mod backoff;
mod broken;
pub(crate) mod budget;
mod clients;
mod collect;
mod commit;
mod direct;
pub(crate) mod flight;
mod follow;
pub(crate) mod follower;
mod freshen;
mod head;
mod join;
mod keep;
mod lease;
mod making;
mod only_stored;
mod part;
mod place;
mod refresh;
pub(crate) mod reruns;
mod right;
mod run;
mod taken;
pub(crate) mod tee;
mod word;

pub(crate) use ask::Ask;
pub(crate) use direct::{answer_directly, past};
pub(crate) use join::{answer, past_what_is_stored};
pub(crate) use place::Place;
pub(crate) use refresh::refresh_early;
