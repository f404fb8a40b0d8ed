//! The Lua scripts of the write queue.
//!
//! The first line of a script says when the server refuses it. All of them need a primary that
//! accepts writes. Scripts that do not add writes continue when the memory is full.

use crate::script::Script;

/// Refused on a replica, on an isolated primary, and while the memory is full.
macro_rules! adding {
    ($($file:literal),+) => { Script::new(concat!("#!lua\n", $(include_str!($file)),+)) };
}

/// Refused on a replica and on an isolated primary.
macro_rules! draining {
    ($($file:literal),+) => { Script::new(concat!("#!lua flags=allow-oom\n", $(include_str!($file)),+)) };
}

/// The scripts of the write queue.
#[derive(Debug)]
pub(crate) struct QueueScripts {
    pub(crate) push: Script,
    pub(crate) push_logged: Script,
    pub(crate) setup: Script,
    pub(crate) pending: Script,
    pub(crate) claim: Script,
    pub(crate) extend: Script,
    pub(crate) read: Script,
    pub(crate) complete: Script,
    pub(crate) quarantine: Script,
    pub(crate) dead: Script,
    pub(crate) retry: Script,
    pub(crate) discard: Script,
    pub(crate) stats: Script,
    pub(crate) confirm: Script,
}

impl QueueScripts {
    pub(crate) fn new() -> Self {
        Self {
            push: adding!("lua/queue_packs.lua", "lua/queue_push_batch.lua", "lua/queue_push.lua"),
            push_logged: adding!(
                "lua/incarnation.lua",
                "lua/checkpoints.lua",
                "lua/append_entries.lua",
                "lua/log_page.lua",
                "lua/queue_packs.lua",
                "lua/queue_push_batch.lua",
                "lua/queue_push_logged.lua"
            ),
            setup: draining!("lua/queue_setup.lua"),
            pending: draining!("lua/queue_packs.lua", "lua/queue_partition.lua", "lua/queue_pending.lua"),
            claim: draining!("lua/queue_reader.lua", "lua/queue_claim.lua"),
            extend: draining!("lua/queue_reader.lua", "lua/queue_extend.lua"),
            read: draining!(
                "lua/queue_reader.lua",
                "lua/queue_packs.lua",
                "lua/queue_partition.lua",
                "lua/queue_read.lua"
            ),
            complete: draining!("lua/queue_packs.lua", "lua/queue_partition.lua", "lua/queue_complete.lua"),
            quarantine: draining!(
                "lua/queue_reader.lua",
                "lua/queue_packs.lua",
                "lua/queue_partition.lua",
                "lua/queue_quarantine.lua"
            ),
            dead: draining!("lua/queue_packs.lua", "lua/queue_partition.lua", "lua/queue_dead.lua"),
            retry: draining!(
                "lua/queue_reader.lua",
                "lua/queue_packs.lua",
                "lua/queue_partition.lua",
                "lua/queue_retry.lua"
            ),
            discard: draining!("lua/queue_packs.lua", "lua/queue_partition.lua", "lua/queue_discard.lua"),
            stats: draining!(
                "lua/queue_reader.lua",
                "lua/queue_packs.lua",
                "lua/queue_partition.lua",
                "lua/queue_stats.lua"
            ),
            confirm: draining!("lua/queue_confirm.lua"),
        }
    }
}
