//! The driver: starts everything, sends the requests, inflicts the faults and writes the history.

mod inject;
mod instances;
mod load;
mod probe;
mod recorder;
mod servers;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use self::inject::Schedule;
use self::instances::Instances;
use self::recorder::Recorder;
use self::servers::Servers;
use crate::check::check;
use crate::history::History;
use crate::http_client::HttpClient;
use crate::instance::broken::Rule;
use crate::item::{Family, Item};
use crate::plan::{Action, Plan, Request, Shape};
use crate::reference_model::ReferenceModel;

/// A run that is yet to be made.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs)]
pub struct Driver {
    /// What the instances are processes of: this very program.
    pub program: PathBuf,
    /// What is going to happen.
    pub shape: Shape,
    /// The bound that the instances keep.
    pub max_staleness: Duration,
    /// The rule that the instances do not keep.
    pub breaks: Option<Rule>,
    /// Whether to end as soon as a promise was broken.
    pub until_violation: bool,
}

/// What came of a run.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Outcome {
    /// All that was recorded.
    pub history: History,
    /// Requests that were due while their instance was not running.
    pub instance_down: usize,
    /// Instances that did not answer from memory again once all faults were over (P3).
    pub still_refusing: Vec<usize>,
}

/// How long an instance may take to be of use again. Far more than it takes, so that a slow machine
/// fails nothing.
const RECOVERY: Duration = Duration::from_secs(60);

impl Driver {
    /// Makes the run.
    ///
    /// # Errors
    ///
    /// If servers or instances cannot be started, or a fault cannot be inflicted: never because of
    /// what the instances do.
    pub async fn run(&self) -> Result<Outcome> {
        let plan = Plan::draw(&self.shape);
        let reference_model = ReferenceModel::new(self.shape.seed);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let routes = reference_model.routes();
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await });

        let servers = Servers::start().await.context("cannot start the redis-servers")?;
        let recorder = Arc::new(Recorder::new(self.max_staleness));
        let instances =
            Arc::new(Instances::start(self, address, servers.address(), Arc::clone(&recorder)).await?);
        let probing = probe::start(&instances, &recorder);

        let load = Load {
            instances: Arc::clone(&instances),
            recorder: Arc::clone(&recorder),
            reference_model: reference_model.clone(),
            client: HttpClient::default(),
        };
        let (end, over) = watch::channel(false);
        let when = Schedule { begun: Instant::now(), over };
        let requests = load.send(plan.requests, when.begun);
        let (faults, held) = (plan.server_faults, (Arc::clone(&instances), Arc::clone(&recorder)));
        let server_faults = tokio::spawn(inject::on_servers(servers, held.0, held.1, faults, when.clone()));
        let (faults, held) = (plan.instance_faults, (Arc::clone(&instances), Arc::clone(&recorder)));
        let instance_faults = tokio::spawn(inject::on_instances(held.0, held.1, faults, when));
        tokio::select! {
            () = requests => {}
            () = self.violated(&recorder, &reference_model) => {}
        }
        end.send_replace(true);
        // Both hold what must not end before the last read: the servers and the way to them.
        let _servers = server_faults.await??;
        instance_faults.await??;
        let still_refusing = load.recovers(self.shape.instances).await;
        load.settle().await;
        for task in probing {
            task.abort();
        }
        serving.abort();
        let instance_down = recorder.instance_down();
        let (commits, runs) = reference_model.recorded();
        Ok(Outcome {
            history: History { commits, runs, ..recorder.history() },
            instance_down,
            still_refusing,
        })
    }

    /// Ends when a promise was broken; never if nobody asked for that.
    async fn violated(&self, recorder: &Recorder, reference_model: &ReferenceModel) {
        if !self.until_violation {
            return std::future::pending().await;
        }
        loop {
            sleep(Duration::from_secs(1)).await;
            let (history, (commits, runs)) = (recorder.history(), reference_model.recorded());
            let history = History { commits, runs, ..history };
            if !check(&history).is_empty() {
                return;
            }
        }
    }
}

/// Sends requests and records them.
#[derive(Clone)]
struct Load {
    instances: Arc<Instances>,
    recorder: Arc<Recorder>,
    reference_model: ReferenceModel,
    client: HttpClient,
}

impl Load {
    /// P3: "once faults are over, what is filled is served".
    async fn recovers(&self, instances: usize) -> Vec<usize> {
        let mut still_refusing = Vec::new();
        for instance in 0..instances {
            let hits = async {
                while !self.hits(instance).await {
                    sleep(Duration::from_millis(20)).await;
                }
            };
            if timeout(RECOVERY, hits).await.is_err() {
                still_refusing.push(instance);
            }
        }
        still_refusing
    }

    async fn hits(&self, instance: usize) -> bool {
        let item = Item { family: Family::Tag, id: 0 };
        self.now(instance, item).await;
        self.recorder.last_outcome_was_hit()
    }

    /// Reads everything everywhere once more, now that whatever was promised has come due.
    async fn settle(&self) {
        sleep(self.recorder.max_staleness()).await;
        for instance in 0..self.instances.count() {
            for item in Item::all() {
                self.now(instance, item).await;
            }
        }
    }

    async fn now(&self, instance: usize, item: Item) {
        let action = Action::Read { language: "en", conditional: false };
        let request = Request { due: Duration::ZERO, instance, item, action };
        self.one(request).await;
    }
}

/// What this program is, for its instances.
///
/// # Errors
///
/// If the system does not say.
pub fn this_program() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    if !program.exists() {
        bail!("{} is gone: was it built anew meanwhile?", program.display());
    }
    Ok(program)
}
