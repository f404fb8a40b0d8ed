//! The cache in memory, through real sockets: what a client, a handler and an operator see of it.

mod bodies;
mod control;
mod credentials;
mod failures;
mod flights;
mod invalidation;
mod keys;
mod layers;
mod main_job;
mod plain;
mod reports;
mod stale;
mod support;
mod validation;
mod vary;
