//! The processes of the instances, and their connections to Redis.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use larder_testing::Proxy;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Driver;
use super::recorder::Recorder;
use crate::history::LifeId;
use crate::instance::broken::Rule;
use crate::plan::QueueDurability;
use crate::wire;

/// How long a process may take until it listens.
const MAX_START_TIME: Duration = Duration::from_secs(60);

pub(super) struct Instances {
    program: PathBuf,
    reference_model: SocketAddr,
    max_staleness: Duration,
    durability: Option<QueueDurability>,
    breaks: Option<Rule>,
    recorder: Arc<Recorder>,
    slots: Vec<Slot>,
}

struct Slot {
    proxy: Proxy,
    /// `None` while the instance is down.
    running: Mutex<Option<Process>>,
    /// Held by a fault of the process, so that two faults do not meet.
    turn: tokio::sync::Mutex<()>,
}

struct Process {
    endpoint: Endpoint,
    process: Child,
}

/// The address of an instance in this life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Endpoint {
    pub(super) life: LifeId,
    pub(super) address: SocketAddr,
}

impl Instances {
    pub(super) async fn start(
        driver: &Driver,
        reference_model: SocketAddr,
        redis: SocketAddr,
        recorder: Arc<Recorder>,
    ) -> Result<Self> {
        let slot = |_| {
            let proxy = Proxy::start(redis)?;
            Ok(Slot { proxy, running: Mutex::default(), turn: tokio::sync::Mutex::default() })
        };
        let slots = (0..driver.shape.instances).map(slot).collect::<Result<_>>()?;
        let instances = Self {
            program: driver.program.clone(),
            reference_model,
            max_staleness: driver.max_staleness,
            durability: driver.durability,
            breaks: driver.breaks,
            recorder,
            slots,
        };
        for instance in 0..instances.count() {
            instances.begin(instance).await?;
        }
        Ok(instances)
    }

    pub(super) const fn count(&self) -> usize {
        self.slots.len()
    }

    /// Returns its connection to Redis.
    pub(super) fn proxy(&self, instance: usize) -> &Proxy {
        &self.slots[instance].proxy
    }

    /// Returns its current address, if it runs.
    pub(super) fn endpoint(&self, instance: usize) -> Option<Endpoint> {
        self.running(instance).as_ref().map(|running| running.endpoint)
    }

    /// Returns the instance of this life, if it is the current one.
    pub(super) fn instance_of(&self, life: LifeId) -> Option<usize> {
        (0..self.count())
            .find(|instance| self.endpoint(*instance).is_some_and(|endpoint| endpoint.life == life))
    }

    /// Kills its process, runs `meanwhile`, and starts another one.
    pub(super) async fn restart<T>(
        &self,
        instance: usize,
        meanwhile: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let _turn = self.slots[instance].turn.lock().await;
        self.kill(instance).await?;
        let done = meanwhile.await?;
        self.begin(instance).await?;
        Ok(done)
    }

    /// Hangs its process for a while.
    pub(super) async fn stall(&self, instance: usize, time: Duration) -> Result<()> {
        let _turn = self.slots[instance].turn.lock().await;
        let process = self.running(instance).as_ref().and_then(|running| running.process.id());
        let process = process.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let process = process.context("an instance does not run")?;
        kill_process(process, Signal::STOP)?;
        tokio::time::sleep(time).await;
        Ok(kill_process(process, Signal::CONT)?)
    }

    /// Starts its process, and waits until that listens.
    async fn begin(&self, instance: usize) -> Result<()> {
        let life = self.recorder.born(instance);
        let redis = format!("redis://{}", self.proxy(instance).address());
        let mut command = Command::new(&self.program);
        command
            .args(["instance", "--redis", &redis, "--truth", &self.reference_model.to_string()])
            .args(["--life", &life.0.to_string()])
            .args(["--max-staleness-ms", &self.max_staleness.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if let Some(durability) = self.durability {
            command.args(["--durability", durability.as_str()]);
        }
        if let Some(rule) = self.breaks {
            command.args(["--breaks", rule.as_str()]);
        }
        let mut process = command.spawn().context("cannot start an instance")?;
        let output = process.stdout.take().context("an instance has no output")?;
        let mut lines = BufReader::new(output).lines();
        let line =
            timeout(MAX_START_TIME, lines.next_line()).await.context("an instance does not listen")??;
        let address = line.as_deref().and_then(|line| line.strip_prefix(wire::LISTENS));
        let address = address.context("an instance ended at its start")?.parse()?;
        *self.running(instance) = Some(Process { endpoint: Endpoint { life, address }, process });
        Ok(())
    }

    /// Kills its process, and waits until it is dead.
    async fn kill(&self, instance: usize) -> Result<()> {
        let Some(mut running) = self.running(instance).take() else { return Ok(()) };
        self.recorder.killed(running.endpoint.life);
        Ok(running.process.kill().await?)
    }

    fn running(&self, instance: usize) -> MutexGuard<'_, Option<Process>> {
        self.slots[instance].running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
