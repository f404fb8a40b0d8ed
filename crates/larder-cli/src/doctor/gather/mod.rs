//! Gathers the facts. It writes one key of its own, which expires and is removed.
//!
//! | file | what it does |
//! | --- | --- |
//! | `server_state.rs` | `INFO`, the settings and the slow log of each server |
//! | `user_rights.rs` | who the user is, and what it may do |
//! | `script_support.rs` | what scripts may do, and whether a write is accepted |
//! | `round_trips.rs` | the times of round trips, and the clock of the server |
//! | `log_state.rs` | the keys of the invalidation log |
//! | `key_scan.rs` | whose keys there are, from a bounded scan |

mod key_scan;
mod log_state;
mod round_trips;
mod script_support;
mod server_state;
mod user_rights;

use std::time::Duration;

use crate::cli_error::CliError;
use crate::doctor::facts::{AddressFacts, Deployment, Facts};
use crate::redis_link::{Link, LinkError};
use crate::target::RedisTarget;

/// The limit of one command.
const COMMAND_LIMIT: Duration = Duration::from_secs(2);
/// The limit of all commands together.
const TOTAL_LIMIT: Duration = Duration::from_secs(30);

/// Asks the server for all facts.
///
/// # Errors
///
/// Returns an error if the server cannot be reached, or if it refuses the user.
pub(crate) async fn gather(target: &RedisTarget, expects_queue: bool) -> Result<Facts, CliError> {
    let link = Link::open(target, COMMAND_LIMIT.min(target.timeout), TOTAL_LIMIT).await?;
    let answered = link.send(&["INFO", "server"]).await;
    if let Err(LinkError::Silent(why)) = &answered {
        let error = CliError::unreachable(format!("{} does not answer: {why}", target.shown_url()));
        link.close().await;
        return Err(error);
    }
    let namespace = target.namespace.as_str();
    let servers = server_state::read(&link).await;
    let mut facts = Facts {
        namespace: namespace.to_owned(),
        address: address(&link),
        // The scan comes before anything is written.
        keys: key_scan::scan(&link).await,
        log: log_state::read(&link, namespace, &servers).await,
        servers,
        expects_queue,
        ..Facts::default()
    };
    facts.latency = round_trips::measure(&link, namespace).await;
    facts.clock = round_trips::compare_clocks(&link).await;
    facts.write_error = script_support::try_write(&link, namespace).await;
    facts.scripts = script_support::read(&link, namespace).await;
    facts.user = user_rights::read(&link, &facts).await;
    script_support::clean_up(&link, namespace).await;
    link.close().await;
    Ok(facts)
}

fn address(link: &Link) -> AddressFacts {
    AddressFacts {
        deployment: match (link.is_clustered(), link.is_behind_sentinel()) {
            (true, _) => Deployment::Cluster,
            (_, true) => Deployment::Sentinel,
            _ => Deployment::Single,
        },
        is_local: link.is_local(),
        has_tls: link.has_tls(),
        has_credentials: link.has_credentials(),
    }
}
