//! How durable the writes of the server are.

use fred::clients::{Client, WithOptions};
use fred::interfaces::ClientLike;
use fred::types::config::{Options, Server};
use fred::types::{ClusterHash, CustomCommand, Value};
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{
    DurabilityMethod, DurabilityState, EvictionPolicy, FsyncPolicy, WaitReply, WaitRequest,
};
use tokio::time::Instant;

use super::names;
use crate::barrier::Awaited;
use crate::reply::{bytes, parts, text, unreadable};
use crate::store::{Inner, RedisStore};

/// Reads the settings of the server, or of every primary of a cluster.
pub(super) async fn read(inner: &Inner) -> Result<DurabilityState, StoreError> {
    // So that the connection is up before the first wait.
    inner.barrier();
    let client = inner.data.within(inner.command_timeout);
    let mut weakest: Option<DurabilityState> = None;
    for node in inner.data.primaries() {
        let one = read_node(inner, &client, node).await?;
        weakest = Some(weakest.map_or(one, |other| other.weaker(one)));
    }
    weakest.ok_or_else(|| unreadable("the primaries of the cluster"))
}

async fn read_node(
    inner: &Inner,
    client: &WithOptions<Client>,
    node: Option<Server>,
) -> Result<DurabilityState, StoreError> {
    let options = Options { cluster_node: node, ..client.options().clone() };
    let client = client.with_options(&options);
    let send = |command, arguments: &[&str]| {
        let command = CustomCommand::new_static(command, ClusterHash::Random, false);
        client
            .custom::<Value, _>(command, arguments.iter().map(|text| Value::from(*text)).collect::<Vec<_>>())
    };
    let sections = ["server", "persistence", "replication", "memory"];
    let info = send("INFO", &sections).await.map_err(|error| inner.data.to_store_error(&error))?;
    let info = bytes(&info).ok_or_else(|| unreadable("the state of the server"))?;
    let config = match send("CONFIG", &["GET", "appendfsync", "no-appendfsync-on-rewrite"]).await {
        Ok(config) => Some(config),
        Err(error) => match inner.data.to_store_error(&error) {
            // Managed services forbid this command.
            refused if refused.kind() == StoreErrorKind::Refused => None,
            // A server that is slow for a moment forbids nothing.
            missing => return Err(missing),
        },
    };
    Ok(state(&String::from_utf8_lossy(&info), config.as_ref()))
}

fn state(info: &str, config: Option<&Value>) -> DurabilityState {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let setting = |name: &str| {
        let pairs = parts(config?)?.chunks_exact(2);
        pairs.filter(|pair| text(&pair[0]) == Some(name)).find_map(|pair| text(&pair[1]))
    };
    let online = info.lines().filter(|line| line.starts_with("slave") && line.contains("state=online"));
    DurabilityState {
        append_only: field("aof_enabled").map(|on| on.trim() == "1"),
        fsync: match setting("appendfsync") {
            Some("always") => Some(FsyncPolicy::Always),
            Some("everysec") => Some(FsyncPolicy::EverySecond),
            Some("no") => Some(FsyncPolicy::Never),
            _ => None,
        },
        pauses_fsync_on_rewrite: setting("no-appendfsync-on-rewrite").map(|value| value != "no"),
        replicas: field("connected_slaves").map(|_| u16::try_from(online.count()).unwrap_or(u16::MAX)),
        eviction: match (field("maxmemory"), field("maxmemory_policy")) {
            (Some(limit), _) if limit.trim() == "0" => Some(EvictionPolicy::Nothing),
            (_, Some(policy)) => Some(eviction(policy.trim())),
            _ => None,
        },
        has_wait_aof: field("redis_version").and_then(|version| is_at_least_7_2(version.trim())),
    }
}

fn eviction(policy: &str) -> EvictionPolicy {
    match policy {
        "noeviction" => EvictionPolicy::Nothing,
        _ if policy.starts_with("volatile-") => EvictionPolicy::Expiring,
        _ => EvictionPolicy::Any,
    }
}

/// Whether the version has `WAITAOF`. Valkey names the version of Redis that it is compatible with.
fn is_at_least_7_2(version: &str) -> Option<bool> {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    Some((numbers.next()??, numbers.next()??) >= (7, 2))
}

/// Waits until a write is durable.
pub(super) async fn wait(store: &RedisStore, request: WaitRequest<'_>) -> Result<WaitReply, StoreError> {
    let names = names(store, &request.partition)?;
    if request.method == DurabilityMethod::Reply {
        return Ok(WaitReply::Durable);
    }
    let inner = &*store.inner;
    let awaited = Awaited {
        names: &names,
        id: request.id,
        sequence: request.sequence,
        node: inner.health.node_of(names.state()),
        method: request.method,
        deadline: Instant::now() + request.timeout,
        confirm: &inner.queue.confirm,
    };
    inner.barrier().wait(&awaited).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Server\r\nredis_version:7.2.4\r\n# Memory\r\nmaxmemory:1000\r\n\
        maxmemory_human:1K\r\nmaxmemory_policy:volatile-lfu\r\n# Persistence\r\naof_enabled:1\r\n\
        # Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
        slave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=0\r\n\
        slave1:ip=127.0.0.1,port=2,state=wait_bgsave,offset=1,lag=0\r\n";

    #[test]
    fn settings_are_read_and_what_is_hidden_is_unknown() {
        let config = ["appendfsync", "always", "no-appendfsync-on-rewrite", "no"].map(Value::from);
        let config = Value::Array(config.to_vec());
        let full = DurabilityState {
            append_only: Some(true),
            fsync: Some(FsyncPolicy::Always),
            pauses_fsync_on_rewrite: Some(false),
            replicas: Some(1),
            eviction: Some(EvictionPolicy::Expiring),
            has_wait_aof: Some(true),
        };
        assert_eq!(state(INFO, Some(&config)), full);
        let secret = DurabilityState { fsync: None, pauses_fsync_on_rewrite: None, ..full };
        assert_eq!(state(INFO, None), secret);
        assert_eq!(state(INFO, Some(&Value::Null)), secret);
        assert_eq!(state("", None), DurabilityState::default());
        let unlimited = INFO.replace("maxmemory:1000", "maxmemory:0").replace("volatile-lfu", "allkeys-lru");
        assert_eq!(state(&unlimited, None).eviction, Some(EvictionPolicy::Nothing));
        let evicting = INFO.replace("volatile-lfu", "allkeys-lru");
        assert_eq!(state(&evicting, None).eviction, Some(EvictionPolicy::Any));
    }

    #[test]
    fn newer_servers_can_wait_for_the_disk() {
        for (version, expected) in [
            ("7.0.15", Some(false)),
            ("7.2.4", Some(true)),
            ("8.0.2", Some(true)),
            ("7", None),
            ("x.y", None),
        ] {
            assert_eq!(is_at_least_7_2(version), expected, "{version}");
        }
    }
}
