//! Replicas that have to acknowledge an invalidation before it counts as appended.
//!
//! `WAIT` applies to the writes of its own connection, and holds up every later command on that
//! connection. So appends that wait have a connection for themselves, and polls continue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::cluster::ClusterRouting;
use fred::types::config::{Config, Options};
use fred::types::{ClusterHash, CustomCommand, Value};
use larder_core::store::{StoreError, StoreErrorKind};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::config_check::ConfigCheck;
use crate::connection::Connection;
use crate::home::Home;
use crate::reply::{number, unreadable};
use crate::timeouts::{ALARM_GRACE, LOG_TIMEOUT};

/// The number of replicas, and how long to wait for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplicaRequirement {
    pub(crate) count: u16,
    pub(crate) within: Duration,
}

/// The connection for appends that wait, and the result of the last wait.
pub(crate) struct ReplicaWaiter {
    requirement: ReplicaRequirement,
    pub(crate) link: Arc<Connection>,
    /// Admits one wait at a time.
    ///
    /// The server executes the waits of one connection one after the other, each to its end.
    turn: Mutex<()>,
    short: AtomicBool,
}

impl ReplicaWaiter {
    pub(crate) fn open(requirement: ReplicaRequirement, config: Config, home: &Arc<Home>) -> Self {
        Self {
            requirement,
            link: Connection::open(config, home, ConfigCheck::Done, None),
            turn: Mutex::new(()),
            short: AtomicBool::new(false),
        }
    }

    /// Whether it is unknown if enough replicas have the last write.
    pub(crate) fn last_wait_failed(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Waits until enough replicas have all that this connection wrote to the node of `key`.
    pub(crate) async fn wait_acknowledged(&self, key: &str) -> Result<(), StoreError> {
        let result = self.wait_for_enough(key).await;
        self.short.store(result.is_err(), Ordering::Relaxed);
        result
    }

    async fn wait_for_enough(&self, key: &str) -> Result<(), StoreError> {
        let Ok(_turn) = timeout(LOG_TIMEOUT, self.turn.lock()).await else {
            return Err(StoreError::new(StoreErrorKind::Timeout, "others wait for the replicas"));
        };
        let answer = self.wait(key).await.map_err(|error| self.link.to_store_error(&error))?;
        let have = number(&answer).ok_or_else(|| unreadable("the answer to a WAIT"))?;
        let requirement = self.requirement.count;
        if have >= i64::from(requirement) {
            return Ok(());
        }
        let what = format!("{have} of the {requirement} replicas requirement have it in time");
        Err(StoreError::new(StoreErrorKind::Refused, what))
    }

    async fn wait(&self, key: &str) -> Result<Value, Error> {
        let within = self.requirement.within;
        // For Redis, zero means to wait forever.
        let millis = i64::try_from(within.as_millis()).map_or(i64::MAX, |millis| millis.max(1));
        let slot = ClusterHash::Custom(ClusterRouting::hash_key(key.as_bytes()));
        let options = Options { cluster_hash: Some(slot), ..self.link.options(within + ALARM_GRACE) };
        let command = CustomCommand::new_static("WAIT", ClusterHash::Random, false);
        let arguments = vec![Value::Integer(self.requirement.count.into()), Value::Integer(millis)];
        self.link.with(&options).custom(command, arguments).await
    }
}
