//! What the system says of this process.

use anyhow::{Context, Result};

/// Resident memory, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

impl Memory {
    pub(crate) fn read() -> Result<Self> {
        let status =
            std::fs::read_to_string("/proc/self/status").context("memory is read as Linux tells it")?;
        Self::parse(&status).context("no memory in what Linux says of this process")
    }

    fn parse(status: &str) -> Option<Self> {
        let of = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            value.trim().strip_suffix(" kB")?.parse().ok()
        };
        Some(Self { now: of("VmRSS")?, peak: of("VmHWM")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_found_among_the_rest() {
        let status = "Name:\tgrowth\nVmHWM:\t    5120 kB\nVmRSS:\t    4096 kB\nThreads:\t3\n";
        assert_eq!(Memory::parse(status), Some(Memory { now: 4096, peak: 5120 }));
        assert_eq!(Memory::parse("VmRSS:\t1 kB\n"), None);
    }
}
