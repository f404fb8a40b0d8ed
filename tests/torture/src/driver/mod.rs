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
use http::header::HOST;
use http::{Request as HttpRequest, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use self::inject::{Schedule, Targets};
use self::instances::Instances;
use self::recorder::Recorder;
use self::servers::Servers;
use crate::check::check;
use crate::history::History;
use crate::http_client::HttpClient;
use crate::instance::broken::Rule;
use crate::item::{Family, Item};
use crate::plan::{Action, Plan, QueueDurability, Request, Shape};
use crate::reference_model::ReferenceModel;
use crate::wire;

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
    /// How durable queued writes are. `None` if there is no queue.
    pub durability: Option<QueueDurability>,
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
    /// The writes that the queue still had after all faults were over, if it was not empty in time.
    pub left_in_queue: Option<String>,
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

        let servers =
            Servers::start(self.durability.is_some()).await.context("cannot start the redis-servers")?;
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
        let targets = Targets {
            instances: Arc::clone(&instances),
            recorder: Arc::clone(&recorder),
            reference_model: reference_model.clone(),
        };
        let faults = inject::on_servers(servers, targets.clone(), plan.server_faults, when.clone());
        let server_faults = tokio::spawn(faults);
        let instance_faults = tokio::spawn(inject::on_instances(targets, plan.instance_faults, when));
        tokio::select! {
            () = requests => {}
            () = self.violated(&recorder, &reference_model) => {}
        }
        end.send_replace(true);
        // Both must live until the last read: the servers and the connections to them.
        let _servers = server_faults.await??;
        instance_faults.await??;
        let still_refusing = load.recovers(self.shape.instances).await;
        let left_in_queue = match self.durability {
            Some(_) => load.drains().await,
            None => None,
        };
        load.settle(self.durability.is_some()).await;
        for task in probing {
            task.abort();
        }
        serving.abort();
        let instance_down = recorder.instance_down();
        let history = reference_model.complete(recorder.history());
        Ok(Outcome { history, instance_down, still_refusing, left_in_queue })
    }

    /// Completes after a violation. Never completes unless `until_violation` is set.
    async fn violated(&self, recorder: &Recorder, reference_model: &ReferenceModel) {
        if !self.until_violation {
            return std::future::pending().await;
        }
        loop {
            sleep(Duration::from_secs(1)).await;
            // The changes before the writes, so that each change has its write in the history. The
            // commits after the reads, for the same reason.
            let changes = reference_model.complete(History::default()).changes;
            let history = History { changes, ..reference_model.complete(recorder.history()) };
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

    /// Waits until the queue is empty. Returns what it still has if that takes too long, or if a
    /// write is in quarantine.
    async fn drains(&self) -> Option<String> {
        let mut last = String::new();
        let empty = async {
            while last != "0 0" {
                sleep(Duration::from_millis(50)).await;
                last = self.queue_size().await.unwrap_or_else(|error| format!("{error:#}"));
            }
        };
        let in_time = timeout(RECOVERY, empty).await.is_ok();
        if in_time {
            self.recorder.drained();
        }
        (!in_time).then_some(last)
    }

    async fn queue_size(&self) -> Result<String> {
        let endpoint = self.instances.endpoint(0).context("instance 0 is down")?;
        let uri = format!("http://{}/queue", endpoint.address);
        let answer = self.client.send(HttpRequest::get(uri).header(HOST, wire::HOST)).await?;
        anyhow::ensure!(answer.status == StatusCode::OK, "the queue cannot be asked: {}", answer.status);
        Ok(answer.text().to_owned())
    }

    /// Reads every item on every instance once more, after all promises are due.
    async fn settle(&self, is_queued: bool) {
        sleep(self.recorder.max_staleness()).await;
        for instance in 0..self.instances.count() {
            for item in Item::all().filter(|item| item.family.is_queued() == is_queued) {
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
