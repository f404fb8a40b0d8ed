//! The settings of fred's client for a connection.

use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, TcpConfig};

use crate::health::Health;

/// The time limit for establishing a connection, and for each step of it.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_millis(500);

/// The time after which a connection ends if the peer's kernel has not acknowledged its data.
///
/// Without this limit, fred can hang in a write to a peer that is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(1);

/// The same limit for stored responses in a cluster.
///
/// While fred cannot connect to one node of a cluster, it serves no other node either. So the
/// connection to an unreachable node is kept longer: the circuit of that node is open, and fred
/// continues to serve the others. This limit is longer than a cluster takes by default to promote a
/// replica.
const UNACKNOWLEDGED_BY_ONE_OF_MANY: Duration = Duration::from_secs(30);

/// Creates a client that is not connected yet.
///
/// A connection with `health` may have one to each node of a cluster.
pub(crate) fn new_client(config: Config, health: Option<&Arc<Health>>) -> Client {
    let performance =
        PerformanceConfig { default_command_timeout: CONNECT_LIMIT, ..PerformanceConfig::default() };
    let connection = ConnectionConfig {
        connection_timeout: CONNECT_LIMIT,
        internal_command_timeout: CONNECT_LIMIT,
        // No retries, because a command that is sent twice may be executed twice.
        max_command_attempts: 1,
        tcp: tcp(unacknowledged_limit(health)),
        ..ConnectionConfig::default()
    };
    // The number of attempts is unlimited. The delay grows from 5 ms to 500 ms.
    let mut policy = ReconnectPolicy::new_exponential(0, 5, 500, 2);
    policy.set_jitter(25);
    Client::new(config, Some(performance), Some(connection), Some(policy))
}

/// Returns how long data may stay unacknowledged.
fn unacknowledged_limit(health: Option<&Arc<Health>>) -> Duration {
    // A connection with `health` has a circuit for each node.
    if health.is_some() { UNACKNOWLEDGED_BY_ONE_OF_MANY } else { UNACKNOWLEDGED }
}

#[cfg_attr(
    not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")),
    allow(unused_variables) // Other systems have no `TCP_USER_TIMEOUT`.
)]
fn tcp(unacknowledged: Duration) -> TcpConfig {
    TcpConfig {
        nodelay: Some(true),
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        user_timeout: Some(unacknowledged),
        ..TcpConfig::default()
    }
}
