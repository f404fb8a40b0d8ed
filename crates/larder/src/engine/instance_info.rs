//! The identity of this instance.

use std::sync::atomic::{AtomicBool, Ordering};

use larder_core::monitoring::InstanceId;
use larder_core::time::WallTime;

/// The version of this crate.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The identity of this instance, and whether the others know it.
#[derive(Debug)]
pub(crate) struct InstanceInfo {
    pub(crate) id: InstanceId,
    pub(crate) host: Box<str>,
    pub(crate) started_at: WallTime,
    /// Whether the shared store has a record of this instance.
    is_announced: AtomicBool,
}

impl InstanceInfo {
    /// Creates the identity of an instance that starts now.
    ///
    /// Without a name, that of the host counts.
    pub(crate) fn new(host: Option<Box<str>>, started_at: WallTime) -> Self {
        Self {
            id: InstanceId::from_bytes(fastrand::u128(..).to_be_bytes()),
            host: host.unwrap_or_else(|| host_name().into()),
            started_at,
            is_announced: AtomicBool::new(false),
        }
    }

    /// Notes that the shared store has a record of this instance.
    pub(crate) fn note_announced(&self) {
        self.is_announced.store(true, Ordering::Relaxed);
    }

    /// Returns whether the shared store has had a record of this instance.
    pub(crate) fn is_announced(&self) -> bool {
        self.is_announced.load(Ordering::Relaxed)
    }
}

/// Returns the name of this host.
#[cfg(target_os = "linux")]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Returns the name of this host, if the environment has it.
#[cfg(not(target_os = "linux"))]
fn host_name() -> String {
    let names = ["HOSTNAME", "COMPUTERNAME"].iter();
    names.flat_map(|name| std::env::var(name)).next().unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_has_its_own_id_and_a_host() {
        let start = || InstanceInfo::new(None, WallTime::default());
        let (one, other) = (start(), start());
        assert_ne!(one.id, other.id);
        assert!(!one.host.is_empty());
        assert_eq!(one.host, other.host);
        assert_eq!(&*InstanceInfo::new(Some("shop-1".into()), WallTime::default()).host, "shop-1");
    }
}
