//! Advice for operators about the server's memory settings.

use fred::clients::{Client, WithOptions};
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand, Value};

use crate::reply::{parts, text};

/// Whether a connection still has to check the server's memory settings.
///
/// The check runs once the connection is up, and logs a warning for each bad setting. Only one of a
/// store's connections runs it, so that each warning is logged once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigCheck {
    Pending,
    Done,
}

/// Reads the server's memory settings and warns of harmful ones.
///
/// Returns whether the settings could be read. Managed services forbid this, which is no problem.
pub(crate) async fn warn_about_memory(client: &WithOptions<Client>) -> bool {
    let command = CustomCommand::new_static("CONFIG", ClusterHash::Random, false);
    let asked = client.custom::<Value, _>(command, vec!["GET", "maxmemory*"]).await;
    match asked {
        Ok(settings) => {
            for warning in warnings(&settings) {
                tracing::warn!("{warning}");
            }
            true
        }
        Err(error) => {
            tracing::debug!("cannot read Redis's memory settings: {error}");
            false
        }
    }
}

fn warnings(settings: &Value) -> Vec<&'static str> {
    let setting = |name: &str| {
        let pairs = parts(settings)?.chunks_exact(2);
        pairs.filter(|pair| text(&pair[0]) == Some(name)).find_map(|pair| text(&pair[1]).map(str::to_owned))
    };
    let mut warnings = Vec::new();
    if setting("maxmemory").as_deref() == Some("0") {
        warnings.push(
            "Redis has no memory limit: stored responses can take all of the machine's; set maxmemory and \
             maxmemory-policy volatile-lfu",
        );
    }
    match setting("maxmemory-policy").as_deref() {
        Some("noeviction") => warnings.push(
            "Redis's maxmemory-policy is noeviction: once it is full it takes neither responses nor invalidations; \
             set volatile-lfu",
        ),
        Some("allkeys-random") => warnings.push(
            "Redis's maxmemory-policy is allkeys-random: it can evict the invalidation log at any time, which \
             empties the cache; set volatile-lfu",
        ),
        _ => {}
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_of_what_hurts_and_of_nothing_else() {
        let count = |limit: &str, policy: &str| {
            let settings = ["maxmemory-policy", policy, "maxmemory-samples", "5", "maxmemory", limit];
            warnings(&Value::Array(settings.into_iter().map(Value::from).collect())).len()
        };
        assert_eq!(count("268435456", "volatile-lfu"), 0);
        assert_eq!(count("268435456", "volatile-lru"), 0);
        assert_eq!(count("268435456", "allkeys-lfu"), 0);
        assert_eq!(count("268435456", "noeviction"), 1);
        assert_eq!(count("268435456", "allkeys-random"), 1);
        assert_eq!(count("0", "volatile-lru"), 1);
        assert_eq!(count("0", "noeviction"), 2);
        assert_eq!(warnings(&Value::Null).len(), 0);
    }
}
