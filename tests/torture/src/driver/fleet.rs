//! The instances: their processes, and their ways to Redis.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use larder_testing::Proxy;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Driver;
use super::book::Book;
use crate::history::LifeId;
use crate::instance::broken::Rule;
use crate::wire;

/// How long a process may take until it listens.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Fleet {
    program: PathBuf,
    truth: SocketAddr,
    max_staleness: Duration,
    breaks: Option<Rule>,
    book: Arc<Book>,
    slots: Vec<Slot>,
}

struct Slot {
    proxy: Proxy,
    /// `None` while it is down.
    running: Mutex<Option<Running>>,
}

struct Running {
    home: Home,
    process: Child,
}

/// Where an instance is found in this life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Home {
    pub(super) life: LifeId,
    pub(super) address: SocketAddr,
}

impl Fleet {
    pub(super) async fn start(
        driver: &Driver,
        truth: SocketAddr,
        redis: SocketAddr,
        book: Arc<Book>,
    ) -> Result<Self> {
        let slot = |_| Ok(Slot { proxy: Proxy::start(redis)?, running: Mutex::default() });
        let slots = (0..driver.shape.instances).map(slot).collect::<Result<_>>()?;
        let fleet = Self {
            program: driver.program.clone(),
            truth,
            max_staleness: driver.max_staleness,
            breaks: driver.breaks,
            book,
            slots,
        };
        for instance in 0..fleet.instances() {
            fleet.begin(instance).await?;
        }
        Ok(fleet)
    }

    pub(super) const fn instances(&self) -> usize {
        self.slots.len()
    }

    /// Its way to Redis.
    pub(super) fn proxy(&self, instance: usize) -> &Proxy {
        &self.slots[instance].proxy
    }

    /// Where it is found now, if it runs.
    pub(super) fn home(&self, instance: usize) -> Option<Home> {
        self.running(instance).as_ref().map(|running| running.home)
    }

    /// Starts its process, and returns when that listens.
    pub(super) async fn begin(&self, instance: usize) -> Result<()> {
        let life = self.book.born(instance);
        let redis = format!("redis://{}", self.proxy(instance).address());
        let mut command = Command::new(&self.program);
        command
            .args(["instance", "--redis", &redis, "--truth", &self.truth.to_string()])
            .args(["--life", &life.0.to_string()])
            .args(["--max-staleness-ms", &self.max_staleness.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if let Some(rule) = self.breaks {
            command.args(["--breaks", rule.as_str()]);
        }
        let mut process = command.spawn().context("cannot start an instance")?;
        let output = process.stdout.take().context("an instance has no output")?;
        let mut lines = BufReader::new(output).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.context("an instance does not listen")??;
        let address = line.as_deref().and_then(|line| line.strip_prefix(wire::LISTENS));
        let address = address.context("an instance ended at its start")?.parse()?;
        *self.running(instance) = Some(Running { home: Home { life, address }, process });
        Ok(())
    }

    /// Kills its process, and returns when it is dead.
    pub(super) async fn kill(&self, instance: usize) -> Result<()> {
        let Some(mut running) = self.running(instance).take() else { return Ok(()) };
        self.book.killed(running.home.life);
        Ok(running.process.kill().await?)
    }

    fn running(&self, instance: usize) -> MutexGuard<'_, Option<Running>> {
        self.slots[instance].running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
