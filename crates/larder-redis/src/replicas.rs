//! Replicas that have to have an invalidation before it counts as appended.
//!
//! `WAIT` speaks of what its own connection wrote, and holds up whatever comes after it on that connection. So appends that
//! wait have one for themselves: looks go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::cluster::ClusterRouting;
use fred::types::config::{Config, Options};
use fred::types::{ClusterHash, CustomCommand, Value};
use larder_core::store::{StoreError, StoreErrorKind};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::answer::{number, unreadable};
use crate::link::{Advice, Link};
use crate::log::{LATE, LIMIT};

/// How many replicas, and how long to wait for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) count: u16,
    pub(crate) within: Duration,
}

/// The connection for appends that wait, and how it went.
pub(crate) struct Replicas {
    wanted: Wanted,
    pub(crate) link: Arc<Link>,
    /// One at a time: the server works off the waits of one connection one after the other, each to its end.
    turn: Mutex<()>,
    short: AtomicBool,
}

impl Replicas {
    pub(crate) fn open(wanted: Wanted, config: Config, runtime: &Handle) -> Self {
        Self {
            wanted,
            link: Link::open(config, runtime, Advice::Given, None),
            turn: Mutex::new(()),
            short: AtomicBool::new(false),
        }
    }

    /// Whether it is not known that enough of them had the last.
    pub(crate) fn were_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Waits until enough of them have what was written on the link to the node of `key`.
    pub(crate) async fn have_it(&self, key: &str) -> Result<(), StoreError> {
        let result = self.enough_have_it(key).await;
        self.short.store(result.is_err(), Ordering::Relaxed);
        result
    }

    async fn enough_have_it(&self, key: &str) -> Result<(), StoreError> {
        let Ok(_turn) = timeout(LIMIT, self.turn.lock()).await else {
            return Err(StoreError::new(StoreErrorKind::Timeout, "others wait for the replicas"));
        };
        let answer = self.wait(key).await.map_err(|error| self.link.explain(&error))?;
        let have = number(&answer).ok_or_else(|| unreadable("the answer to a WAIT"))?;
        let wanted = self.wanted.count;
        if have >= i64::from(wanted) {
            return Ok(());
        }
        let what = format!("{have} of the {wanted} replicas wanted have it in time");
        Err(StoreError::new(StoreErrorKind::Refused, what))
    }

    async fn wait(&self, key: &str) -> Result<Value, Error> {
        let within = self.wanted.within;
        // To Redis, zero is for ever.
        let millis = i64::try_from(within.as_millis()).map_or(i64::MAX, |millis| millis.max(1));
        let slot = ClusterHash::Custom(ClusterRouting::hash_key(key.as_bytes()));
        let options = Options { cluster_hash: Some(slot), ..self.link.options(within + LATE) };
        let command = CustomCommand::new_static("WAIT", ClusterHash::Random, false);
        let arguments = vec![Value::Integer(self.wanted.count.into()), Value::Integer(millis)];
        self.link.with(&options).custom(command, arguments).await
    }
}
