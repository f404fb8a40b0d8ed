//! Where a command goes: an admin URL or a Redis.
//!
//! | file | what it does |
//! | --- | --- |
//! | `target_args.rs` | the arguments that all commands have |
//! | `environment.rs` | the variables of the environment, and small files |
//! | `resolve.rs` | which target these name |
//! | `admin_url.rs` | the URL of an admin router, and its token |
//! | `redis_url.rs` | the URL of a Redis |

mod admin_url;
mod environment;
mod redis_url;
mod resolve;
mod target_args;

pub(crate) use crate::target::admin_url::{AdminUrl, is_loopback};
pub(crate) use crate::target::environment::Environment;
pub(crate) use crate::target::redis_url::RedisTarget;
pub(crate) use crate::target::resolve::{Target, resolve, resolve_admin, resolve_redis};
pub(crate) use crate::target::target_args::TargetArgs;
