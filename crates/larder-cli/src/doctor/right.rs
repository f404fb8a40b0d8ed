//! The rights that Larder needs, and a harmless command that tries each of them.
//!
//! `docs/OPERATIONS.md` has the same rights as rules for operators. A test compares them.

/// A right of an ACL user, such as `xinfo|stream`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Right {
    /// Its name in an ACL rule, without the `+`.
    pub(crate) name: &'static str,
    pub(crate) purpose: Purpose,
    /// A command that needs it. `{response}`, `{log}` and `{queue}` stand for a key.
    pub(crate) attempt: &'static str,
}

/// The purpose of a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// For everything.
    Cache,
    /// For the list of instances.
    Instances,
    /// For large polls of the log.
    LargePolls,
    Cluster,
    Sentinel,
    /// To warn about settings.
    Settings,
    /// To bound the bytes of the log.
    LogBytes,
    /// For the write queue.
    Queue,
    /// To wait until a write is durable.
    Durability,
}

impl Purpose {
    /// Returns the words for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Cache => "stored responses and the invalidation log",
            Self::Instances => "the list of instances",
            Self::LargePolls => "large polls of the log",
            Self::Cluster => "a cluster",
            Self::Sentinel => "Sentinel",
            Self::Settings => "reading the settings of the server",
            Self::LogBytes => "bounding the bytes of the log",
            Self::Queue => "the write queue",
            Self::Durability => "waiting until a write is durable",
        }
    }

    /// Whether Larder works without it.
    pub(crate) const fn is_optional(self) -> bool {
        matches!(
            self,
            Self::Instances | Self::LargePolls | Self::Settings | Self::LogBytes | Self::Durability
        )
    }
}

/// The answer to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// The user may not run the command.
    NoCommand,
    /// The user may not use the key.
    NoKey,
    /// There was no answer.
    Unknown,
}

impl Verdict {
    /// Reads the error of a command, or the answer to `ACL DRYRUN`.
    ///
    /// Any other error shows that the command was admitted: the server checks rights before it runs
    /// a command.
    pub(crate) fn from_text(text: &str) -> Self {
        let is_refusal = text.starts_with("NOPERM") || text.contains("has no permissions");
        match is_refusal {
            true if text.contains("key") && !text.contains("to run the") => Self::NoKey,
            true => Self::NoCommand,
            false => Self::Allowed,
        }
    }
}

impl Right {
    /// Returns the command, with the keys of this namespace.
    pub(crate) fn command(&self, namespace: &str) -> Vec<String> {
        let key = |word: &str| match word {
            "{response}" => probe_key(namespace),
            "{log}" => format!("larder:{{{namespace}:log}}:doctor"),
            "{queue}" => format!("larder:{{{namespace}:queue:doctor}}:doctor"),
            word => word.to_owned(),
        };
        self.attempt.split(' ').map(key).collect()
    }

    /// Returns the pattern of the key that the command uses.
    pub(crate) fn pattern(&self, namespace: &str) -> Option<String> {
        match self.attempt.split(' ').find(|word| word.starts_with('{'))? {
            "{response}" => Some(format!("~larder:{namespace}:*")),
            "{log}" => Some(format!("~larder:{{{namespace}:log}}:*")),
            _ => Some(format!("~larder:{{{namespace}:queue:*")),
        }
    }
}

/// Returns the key that the doctor writes. It expires within seconds.
pub(crate) fn probe_key(namespace: &str) -> String {
    format!("larder:{namespace}:v0:{{doctor}}:doctor")
}

/// Returns the rights of a rule for a cache, such as `+get +set`.
pub(crate) fn rule_of_a_cache() -> String {
    let of_cache = [Purpose::Cache, Purpose::Instances, Purpose::LargePolls];
    let rights = RIGHTS.iter().filter(|right| of_cache.contains(&right.purpose));
    rights.map(|right| format!("+{}", right.name)).collect::<Vec<_>>().join(" ")
}

const fn right(purpose: Purpose, name: &'static str, attempt: &'static str) -> Right {
    Right { name, purpose, attempt }
}

/// Every right. No command changes anything but the key of the doctor, which expires.
///
/// `XADD` has `NOMKSTREAM`, `ZADD` has `XX`, and `HSET` has no value, so they create no key.
pub(crate) const RIGHTS: &[Right] = &[
    right(Purpose::Cache, "get", "GET {response}"),
    right(Purpose::Cache, "mget", "MGET {response}"),
    right(Purpose::Cache, "set", "SET {response} 1 PX 5000"),
    right(Purpose::Cache, "getrange", "GETRANGE {log} 0 0"),
    right(Purpose::Cache, "unlink", "UNLINK {response}"),
    right(Purpose::Cache, "pexpire", "PEXPIRE {response} 5000"),
    right(Purpose::Cache, "eval", "EVAL return(1) 0"),
    right(Purpose::Cache, "evalsha", "EVALSHA ffffffffffffffffffffffffffffffffffffffff 0"),
    right(Purpose::Cache, "scan", "SCAN 0 COUNT 1"),
    right(Purpose::Cache, "xadd", "XADD {log} NOMKSTREAM * doctor 1"),
    right(Purpose::Cache, "xread", "XREAD COUNT 1 STREAMS {log} 0"),
    right(Purpose::Cache, "xrange", "XRANGE {log} - + COUNT 1"),
    right(Purpose::Cache, "xinfo|stream", "XINFO STREAM {log}"),
    right(Purpose::Cache, "type", "TYPE {log}"),
    right(Purpose::Cache, "time", "TIME"),
    right(Purpose::Cache, "info", "INFO server"),
    right(Purpose::Instances, "zadd", "ZADD {log} XX 1 doctor"),
    right(Purpose::Instances, "zrem", "ZREM {log} doctor"),
    right(Purpose::Instances, "zrange", "ZRANGE {log} 0 0"),
    right(Purpose::Instances, "hset", "HSET {log} doctor 1 doctor"),
    right(Purpose::Instances, "hdel", "HDEL {log} doctor"),
    right(Purpose::Instances, "hmget", "HMGET {log} doctor"),
    right(Purpose::LargePolls, "exec", "EXEC"),
    // After `exec`, which has to end what this begins.
    right(Purpose::LargePolls, "multi", "MULTI"),
    right(Purpose::Cluster, "cluster|slots", "CLUSTER SLOTS"),
    right(Purpose::Cluster, "cluster|info", "CLUSTER INFO"),
    right(Purpose::Sentinel, "role", "ROLE"),
    right(Purpose::Settings, "config|get", "CONFIG GET maxmemory"),
    right(Purpose::LogBytes, "memory|usage", "MEMORY USAGE {log}"),
    right(Purpose::Queue, "hget", "HGET {queue} doctor"),
    right(Purpose::Queue, "zmscore", "ZMSCORE {queue} doctor"),
    right(Purpose::Queue, "zcard", "ZCARD {queue}"),
    right(Purpose::Queue, "zremrangebyrank", "ZREMRANGEBYRANK {queue} 0 0"),
    right(Purpose::Queue, "zremrangebyscore", "ZREMRANGEBYSCORE {queue} 0 0"),
    right(Purpose::Queue, "xdel", "XDEL {queue} 0-1"),
    right(Purpose::Queue, "xlen", "XLEN {queue}"),
    right(Purpose::Durability, "client|id", "CLIENT ID"),
    right(Purpose::Durability, "wait", "WAIT 0 1"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");

    /// The rule for the cache, and the rights that some deployments need besides.
    #[test]
    fn the_rights_are_those_that_the_documentation_gives() {
        let line =
            OPERATIONS.lines().find_map(|line| line.strip_prefix("ACL SETUSER larder on '>a password' "));
        let documented: BTreeSet<_> =
            line.unwrap().split(' ').filter_map(|word| word.strip_prefix('+')).collect();
        let mine = |purposes: &[Purpose]| -> BTreeSet<&str> {
            RIGHTS.iter().filter(|right| purposes.contains(&right.purpose)).map(|right| right.name).collect()
        };
        assert_eq!(mine(&[Purpose::Cache, Purpose::Instances, Purpose::LargePolls]), documented);
        for right in RIGHTS {
            assert!(OPERATIONS.contains(&format!("+{}", right.name)), "{}", right.name);
        }
    }

    #[test]
    fn a_refusal_is_told_from_other_errors() {
        let cases = [
            ("NOPERM User app has no permissions to run the 'get' command", Verdict::NoCommand),
            ("NOPERM this user has no permissions to run the 'eval' command", Verdict::NoCommand),
            ("NOPERM this user has no permissions to run the 'monkey' command", Verdict::NoCommand),
            ("NOPERM No permissions to access a key", Verdict::NoKey),
            ("This user has no permissions to access the 'larder:x' key", Verdict::NoKey),
            ("This user has no permissions to run the 'get' command", Verdict::NoCommand),
            ("User app has no permissions to access the 'larder:x' key", Verdict::NoKey),
            ("OK", Verdict::Allowed),
            ("NOSCRIPT No matching script. Please use EVAL.", Verdict::Allowed),
            ("ERR no such key", Verdict::Allowed),
            ("ERR wrong number of arguments for 'hset' command", Verdict::Allowed),
        ];
        for (text, verdict) in cases {
            assert_eq!(Verdict::from_text(text), verdict, "{text}");
        }
    }

    #[test]
    fn commands_use_the_keys_of_the_namespace_alone() {
        for right in RIGHTS {
            let words = right.command("shop");
            assert!(words.iter().all(|word| !word.starts_with('{')), "{words:?}");
            for key in words.iter().filter(|word| word.contains("larder:")) {
                assert!(key.contains("shop") && key.ends_with(":doctor"), "{key}");
            }
        }
    }
}
