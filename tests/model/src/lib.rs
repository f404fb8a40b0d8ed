//! An exhaustive model of Larder's invalidation log.
//!
//! The rules are those of [`larder_core::invalidation`] themselves: each process of the model has a
//! real [`Tail`](larder_core::invalidation::tail::Tail). The model adds the rest of Larder and its
//! environment: a database, the scripts in Redis, fills, requests and faults. [`reading`] lists
//! ways to misread the rules. The model must find each of them.
//!
//! * [`scope`]: the size of a model; [`configurations`]: the checked scopes;
//! * [`world`]: a state; [`action`]: the possible actions; [`step`]: their results;
//! * [`protocol`]: the rules as a process applies them; [`judge`], [`tokens`] and [`recover`]: the
//!   properties to check;
//! * [`canonical`]: the canonical form of states; [`model`] and [`run`]: the exploration.
//! * [`exploration`]: that of the models of writes.
//! * [`replica_lag`]: a model of its own, of handlers that read a lagging database replica.
//! * [`gateway`]: another one, of a cache in front of a service that has a cache, too.
//! * [`write_through`]: another one, of writes that store their value.
//! * [`write_behind`] and [`operations`]: two more, of writes that reach the database later.

pub mod action;
pub mod canonical;
pub mod configurations;
pub mod exploration;
pub mod gateway;
pub mod judge;
pub mod misreadings;
pub mod model;
pub mod operations;
pub mod protocol;
pub mod reading;
pub mod recover;
pub mod replica_lag;
pub mod run;
pub mod scope;
pub mod server;
pub mod step;
pub mod target;
pub mod tokens;
pub mod world;
pub mod write_behind;
pub mod write_through;
