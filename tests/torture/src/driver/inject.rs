//! Injects the faults.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use larder_testing::Direction;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::instances::Instances;
use super::recorder::Recorder;
use super::servers::Servers;
use crate::clock::Moment;
use crate::history::{InjectedFault, TwoPrimaries};
use crate::plan::{Act, Fault, Victim};
use crate::reference_model::ReferenceModel;

/// How often to check whether a deposed primary still accepts writes.
const PROBE_INTERVAL: Duration = Duration::from_millis(10);

/// The time of a run, which may end early.
#[derive(Clone)]
pub(super) struct Schedule {
    pub(super) begun: Instant,
    pub(super) over: watch::Receiver<bool>,
}

impl Schedule {
    /// Waits until the fault is due. Returns `false` if the run ends first.
    async fn comes(&mut self, due: Duration) -> bool {
        tokio::select! {
            biased;
            _ = self.over.wait_for(|over| *over) => false,
            () = sleep_until(self.begun + due) => true,
        }
    }
}

/// The parts of a run that faults concern.
#[derive(Clone)]
pub(super) struct Targets {
    pub(super) instances: Arc<Instances>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) reference_model: ReferenceModel,
}

impl Targets {
    fn instance(&self, victim: Victim) -> usize {
        match victim {
            Victim::Instance(instance) => instance,
            Victim::ReaderOr(instance) => {
                let reader = self.reference_model.last_reader();
                reader.and_then(|life| self.instances.instance_of(life)).unwrap_or(instance)
            }
        }
    }
}

/// Injects the faults of the servers, and returns the servers in working order.
pub(super) async fn on_servers(
    mut servers: Servers,
    targets: Targets,
    faults: Vec<Fault>,
    mut when: Schedule,
) -> Result<Servers> {
    let (instances, recorder) = (&*targets.instances, &*targets.recorder);
    for fault in faults {
        if !when.comes(fault.due).await {
            break;
        }
        let from = Moment::now();
        match &fault.act {
            Act::Kill { away, dump } => kill(&servers, *away, *dump).await?,
            Act::Stop(time) => {
                servers.primary().pause()?;
                sleep(*time).await;
                servers.primary().resume()?;
            }
            Act::Flush(what) => servers.flush(*what).await,
            Act::Failover { crash: true, lag, .. } => crash(&mut servers, instances, *lag).await?,
            Act::Failover { lag, isolated, .. } => {
                depose(&mut servers, instances, recorder, *lag, *isolated).await?;
            }
            Act::KillBoth { victim, away, dump } => {
                let both = kill(&servers, *away, *dump);
                instances.restart(targets.instance(*victim), both).await?;
            }
            Act::Cut { .. }
            | Act::Blackhole { .. }
            | Act::Delay { .. }
            | Act::RestartInstance { .. }
            | Act::StopInstance { .. } => {}
        }
        servers.in_sync().await?;
        record(recorder, &fault, from);
    }
    Ok(servers)
}

/// Injects the faults of instances and of their connections to Redis.
pub(super) async fn on_instances(targets: Targets, faults: Vec<Fault>, mut when: Schedule) -> Result<()> {
    let instances = &*targets.instances;
    for fault in faults {
        if !when.comes(fault.due).await {
            break;
        }
        let from = Moment::now();
        match &fault.act {
            Act::Cut { instance, times, every } => {
                for _ in 0..*times {
                    instances.proxy(*instance).cut().await;
                    sleep(*every).await;
                }
            }
            Act::Blackhole { instances: cut_off, time } => {
                cut_off.iter().for_each(|instance| instances.proxy(*instance).blackhole());
                sleep(*time).await;
                cut_off.iter().for_each(|instance| instances.proxy(*instance).pass());
            }
            Act::Delay { instance, by, time } => {
                let proxy = instances.proxy(*instance);
                proxy.delay(Direction::ToServer, *by);
                proxy.delay(Direction::ToClient, *by);
                sleep(*time).await;
                proxy.pass();
            }
            Act::RestartInstance { victim, away } => {
                let pause = async {
                    sleep(*away).await;
                    Ok(())
                };
                instances.restart(targets.instance(*victim), pause).await?;
            }
            Act::StopInstance { victim, time } => {
                instances.stall(targets.instance(*victim), *time).await?;
            }
            Act::Kill { .. } | Act::KillBoth { .. } | Act::Stop(_) | Act::Flush(_) | Act::Failover { .. } => {
            }
        }
        record(&targets.recorder, &fault, from);
    }
    Ok(())
}

fn record(recorder: &Recorder, fault: &Fault, from: Moment) {
    let (kind, what) = (fault.act.kind().as_str(), format!("{:?}", fault.act));
    recorder.fault(InjectedFault { kind, what, from, until: Moment::now() });
}

async fn kill(servers: &Servers, away: Duration, dump: Option<Duration>) -> Result<()> {
    if let Some(age) = dump {
        servers.primary().command(&["SAVE"]).await?;
        sleep(age).await;
    }
    servers.primary().kill();
    sleep(away).await;
    servers.restart(dump.is_some()).await
}

/// Kills the primary, together with everything that it had not replicated.
async fn crash(servers: &mut Servers, instances: &Instances, lag: Option<Duration>) -> Result<()> {
    lose_suffix(servers, lag).await;
    servers.primary().kill();
    let deposed = servers.promote().await?;
    for instance in 0..instances.count() {
        point_to_primary(servers, instances, instance).await;
    }
    servers.rejoin(deposed, true).await
}

/// Deposes a running primary. One instance may stay connected to it for a while.
async fn depose(
    servers: &mut Servers,
    instances: &Instances,
    recorder: &Recorder,
    lag: Option<Duration>,
    isolated: Option<(usize, Duration)>,
) -> Result<()> {
    lose_suffix(servers, lag).await;
    let from = Moment::now();
    let deposed = servers.promote().await?;
    let isolation = isolated.map(|(instance, _)| instance);
    let mut moved = vec![from; instances.count()];
    for instance in (0..instances.count()).filter(|instance| Some(*instance) != isolation) {
        point_to_primary(servers, instances, instance).await;
        moved[instance] = Moment::now();
    }
    let mut until = None;
    if let Some((instance, time)) = isolated {
        let back = Instant::now() + time;
        while Instant::now() < back {
            if until.is_none() && !servers.takes_writes(&deposed).await {
                until = Some(Moment::now());
            }
            sleep(PROBE_INTERVAL).await;
        }
        point_to_primary(servers, instances, instance).await;
        moved[instance] = Moment::now();
    }
    // No instance can reach it anymore.
    let until = until.unwrap_or_else(Moment::now);
    recorder.two_primaries(TwoPrimaries { from, until, moved });
    servers.rejoin(deposed, false).await
}

async fn lose_suffix(servers: &Servers, lag: Option<Duration>) {
    if let Some(lag) = lag {
        servers.stop_replication();
        sleep(lag).await;
    }
}

async fn point_to_primary(servers: &Servers, instances: &Instances, instance: usize) {
    instances.proxy(instance).lead_to(servers.address());
    instances.proxy(instance).cut().await;
}
