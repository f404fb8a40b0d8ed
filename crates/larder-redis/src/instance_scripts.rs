//! The scripts about the instances that share the store.

use crate::script::Script;

/// The scripts about the instances that share the store.
#[derive(Debug)]
pub(crate) struct InstanceScripts {
    pub(crate) announce: Script,
    pub(crate) list: Script,
    pub(crate) withdraw: Script,
}

impl InstanceScripts {
    pub(crate) fn new() -> Self {
        const ANNOUNCE: &str = concat!(include_str!("lua/instances.lua"), include_str!("lua/announce.lua"));
        const LIST: &str = concat!(include_str!("lua/instances.lua"), include_str!("lua/list_instances.lua"));
        const WITHDRAW: &str = concat!(include_str!("lua/instances.lua"), include_str!("lua/withdraw.lua"));
        Self { announce: Script::new(ANNOUNCE), list: Script::new(LIST), withdraw: Script::new(WITHDRAW) }
    }
}
