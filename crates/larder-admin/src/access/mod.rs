//! The clients that may call the API, and how often they may.
//!
//! | file | what it does |
//! | --- | --- |
//! | `role.rs` | what a token permits |
//! | `token.rs` | the tokens, compared in constant time, each with its own bound |
//! | `rate_limit.rs` | the bound on requests |
//! | `open_feeds.rs` | the bound on live feeds |
//! | `authorize.rs` | the middleware that applies them |

pub(crate) mod authorize;
pub(crate) mod open_feeds;
pub(crate) mod rate_limit;
pub(crate) mod role;
pub(crate) mod token;
