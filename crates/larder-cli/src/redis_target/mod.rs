//! The commands that go over Redis alone. No application needs to run.
//!
//! | file | what it does |
//! | --- | --- |
//! | `connect.rs` | connects to Redis, as no instance |
//! | `redis_purge.rs` | `larder purge` |
//! | `redis_tail.rs` | `larder tail` |
//! | `redis_stats.rs` | `larder stats`, `larder instances` and `larder advise` |
//! | `redis_inspect.rs` | `larder inspect` |
//! | `redis_switches.rs` | `larder disable`, `larder enable` and `larder switches` |
//! | `operator.rs` | who runs this program |

mod connect;
mod operator;
mod redis_inspect;
mod redis_purge;
mod redis_stats;
mod redis_switches;
mod redis_tail;

pub(crate) use crate::redis_target::redis_inspect::inspect;
pub(crate) use crate::redis_target::redis_purge::purge;
pub(crate) use crate::redis_target::redis_stats::{advise, instances, stats};
pub(crate) use crate::redis_target::redis_switches::{disable, enable, switches};
pub(crate) use crate::redis_target::redis_tail::tail;
