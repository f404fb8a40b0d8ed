//! A finding: what is wrong, what shows it, and what to do.

use std::collections::BTreeMap;

use larder_core::advice::{Advice, advice_kind};
use serde::Serialize;
use serde_json::Value;

/// How much a finding matters. The most severe one is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    /// Larder does not work with it.
    Error,
    /// It works, but less well than it should, or soon will not.
    Warning,
    /// Something could be better.
    Advice,
}

impl Severity {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Advice => "advice",
        }
    }
}

/// Where to type a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Prompt {
    /// In `redis-cli`, connected to the server of the finding.
    Redis,
    /// In a shell.
    Shell,
}

/// A command to type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Command {
    pub(crate) prompt: Prompt,
    pub(crate) line: String,
}

/// A fault of a server, or of the data of Larder in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// Its name, which is also its heading in the documentation.
    pub(crate) name: &'static str,
    pub(crate) severity: Severity,
    /// The server that it is about. `None` if it is not about one of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// The figures that show it, by name. The name of a figure ends with its unit, if it has one.
    pub(crate) evidence: BTreeMap<&'static str, Value>,
    pub(crate) remedy: String,
    pub(crate) commands: Vec<Command>,
    pub(crate) link: String,
}

impl Finding {
    pub(crate) fn new(kind: FindingKind) -> Self {
        Self {
            name: kind.as_str(),
            severity: kind.severity(),
            server: None,
            evidence: BTreeMap::new(),
            remedy: kind.remedy().to_owned(),
            commands: Vec::new(),
            link: link(kind.as_str()),
        }
    }

    /// Takes over a finding that a cache has as well.
    pub(crate) fn from_advice(advice: Advice) -> Self {
        let severity = match advice.severity {
            advice_kind::Severity::Warning => Severity::Warning,
            _ => Severity::Advice,
        };
        let name = advice.kind.as_str();
        Self {
            name,
            severity,
            server: None,
            evidence: advice.evidence.into_iter().map(|(name, value)| (name, figure(value))).collect(),
            remedy: advice.remedy.to_owned(),
            commands: Vec::new(),
            link: link(name),
        }
    }

    pub(crate) fn on(self, server: &str) -> Self {
        Self { server: Some(server.to_owned()), ..self }
    }

    pub(crate) fn seen(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.evidence.insert(name, value.into());
        self
    }

    /// Adds a command for `redis-cli`.
    pub(crate) fn redis(self, line: impl Into<String>) -> Self {
        self.command(Prompt::Redis, line.into())
    }

    /// Adds a command for a shell.
    pub(crate) fn shell(self, line: impl Into<String>) -> Self {
        self.command(Prompt::Shell, line.into())
    }

    fn command(mut self, prompt: Prompt, line: String) -> Self {
        self.commands.push(Command { prompt, line });
        self
    }
}

/// Returns the address of the documentation of a finding.
fn link(name: &str) -> String {
    format!("https://docs.rs/larder-cli/latest/larder_cli/findings/index.html#{name}")
}

/// A whole number is shown as one.
#[allow(clippy::cast_possible_truncation)] // Checked by the comparison.
fn figure(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { Value::from(value as i64) } else { Value::from(value) }
}

/// Declares the findings of the doctor, each with its name, its severity and its remedy.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident => $name:literal, $severity:ident, $remedy:literal;)+) => {
        /// The kind of a finding that only the doctor has.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum FindingKind { $($(#[$doc])* $variant,)+ }

        impl FindingKind {
            /// Every kind, in the order of declaration.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)+];

            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            pub(crate) const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }

            pub(crate) const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

kinds! {
    /// The server is older than Larder supports.
    TooOld => "server-too-old", Error,
        "Update the server to Redis 7.0 or newer, or to Valkey 8.";
    /// A release of Valkey that Larder is not tested with.
    Untested => "server-untested", Advice,
        "Update the server to Valkey 8. Larder is not tested with older releases.";
    /// The server is a replica.
    IsReplica => "connected-to-replica", Error,
        "Connect to the primary. With sentinels, use a URL redis-sentinel://, which follows a failover.";
    /// The server is a sentinel.
    IsSentinel => "connected-to-sentinel", Error,
        "Use a URL redis-sentinel:// with the name of the service.";
    /// The server is a node of a cluster, and the URL is that of a single server.
    IsClusterNode => "cluster-needs-its-url", Error,
        "Use a URL redis-cluster://. With redis://, the server refuses keys of other nodes.";
    /// The cluster does not serve all slots.
    ClusterDown => "cluster-down", Error,
        "Bring the missing nodes back, or promote their replicas.";
    /// A primary with replicas accepts writes without them.
    NoMinReplicas => "replicas-without-minimum", Warning,
        "Require a replica for each write. Otherwise a primary that is cut off goes on, and its \
         instances serve invalidated responses for longer than `max_staleness`.";
    /// Too few replicas are connected for a write.
    TooFewReplicas => "too-few-replicas", Error,
        "Bring the replicas back. Until then, the server refuses every write.";
    /// There is only one replica, and writes need it.
    OneReplica => "one-replica", Advice,
        "Run a second replica. If the only one is lost, the server refuses every write.";
    /// The memory is full, and the server refuses writes.
    MemoryFull => "memory-full", Error,
        "Raise `maxmemory`, and let the server evict stored responses.";
    /// The server has evicted keys.
    Evicted => "keys-evicted", Advice,
        "If the hit ratio falls, raise `maxmemory`.";
    /// Writes fail because the server cannot save.
    CannotSave => "server-cannot-save", Error,
        "Make room on the disk of the server, or stop saving: a cache needs no snapshots.";
    /// A write is refused for another reason.
    WriteRefused => "write-refused", Error,
        "See the error of the server.";
    /// A write queue is not durable.
    NotDurable => "queue-not-durable", Error,
        "Set what write-behind needs. Otherwise acknowledged writes are lost when the server ends, and \
         new ones fail with `NotDurable`.";
    /// The user lacks rights that Larder needs.
    RightsMissing => "rights-missing", Error,
        "Give the user the rights that it lacks.";
    /// The user lacks rights that Larder can do without.
    RightsOptional => "rights-optional", Advice,
        "Give the user these rights, or do without what they are for.";
    /// Scripts do not work.
    ScriptsRefused => "scripts-refused", Error,
        "Allow EVAL and EVALSHA, which are renamed or disabled. Larder needs them for each invalidation.";
    /// Scripts may not read the run id of the server.
    ScriptInfoRefused => "script-info-refused", Warning,
        "Allow INFO in scripts. Without it, Larder notices a failover less reliably.";
    /// INFO is refused.
    InfoRefused => "info-refused", Advice,
        "Allow INFO. Without it, much of this report is unknown, and so are most statistics.";
    /// The slowest round trips take longer than Larder waits.
    LatencyOverTimeout => "latency-over-timeout", Error,
        "Run Redis near the application, or raise `RedisStoreBuilder::command_timeout`. Requests call \
         their handlers when Redis takes longer.";
    /// The slowest round trips are slow.
    LatencyHigh => "latency-high", Warning,
        "Look for slow commands, a busy processor, swapping, and a long way to the server.";
    /// The server has recorded slow commands.
    SlowCommands => "slow-commands", Advice,
        "See which commands are slow. All clients wait while one of them runs.";
    /// A key of the log has the wrong type.
    LogWrongType => "log-wrong-type", Error,
        "Remove the keys, which another program has written. Larder then begins a new log, and the \
         cache is cold for a moment.";
    /// The log began on another server.
    LogOfAnotherServer => "log-of-another-server", Warning,
        "Nothing, if an application uses it: it begins a new log by itself, and the cache is cold for a \
         moment. Otherwise the log came with a backup, a failover or a restart, and can be removed.";
    /// The log is trimmed while its entries are young.
    LogTrimmedEarly => "log-trimmed-early", Advice,
        "Raise `RedisStoreBuilder::log_length` and `log_bytes`, or invalidate fewer names. Responses \
         that are older than the log are refused when an instance starts.";
    /// Eviction would take keys of other applications.
    ForeignEvictable => "foreign-keys-evictable", Warning,
        "Give the cache a Redis of its own, or let the server evict only keys that expire.";
    /// Other applications use this Redis too.
    ForeignKeys => "foreign-keys", Advice,
        "Give the cache a Redis of its own. When memory is full, the server also evicts keys of the \
         other applications that expire.";
    /// There are responses of several schemas.
    SeveralSchemas => "several-schemas", Advice,
        "Nothing during a deploy. Responses of an old schema expire by themselves.";
    /// The namespace has no log, and others have one.
    UnknownNamespace => "namespace-not-found", Advice,
        "Use `--namespace` with one of the namespaces that exist.";
    /// The server closes idle connections soon.
    IdleTimeout => "idle-timeout", Advice,
        "Keep idle connections open. Larder opens closed ones again, which costs requests a miss.";
    /// Nearly as many clients are connected as the server accepts.
    ManyClients => "many-clients", Warning,
        "Raise `maxclients`, or find the clients that do not close their connections.";
    /// The server keeps connections of clients that are gone.
    NoKeepalive => "no-keepalive", Advice,
        "Let the server notice clients that are gone.";
    /// The server refuses long values.
    ShortBulk => "bulk-length-low", Warning,
        "Raise `proto-max-bulk-len` above the largest response that is stored.";
    /// Anyone who reaches the server can use it.
    NoPassword => "no-password", Warning,
        "Give Larder a user with a password. A client that may write to Redis decides what is served.";
    /// The server is reachable from outside, without a password.
    Exposed => "exposed", Error,
        "Switch the protected mode on, or set a password. Anyone who reaches the server decides what \
         is served.";
    /// The connection is not encrypted.
    NoTls => "no-tls", Advice,
        "Use rediss:// outside of a network that you trust.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use larder_core::advice::advice_kind::AdviceKind;

    use super::*;

    #[test]
    fn each_kind_has_a_name_of_its_own_and_a_place_in_the_documentation() {
        let own = FindingKind::ALL.iter().map(|kind| kind.as_str());
        let of_core = [
            AdviceKind::NoMaxmemory,
            AdviceKind::EvictsNothing,
            AdviceKind::EvictsEverything,
            AdviceKind::Fragmented,
            AdviceKind::StoreTooSmall,
            AdviceKind::ClocksDiffer,
        ];
        let names: Vec<_> = own.chain(of_core.iter().map(|kind| kind.as_str())).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        let documentation = include_str!("../findings.md");
        let operations = include_str!("../../../../docs/OPERATIONS.md");
        for name in &names {
            assert!(documentation.contains(&format!("\n# {name}\n")), "{name} is not documented");
            assert!(operations.contains(&format!("`{name}`")), "{name} is not in OPERATIONS.md");
        }
        let headings = documentation.lines().filter_map(|line| line.strip_prefix("# "));
        for heading in headings {
            assert!(names.contains(&heading), "{heading} is documented and does not exist");
        }
    }
}
