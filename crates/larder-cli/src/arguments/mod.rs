//! Arguments that more than one room reads: a command may go over an admin URL or over Redis.
//!
//! | file | what it does |
//! | --- | --- |
//! | `purge_args.rs` | what to purge, and how |
//! | `switch_args.rs` | what to switch off, and for how long |
//! | `tail_args.rs` | which invalidations to show |
//! | `inspect_args.rs` | which key to look at |
//! | `header_arg.rs` | a header field |
//! | `request_url.rs` | a URL or a path, as a request line and a host |

mod header_arg;
mod inspect_args;
mod purge_args;
mod request_url;
mod switch_args;
mod tail_args;

pub(crate) use crate::arguments::header_arg::HeaderArg;
pub(crate) use crate::arguments::inspect_args::InspectArgs;
pub(crate) use crate::arguments::purge_args::PurgeArgs;
#[cfg(test)]
pub(crate) use crate::arguments::purge_args::SelectorArgs;
pub(crate) use crate::arguments::request_url::RequestUrl;
pub(crate) use crate::arguments::switch_args::{DisableArgs, EnableArgs, ScopeArgs};
pub(crate) use crate::arguments::tail_args::TailArgs;
