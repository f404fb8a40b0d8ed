//! The state that a cluster node reports of itself in `CLUSTER NODES`.

use std::io;
use std::ops::RangeInclusive;

use super::server::RedisServer;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Myself {
    pub(super) is_primary: bool,
    /// If two nodes claim a slot, the one with the higher epoch has it.
    pub(super) epoch: u64,
    pub(super) slots: Vec<RangeInclusive<u16>>,
}

impl Myself {
    pub(super) fn of(node: &RedisServer) -> io::Result<Self> {
        let reply = node.ask(&["CLUSTER", "NODES"])?;
        let lines = reply.as_str().unwrap_or_default();
        lines.lines().find_map(Self::read).ok_or_else(|| io::Error::other("a node does not know itself"))
    }

    /// Parses a line, if it is the node's own.
    ///
    /// The line has id, address, flags, primary, ping, pong, epoch, link and slots.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ').skip(2);
        let flags = words.next()?;
        if !flags.contains("myself") {
            return None;
        }
        let epoch = words.nth(3)?.parse().ok()?;
        // Slots that are being moved stand in brackets, and in a range as well.
        let slots = words.skip(1).filter(|word| !word.starts_with('['));
        Some(Self { is_primary: flags.contains("master"), epoch, slots: slots.filter_map(range).collect() })
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (lowest, highest) = text.split_once('-').unwrap_or((text, text));
    Some(lowest.parse().ok()?..=highest.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_finds_itself_and_its_slots() {
        let line = "a1 127.0.0.1:7000@17000 myself,master - 0 0 7 connected 0-5460 9000 [77->-b2]";
        let myself = Myself { is_primary: true, epoch: 7, slots: vec![0..=5460, 9000..=9000] };
        assert_eq!(Myself::read(line), Some(myself));
        let replica = "a1 127.0.0.1:7000@17000 myself,slave b2 0 0 2 connected";
        assert_eq!(Myself::read(replica), Some(Myself { is_primary: false, epoch: 2, slots: vec![] }));
        assert_eq!(Myself::read("b2 127.0.0.1:7001@17001 master - 0 0 2 connected 1-2"), None);
    }
}
