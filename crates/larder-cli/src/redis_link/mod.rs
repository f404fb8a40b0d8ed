//! A plain connection to Redis, for what the store of a cache does not do.
//!
//! | file | what it does |
//! | --- | --- |
//! | `link.rs` | opens a connection, and sends commands that end in time |
//! | `values.rs` | reads answers |

mod link;
pub(crate) mod values;

pub(crate) use crate::redis_link::link::{Link, LinkError, connect, target_is_local};
