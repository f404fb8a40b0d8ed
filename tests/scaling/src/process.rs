//! The resources of this process, as reported by the system.

use anyhow::{Context, Result};

/// Resident memory, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

impl Memory {
    pub(crate) fn read() -> Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status")
            .context("cannot read the memory usage, which needs Linux")?;
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

/// Returns the processor time of this process in milliseconds, with a resolution of ten.
pub(crate) fn cpu_millis() -> Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")
        .context("cannot read the processor time, which needs Linux")?;
    ticks(&stat).map(|ticks| ticks * 10).context("no processor time in what Linux says of this process")
}

/// Parses the time in user mode and in the kernel, in hundredths of a second. These are fields 14
/// and 15; the second field is in parentheses and may contain anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
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

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a ) 9) S 1 7 7 0 -1 4194304 1 2 3 4 120 30 0 0 20 0 3 0";
        assert_eq!(ticks(stat), Some(150));
        assert_eq!(ticks("7 (a) S 1"), None);
    }
}
