//! The driver. It starts everything, sends the requests, injects the faults and records the
//! history.

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

/// A run that has not started yet.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs)]
pub struct Driver {
    /// The program of the instances, which is this program.
    pub program: PathBuf,
    /// The plan's parameters.
    pub shape: Shape,
    /// The bound that the instances keep.
    pub max_staleness: Duration,
    /// The rule that the instances break.
    pub breaks: Option<Rule>,
    /// Whether to stop at the first violation.
    pub until_violation: bool,
}

/// The result of a run.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Outcome {
    /// Everything that was recorded.
    pub history: History,
    /// The number of requests that found their instance down.
    pub instance_down: usize,
    /// Instances that did not answer from memory again after all faults were over (P3).
    pub still_refusing: Vec<usize>,
}

/// How long an instance may take to recover. This is far more than it needs, so that a slow machine
/// fails no run.
const RECOVERY: Duration = Duration::from_secs(60);

impl Driver {
    /// Executes the run.
    ///
    /// # Errors
    ///
    /// Fails if servers or instances cannot be started, or if a fault cannot be injected. The
    /// behavior of the instances never causes an error.
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
        // Both must live until the last read: the servers and the connections to them.
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

    /// Completes after a violation. Never completes unless `until_violation` is set.
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

/// Sends requests and records the results.
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

    /// Reads every item on every instance once more, after all promises are due.
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

/// Returns the path of this program, for its instances.
///
/// # Errors
///
/// Fails if the system does not know it.
pub fn this_program() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    if !program.exists() {
        bail!("{} is gone: was it rebuilt during the run?", program.display());
    }
    Ok(program)
}
