//! The facts about a Redis, and about the data of Larder in it.
//!
//! `None` stands for what the server does not tell, or what this user may not ask.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::doctor::fields::Fields;
use crate::doctor::right::{Right, Verdict};

/// All facts. The rules are functions of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) namespace: String,
    pub(crate) address: AddressFacts,
    /// The server, or each primary of a cluster. The log is on one of them.
    pub(crate) servers: Vec<ServerFacts>,
    pub(crate) user: UserFacts,
    pub(crate) scripts: ScriptFacts,
    /// The error of a write to a key of this namespace.
    pub(crate) write_error: Option<String>,
    pub(crate) latency: Option<LatencyFacts>,
    pub(crate) clock: Option<ClockFacts>,
    pub(crate) log: LogFacts,
    pub(crate) keys: KeySample,
    /// Whether the operator says that the application has a write queue.
    pub(crate) expects_queue: bool,
}

/// How the server is addressed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AddressFacts {
    pub(crate) deployment: Deployment,
    /// Whether the address is on this machine.
    pub(crate) is_local: bool,
    pub(crate) has_tls: bool,
    pub(crate) has_credentials: bool,
}

/// The kind of a deployment, according to its URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Deployment {
    #[default]
    Single,
    Sentinel,
    Cluster,
}

/// One server.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerFacts {
    /// Its host and port.
    pub(crate) address: String,
    /// The answer to `INFO`. Empty if the user may not ask.
    pub(crate) info: Fields,
    /// The settings. Empty if the user may not read them.
    pub(crate) settings: Fields,
    /// Of the newest entries of the slow log, the number and the longest time.
    pub(crate) slow_log: Option<SlowLog>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct SlowLog {
    pub(crate) entries: u64,
    pub(crate) longest: Duration,
}

/// The user of this connection, and its rights.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserFacts {
    pub(crate) name: String,
    pub(crate) verdicts: Vec<(Right, Verdict)>,
}

/// The rights of scripts.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScriptFacts {
    /// The error of `EVAL`.
    pub(crate) eval_error: Option<String>,
    /// The error of `EVALSHA` with a script that the server has.
    pub(crate) evalsha_error: Option<String>,
    /// Whether a script may call `INFO`.
    pub(crate) reads_info: Option<bool>,
}

/// The times of round trips.
#[derive(Debug, Clone)]
pub(crate) struct LatencyFacts {
    pub(crate) samples: u64,
    pub(crate) p50: Duration,
    pub(crate) p90: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
    /// The number of round trips up to each time, for a histogram.
    pub(crate) buckets: Vec<Bucket>,
}

/// The round trips that took at most `limit`, and longer than that of the bucket before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    pub(crate) limit: Duration,
    pub(crate) count: u64,
}

/// The clock of the server, compared with that of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClockFacts {
    /// How much they differ.
    pub(crate) difference: Duration,
    pub(crate) server_is_ahead: bool,
    /// Half of the round trip: the difference may be wrong by so much.
    pub(crate) uncertainty: Duration,
}

/// The invalidation log of the namespace.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogFacts {
    /// The types of its keys that exist, by the last part of their names.
    pub(crate) types: BTreeMap<&'static str, String>,
    pub(crate) length: Option<u64>,
    /// The number of entries that were ever added.
    pub(crate) added: Option<u64>,
    pub(crate) bytes: Option<u64>,
    /// The age of its oldest entry.
    pub(crate) oldest: Option<Duration>,
    /// The time since it was last used.
    pub(crate) beat: Option<Duration>,
    /// The run id of the server on which its incarnation began.
    pub(crate) began_on: Option<String>,
    /// The run id of the server that has it.
    pub(crate) run_id: Option<String>,
}

/// The result of a bounded scan. A small keyspace is scanned to its end.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeySample {
    /// The number of keys of all servers.
    pub(crate) keys: Option<u64>,
    /// How many of them have an expiry.
    pub(crate) expiring: Option<u64>,
    pub(crate) scanned: u64,
    /// Whether the scan reached its end.
    pub(crate) is_complete: bool,
    /// Keys of this scan that are not Larder's.
    pub(crate) foreign: u64,
    /// Keys of this scan that are Larder's and have no expiry.
    pub(crate) own_persistent: u64,
    /// How many of these foreign keys were asked for their expiry, and how many have none.
    pub(crate) expiry: Option<ForeignExpiry>,
    pub(crate) namespaces: BTreeMap<String, NamespaceSample>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ForeignExpiry {
    pub(crate) asked: u64,
    pub(crate) persistent: u64,
}

/// The keys of one namespace.
#[derive(Debug, Clone, Default)]
pub(crate) struct NamespaceSample {
    /// Stored responses of each schema.
    pub(crate) schemas: BTreeMap<u32, u64>,
    pub(crate) has_log: bool,
    /// Collections with a write queue.
    pub(crate) queues: BTreeSet<String>,
}

impl Facts {
    /// Whether writes wait in this Redis for the database.
    pub(crate) fn has_queue(&self) -> bool {
        self.expects_queue
            || self.keys.namespaces.get(&self.namespace).is_some_and(|found| !found.queues.is_empty())
    }
}

impl ServerFacts {
    /// Returns a setting as a whole number.
    pub(crate) fn setting(&self, name: &str) -> Option<u64> {
        self.settings.number(name)
    }

    /// Returns the name and the version of the server.
    pub(crate) fn version(&self) -> Option<(&'static str, &str)> {
        match self.info.get("valkey_version") {
            Some(version) => Some(("Valkey", version)),
            None => self.info.get("redis_version").map(|version| ("Redis", version)),
        }
    }

    /// Returns the bound on its memory. 0 if there is none.
    pub(crate) fn max_memory(&self) -> Option<u64> {
        self.info.number("maxmemory").or_else(|| self.setting("maxmemory"))
    }

    /// Returns the name of its eviction policy.
    pub(crate) fn policy(&self) -> Option<&str> {
        self.info.get("maxmemory_policy").or_else(|| self.settings.get("maxmemory-policy"))
    }
}
