//! The options of the collections that exist, for operators.

use std::fmt;
use std::time::Duration;

use larder_core::write_queue::Durability;
use serde::{Serialize, Serializer};

use crate::engine::serialize::{optional_seconds, seconds};

/// The options of one collection of values, for operators.
///
/// [`Cache::collection_policies`](crate::Cache::collection_policies) returns it. It has the options
/// that decide what is stored and for how long. It contains no key and no value. With serde,
/// durations are seconds.
///
/// # Examples
///
/// ```
/// use larder::values::Values;
/// use larder::{Cache, ttl};
///
/// # fn main() -> Result<(), larder::ConfigError> {
/// let cache = Cache::default();
/// let names: Values<u64, String> = cache.values("name").ttl(ttl::FREQUENT).build()?;
/// let policies = cache.collection_policies();
/// assert_eq!(policies[0].to_string(), "name: ttl 300s, absences are not stored");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CollectionPolicy {
    /// The name of the collection.
    pub name: String,
    /// The freshness lifetime of values: [`ttl`](crate::values::ValuesBuilder::ttl).
    #[serde(rename = "ttl_seconds", serialize_with = "seconds")]
    pub ttl: Duration,
    /// The lifetime of absences: [`negative_ttl`](crate::values::ValuesBuilder::negative_ttl).
    /// `None` if they are not stored.
    #[serde(rename = "negative_ttl_seconds", serialize_with = "optional_seconds")]
    pub negative_ttl: Option<Duration>,
    /// The time for which errors are remembered:
    /// [`error_ttl`](crate::values::ValuesBuilder::error_ttl). `None` if they are not.
    #[serde(rename = "error_ttl_seconds", serialize_with = "optional_seconds")]
    pub error_ttl: Option<Duration>,
    /// The window of
    /// [`stale_while_revalidate`](crate::values::ValuesBuilder::stale_while_revalidate).
    #[serde(rename = "stale_while_revalidate_seconds", serialize_with = "seconds")]
    pub stale_while_revalidate: Duration,
    /// The window of [`stale_if_error`](crate::values::ValuesBuilder::stale_if_error).
    #[serde(rename = "stale_if_error_seconds", serialize_with = "seconds")]
    pub stale_if_error: Duration,
    /// The fraction of the [`jitter`](crate::values::ValuesBuilder::jitter).
    pub jitter: f64,
    /// The factor of the [`early_refresh`](crate::values::ValuesBuilder::early_refresh).
    pub early_refresh: f64,
    /// The limit of [`load_timeout`](crate::values::ValuesBuilder::load_timeout).
    #[serde(rename = "load_timeout_seconds", serialize_with = "seconds")]
    pub load_timeout: Duration,
    /// The limit of [`serve_stale_after`](crate::values::ValuesBuilder::serve_stale_after).
    #[serde(rename = "serve_stale_after_seconds", serialize_with = "optional_seconds")]
    pub serve_stale_after: Option<Duration>,
    /// The pause of [`retry_after_error`](crate::values::ValuesBuilder::retry_after_error).
    #[serde(rename = "retry_after_error_seconds", serialize_with = "seconds")]
    pub retry_after_error: Duration,
    /// The limit of [`max_reruns`](crate::values::ValuesBuilder::max_reruns).
    pub max_reruns: usize,
    /// The lag of [`replica_lag`](crate::values::ValuesBuilder::replica_lag).
    #[serde(rename = "replica_lag_seconds", serialize_with = "optional_seconds")]
    pub replica_lag: Option<Duration>,
    /// The bound of the collection in memory:
    /// [`max_memory_bytes`](crate::values::ValuesBuilder::max_memory_bytes).
    pub max_memory_bytes: u64,
    /// The maximum size of an encoded value that is shared:
    /// [`max_value_bytes`](crate::values::ValuesBuilder::max_value_bytes).
    pub max_value_bytes: usize,
    /// The number of the [`schema`](crate::values::ValuesBuilder::schema).
    pub schema: u32,
    /// Whether there is a [`loader`](crate::values::ValuesBuilder::loader).
    pub has_loader: bool,
    /// Whether a function returns [`tags`](crate::values::ValuesBuilder::tags).
    pub has_tags: bool,
    /// Whether a function returns what a write
    /// [invalidates](crate::values::ValuesBuilder::invalidates) besides the value.
    pub has_invalidations: bool,
    /// The options of the writes, if they are [queued](crate::values::WriteBehind).
    pub write_behind: Option<WriteBehindPolicy>,
}

/// The options of writes that are queued, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WriteBehindPolicy {
    /// Whether the queue is [in the process](crate::values::WriteBehindBuilder::in_process).
    pub is_in_process: bool,
    /// The number of [`partitions`](crate::values::WriteBehindBuilder::partitions).
    pub partitions: u16,
    /// The maximum number of writes in a partition.
    pub max_queued: u64,
    /// The maximum size of a partition in bytes.
    pub max_queued_bytes: u64,
    /// The [`durability`](crate::values::WriteBehindBuilder::durability) of an acknowledged write:
    /// `fsync`, `memory`, or the number of replicas, such as `2 replicas`.
    #[serde(serialize_with = "durability")]
    pub durability: Durability,
    /// The maximum number of writes in a [batch](crate::values::WriteBehindBuilder::max_batch).
    pub max_batch: u32,
    /// The limit of [`flush_timeout`](crate::values::WriteBehindBuilder::flush_timeout).
    #[serde(rename = "flush_timeout_seconds", serialize_with = "seconds")]
    pub flush_timeout: Duration,
    /// The limit of [`max_attempts`](crate::values::WriteBehindBuilder::max_attempts).
    pub max_attempts: u32,
}

fn durability_text(durability: Durability) -> String {
    match durability {
        Durability::Memory => "memory".to_owned(),
        Durability::Replicas(replicas) => format!("{replicas} replicas"),
        _ => "fsync".to_owned(),
    }
}

fn durability<S: Serializer>(durability: &Durability, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&durability_text(*durability))
}

impl fmt::Display for CollectionPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ttl {:?}", self.name, self.ttl)?;
        match self.negative_ttl {
            Some(ttl) => write!(f, ", absences for {ttl:?}")?,
            None => f.write_str(", absences are not stored")?,
        }
        let windows = [
            ("errors for", self.error_ttl.unwrap_or_default()),
            ("stale-while-revalidate", self.stale_while_revalidate),
            ("stale-if-error", self.stale_if_error),
        ];
        for (window, time) in windows.iter().filter(|(_, time)| !time.is_zero()) {
            write!(f, ", {window} {time:?}")?;
        }
        let flags =
            [(self.has_loader, "loader"), (self.has_tags, "tags"), (self.max_memory_bytes == 0, "no memory")];
        for (_, flag) in flags.iter().filter(|(is_set, _)| *is_set) {
            write!(f, ", {flag}")?;
        }
        match &self.write_behind {
            Some(writes) => write!(f, ", {writes}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for WriteBehindPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.is_in_process { " in process" } else { "" };
        let durability = durability_text(self.durability);
        write!(f, "write-behind{place}: {} partitions, durability {durability}", self.partitions)
    }
}
