//! The faults of a run.

use std::time::Duration;

use super::{Shape, between};

/// A kind of fault, as named on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
#[allow(clippy::exhaustive_enums)] // Each of them is injected somewhere.
pub enum FaultKind {
    /// The primary is killed and started again, with an old dump or with nothing.
    Kill,
    /// The primary hangs.
    Stop,
    /// The connections of an instance are closed repeatedly.
    Cut,
    /// The network between an instance and its server drops everything.
    Blackhole,
    /// The connection between an instance and its server is slow.
    Delay,
    /// The server is emptied completely or in part.
    Flush,
    /// An instance is killed and started again.
    RestartInstance,
    /// A replica is promoted.
    Failover,
    /// An instance hangs, and comes back.
    StopInstance,
    /// The primary and an instance are killed at the same moment, and started again.
    KillBoth,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Kill,
        Self::Stop,
        Self::Cut,
        Self::Blackhole,
        Self::Delay,
        Self::Flush,
        Self::RestartInstance,
        Self::Failover,
        Self::StopInstance,
        Self::KillBoth,
    ];

    /// Returns its name on the command line and in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Cut => "cut",
            Self::Blackhole => "blackhole",
            Self::Delay => "delay",
            Self::Flush => "flush",
            Self::RestartInstance => "restart-instance",
            Self::Failover => "failover",
            Self::StopInstance => "stop-instance",
            Self::KillBoth => "kill-both",
        }
    }

    const fn lane(self) -> Lane {
        match self {
            Self::Kill | Self::Stop | Self::Flush | Self::Failover | Self::KillBoth => Lane::Servers,
            Self::Cut | Self::Blackhole | Self::Delay | Self::RestartInstance | Self::StopInstance => {
                Lane::Instances
            }
        }
    }
}

/// Faults of one lane happen one after the other. The lanes are independent, so that their faults
/// overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Lane {
    /// Faults of redis-servers.
    Servers,
    /// Faults of instances and of their connections to the servers.
    Instances,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Fault {
    /// When it begins, unless the previous fault has not ended yet.
    pub due: Duration,
    /// The action.
    pub act: Act,
}

/// The instance that a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Victim {
    /// This instance.
    Instance(usize),
    /// The instance that has brought the newest queued write to the database. This instance, if
    /// there is none.
    ReaderOr(usize),
}

/// The data that is lost when a server or its log is emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Flush {
    /// Everything: `FLUSHALL`.
    All,
    /// The Stream of the log.
    Events,
    /// The record of the log's incarnation.
    Record,
    /// The Stream and the record, but no responses.
    Log,
    /// All events except the last few: `XTRIM`.
    Trim(u32),
}

/// The action of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Act {
    /// SIGKILL of the primary. It restarts after a while, with an old dump or empty.
    Kill {
        /// How long it is away.
        away: Duration,
        /// The age of its dump, if it has one.
        dump: Option<Duration>,
    },
    /// SIGSTOP of the primary for this long.
    Stop(Duration),
    /// A server or its log is emptied.
    Flush(Flush),
    /// A replica is promoted.
    Failover {
        /// Whether the primary is killed instead of deposed.
        crash: bool,
        /// How long the replicas receive nothing before the failover. Appends during that time are
        /// lost.
        lag: Option<Duration>,
        /// An instance that stays connected to the deposed primary, and for how long.
        isolated: Option<(usize, Duration)>,
    },
    /// All connections of an instance are closed several times.
    Cut {
        /// The instance.
        instance: usize,
        /// How many times.
        times: u32,
        /// The pause between them.
        every: Duration,
    },
    /// The network drops everything for these instances.
    Blackhole {
        /// The instances.
        instances: Vec<usize>,
        /// For how long.
        time: Duration,
    },
    /// Each direction of a connection is slower.
    Delay {
        /// The instance.
        instance: usize,
        /// The additional delay.
        by: Duration,
        /// For how long.
        time: Duration,
    },
    /// SIGKILL of an instance, which is restarted after a while.
    RestartInstance {
        /// The instance.
        victim: Victim,
        /// The pause before the restart.
        away: Duration,
    },
    /// SIGSTOP of an instance for this long.
    StopInstance {
        /// The instance.
        victim: Victim,
        /// For how long.
        time: Duration,
    },
    /// SIGKILL of the primary and of an instance. Both restart after a while.
    KillBoth {
        /// The instance.
        victim: Victim,
        /// How long they are away.
        away: Duration,
        /// The age of the primary's dump, if it has one.
        dump: Option<Duration>,
    },
}

impl Act {
    /// Returns its kind.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Kill { .. } => FaultKind::Kill,
            Self::Stop(_) => FaultKind::Stop,
            Self::Flush(_) => FaultKind::Flush,
            Self::Failover { .. } => FaultKind::Failover,
            Self::Cut { .. } => FaultKind::Cut,
            Self::Blackhole { .. } => FaultKind::Blackhole,
            Self::Delay { .. } => FaultKind::Delay,
            Self::RestartInstance { .. } => FaultKind::RestartInstance,
            Self::StopInstance { .. } => FaultKind::StopInstance,
            Self::KillBoth { .. } => FaultKind::KillBoth,
        }
    }

    /// Returns the minimum time that it takes.
    fn time(&self) -> Duration {
        match self {
            Self::Kill { away, dump } | Self::KillBoth { away, dump, .. } => *away + dump.unwrap_or_default(),
            Self::Stop(time)
            | Self::Blackhole { time, .. }
            | Self::Delay { time, .. }
            | Self::StopInstance { time, .. } => *time,
            Self::Flush(_) => Duration::ZERO,
            Self::Failover { lag, isolated, .. } => {
                lag.unwrap_or_default() + isolated.map_or(Duration::ZERO, |(_, time)| time)
            }
            Self::Cut { times, every, .. } => *every * *times,
            Self::RestartInstance { away, .. } => *away,
        }
    }
}

pub(super) fn draw(shape: &Shape, lane: Lane) -> Vec<Fault> {
    let kinds: Vec<_> = shape.faults.iter().copied().filter(|kind| kind.lane() == lane).collect();
    let salt = match lane {
        Lane::Servers => 0x5345_5256,
        Lane::Instances => 0x494e_5354,
    };
    let mut random = fastrand::Rng::with_seed(shape.seed ^ salt);
    let mut faults = Vec::new();
    // The run begins without faults, for comparison.
    let mut due = between(&mut random, 1_000, 2_000);
    while due < shape.time && !kinds.is_empty() {
        let kind = kinds[random.usize(..kinds.len())];
        let act = act(&mut random, shape, kind);
        // Without the queue, writes and most reads fail. So it needs more time to work.
        let pause = match shape.has_queue() && lane == Lane::Servers {
            true => between(&mut random, 3_000, 6_000),
            false => between(&mut random, 500, 2_500),
        };
        let time = act.time();
        faults.push(Fault { due, act });
        due += time + pause;
    }
    faults
}

fn act(random: &mut fastrand::Rng, shape: &Shape, kind: FaultKind) -> Act {
    let instance = random.usize(..shape.instances);
    match kind {
        FaultKind::Kill => {
            let dump = random.bool().then(|| between(random, 0, 800));
            Act::Kill { away: between(random, 0, 2_500), dump }
        }
        FaultKind::Stop => Act::Stop(between(random, 100, 3_000)),
        FaultKind::Flush => Act::Flush(match random.u8(..6) {
            0 | 1 => Flush::All,
            2 => Flush::Events,
            3 => Flush::Record,
            4 => Flush::Log,
            _ => Flush::Trim(random.u32(..4)),
        }),
        FaultKind::Failover => {
            let crash = random.bool();
            let lag = random.bool().then(|| between(random, 100, 1_500));
            // A dead primary serves no instance.
            let isolated = (!crash && random.bool()).then(|| (instance, between(random, 500, 3_000)));
            Act::Failover { crash, lag, isolated }
        }
        FaultKind::Cut => Act::Cut { instance, times: random.u32(1..12), every: between(random, 20, 200) },
        FaultKind::Blackhole => {
            let mut instances = vec![instance];
            if random.u8(..3) == 0 {
                instances.push((instance + 1) % shape.instances);
            }
            instances.dedup();
            Act::Blackhole { instances, time: between(random, 300, 5_000) }
        }
        FaultKind::Delay => {
            Act::Delay { instance, by: between(random, 5, 200), time: between(random, 500, 3_000) }
        }
        FaultKind::RestartInstance => {
            Act::RestartInstance { victim: victim(random, instance), away: between(random, 0, 800) }
        }
        FaultKind::StopInstance => {
            Act::StopInstance { victim: victim(random, instance), time: between(random, 500, 4_000) }
        }
        FaultKind::KillBoth => {
            let dump = random.bool().then(|| between(random, 0, 800));
            Act::KillBoth { victim: victim(random, instance), away: between(random, 0, 1_500), dump }
        }
    }
}

fn victim(random: &mut fastrand::Rng, instance: usize) -> Victim {
    match random.bool() {
        true => Victim::Instance(instance),
        false => Victim::ReaderOr(instance),
    }
}
