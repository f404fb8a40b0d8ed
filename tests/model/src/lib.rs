//! The invalidation log of Larder as a model that is checked exhaustively.
//!
//! The rules are those of [`larder_core::log`] themselves: each process of the model has a real
//! [`Tail`](larder_core::log::tail::Tail). Around it stand what the rest of Larder and the world
//! do: a database, the scripts in Redis, fills, requests, faults. [`reading`] lists how the rules
//! can be misread; each has to be found out.
//!
//! * [`scope`]: how much of everything there is; [`configurations`]: the scopes that are checked;
//! * [`world`]: a state; [`action`]: what can happen in it; [`step`]: what comes of that;
//! * [`protocol`]: the rules as a process plays them; [`judge`], [`tokens`] and [`recover`]: what
//!   has to hold;
//! * [`canonical`]: one form for worlds that behave alike; [`model`] and [`run`]: exploring.

pub mod action;
pub mod canonical;
pub mod configurations;
pub mod judge;
pub mod misreadings;
pub mod model;
pub mod protocol;
pub mod reading;
pub mod recover;
pub mod run;
pub mod scope;
pub mod server;
pub mod step;
pub mod tokens;
pub mod what;
pub mod world;
