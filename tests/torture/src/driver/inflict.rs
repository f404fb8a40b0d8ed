//! Inflicting the faults.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use larder_testing::Direction;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::book::Book;
use super::fleet::Fleet;
use super::servers::Servers;
use crate::clock::Moment;
use crate::history::{Inflicted, TwoPrimaries};
use crate::plan::{Act, Fault};

/// How often a deposed primary is asked whether it still takes writes.
const ASKED: Duration = Duration::from_millis(10);

/// The time of a run, which may be over before it is up.
#[derive(Clone)]
pub(super) struct When {
    pub(super) begun: Instant,
    pub(super) over: watch::Receiver<bool>,
}

impl When {
    /// Waits until it is this late; `false` if the run is over before.
    async fn comes(&mut self, due: Duration) -> bool {
        tokio::select! {
            biased;
            _ = self.over.wait_for(|over| *over) => false,
            () = sleep_until(self.begun + due) => true,
        }
    }
}

/// Inflicts what goes wrong with the servers, and gives them back in good order.
pub(super) async fn on_servers(
    mut servers: Servers,
    fleet: Arc<Fleet>,
    book: Arc<Book>,
    faults: Vec<Fault>,
    mut when: When,
) -> Result<Servers> {
    for fault in faults {
        if !when.comes(fault.due).await {
            break;
        }
        let from = Moment::now();
        match &fault.act {
            Act::Kill { away, dump } => kill(&servers, *away, *dump).await?,
            Act::Stop(time) => {
                servers.primary().stop()?;
                sleep(*time).await;
                servers.primary().cont()?;
            }
            Act::Flush(what) => servers.flush(*what).await,
            Act::Failover { crash: true, lag, .. } => crash(&mut servers, &fleet, *lag).await?,
            Act::Failover { lag, isolated, .. } => {
                depose(&mut servers, &fleet, &book, *lag, *isolated).await?;
            }
            Act::Cut { .. } | Act::Blackhole { .. } | Act::Delay { .. } | Act::RestartInstance { .. } => {}
        }
        servers.in_sync().await?;
        told(&book, &fault, from);
    }
    Ok(servers)
}

/// Inflicts what goes wrong with instances and their ways to Redis.
pub(super) async fn on_instances(
    fleet: Arc<Fleet>,
    book: Arc<Book>,
    faults: Vec<Fault>,
    mut when: When,
) -> Result<()> {
    for fault in faults {
        if !when.comes(fault.due).await {
            break;
        }
        let from = Moment::now();
        match &fault.act {
            Act::Cut { instance, times, every } => {
                for _ in 0..*times {
                    fleet.proxy(*instance).cut().await;
                    sleep(*every).await;
                }
            }
            Act::Blackhole { instances, time } => {
                instances.iter().for_each(|instance| fleet.proxy(*instance).blackhole());
                sleep(*time).await;
                instances.iter().for_each(|instance| fleet.proxy(*instance).pass());
            }
            Act::Delay { instance, by, time } => {
                let proxy = fleet.proxy(*instance);
                proxy.delay(Direction::ToServer, *by);
                proxy.delay(Direction::ToClient, *by);
                sleep(*time).await;
                proxy.pass();
            }
            Act::RestartInstance { instance, away } => {
                fleet.kill(*instance).await?;
                sleep(*away).await;
                fleet.begin(*instance).await?;
            }
            Act::Kill { .. } | Act::Stop(_) | Act::Flush(_) | Act::Failover { .. } => {}
        }
        told(&book, &fault, from);
    }
    Ok(())
}

fn told(book: &Book, fault: &Fault, from: Moment) {
    let (kind, what) = (fault.act.kind().as_str(), format!("{:?}", fault.act));
    book.fault(Inflicted { kind, what, from, until: Moment::now() });
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

/// The primary dies, and what it had not yet given to its replicas with it.
async fn crash(servers: &mut Servers, fleet: &Fleet, lag: Option<Duration>) -> Result<()> {
    lose_suffix(servers, lag).await;
    servers.primary().kill();
    let deposed = servers.promote().await?;
    for instance in 0..fleet.instances() {
        lead(servers, fleet, instance).await;
    }
    servers.rejoin(deposed, true).await
}

/// The primary is deposed while it lives. One instance may not hear of it for a while.
async fn depose(
    servers: &mut Servers,
    fleet: &Fleet,
    book: &Book,
    lag: Option<Duration>,
    isolated: Option<(usize, Duration)>,
) -> Result<()> {
    lose_suffix(servers, lag).await;
    let from = Moment::now();
    let deposed = servers.promote().await?;
    let isolation = isolated.map(|(instance, _)| instance);
    let mut moved = vec![from; fleet.instances()];
    for instance in (0..fleet.instances()).filter(|instance| Some(*instance) != isolation) {
        lead(servers, fleet, instance).await;
        moved[instance] = Moment::now();
    }
    let mut until = None;
    if let Some((instance, time)) = isolated {
        let back = Instant::now() + time;
        while Instant::now() < back {
            if until.is_none() && !servers.takes_writes(&deposed).await {
                until = Some(Moment::now());
            }
            sleep(ASKED).await;
        }
        lead(servers, fleet, instance).await;
        moved[instance] = Moment::now();
    }
    // Nobody can reach it any more.
    let until = until.unwrap_or_else(Moment::now);
    book.two_primaries(TwoPrimaries { from, until, moved });
    servers.rejoin(deposed, false).await
}

async fn lose_suffix(servers: &Servers, lag: Option<Duration>) {
    if let Some(lag) = lag {
        servers.stop_replication();
        sleep(lag).await;
    }
}

async fn lead(servers: &Servers, fleet: &Fleet, instance: usize) {
    fleet.proxy(instance).lead_to(servers.address());
    fleet.proxy(instance).cut().await;
}
