//! The reference model, which takes the place of a database. It lives in the driver, and the
//! handlers of all instances access it over HTTP.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use http::{HeaderMap, Request, StatusCode};
use std::net::SocketAddr;

use crate::clock::Moment;
use crate::database::{self, Database, Fence, Row};
use crate::history::{History, LifeId, Run};
use crate::http_client::HttpClient;
use crate::item::{Family, Item};
use crate::wire;

/// The reference model of a run. Clones share its state.
#[derive(Debug, Clone)]
pub(crate) struct ReferenceModel(Arc<Mutex<Model>>);

#[derive(Debug)]
struct Model {
    random: fastrand::Rng,
    commits: Vec<Vec<Moment>>,
    /// In Unix seconds, for `Last-Modified`.
    modified: Vec<u64>,
    runs: Vec<Run>,
    /// The changes of the queued writes.
    database: Database,
}

impl ReferenceModel {
    pub(crate) fn new(seed: u64) -> Self {
        let items = Item::all().count();
        let held = Model {
            random: fastrand::Rng::with_seed(seed),
            commits: vec![Vec::new(); items],
            modified: vec![unix_seconds(); items],
            runs: Vec::new(),
            database: Database::default(),
        };
        Self(Arc::new(Mutex::new(held)))
    }

    /// Returns the service for the instances.
    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route("/read/{family}/{id}", post(read))
            .route("/commit/{family}/{id}", post(commit))
            .route("/transaction/{family}/{id}", post(transaction))
            .route("/flush", post(flush))
            .with_state(self.clone())
    }

    /// Adds the commits, the handler runs and the changes so far to the history of the driver.
    pub(crate) fn complete(&self, history: History) -> History {
        let held = self.lock();
        let (commits, runs) = (held.commits.clone(), held.runs.clone());
        let (changes, ignored) = (held.database.changes(), held.database.ignored());
        History { commits, runs, changes, ignored, ..history }
    }

    /// Returns the life whose sink committed last.
    pub(crate) fn last_reader(&self) -> Option<LifeId> {
        self.lock().database.last_reader()
    }

    /// Returns the current version of an item.
    pub(crate) fn version(&self, item: Item) -> u64 {
        self.lock().version(item)
    }

    fn lock(&self) -> MutexGuard<'_, Model> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model {
    /// Returns the version of an item, or the number of the queued write that the database has.
    fn version(&self, item: Item) -> u64 {
        match item.family.is_queued() {
            true => self.database.number(item),
            false => 1 + self.commits[item.index()].len() as u64,
        }
    }

    fn commit(&mut self, item: Item) -> u64 {
        self.commits[item.index()].push(Moment::now());
        self.modified[item.index()] = unix_seconds();
        self.version(item)
    }

    /// Draws how long a transaction takes up to its commit, or from there to its return.
    fn transaction_time(&mut self) -> Duration {
        let longest = if self.random.bool() { 100_000 } else { 10_000 };
        Duration::from_micros(self.random.u64(..longest))
    }

    /// Commits a batch of a sink, unless it fails.
    fn flush(&mut self, batch: &[Row], fence: Fence, life: LifeId) -> (Fate, u64) {
        let fate = match self.random.u8(..100) {
            0..3 => Fate::AnswerLost,
            3..6 => Fate::Rejected,
            6..9 => Fate::Unavailable,
            _ => Fate::Committed,
        };
        match fate {
            Fate::Committed | Fate::AnswerLost => (fate, self.database.commit(batch, fence, life)),
            Fate::Rejected | Fate::Unavailable => (fate, 0),
        }
    }

    /// Reads an item for a handler. The reply includes a delay, which makes some fills slow.
    fn read(&mut self, item: Item, life: LifeId) -> String {
        let version = self.version(item);
        let longest = if self.random.u8(..) < 64 { 200_000 } else { 20_000 };
        let delay = Duration::from_micros(self.random.u64(..longest));
        let fails = match item.family {
            Family::Failing => self.random.u8(..100) < 25,
            Family::Patient | Family::Values | Family::WriteBehind | Family::Operations => {
                self.random.u8(..100) < 10
            }
            _ => false,
        };
        let run = self.runs.len();
        self.runs.push(Run { life, item, version, began: Moment::now(), delay, fails });
        let modified = self.modified[item.index()];
        format!("{run} {version} {} {} {modified}", delay.as_micros(), u8::from(fails))
    }
}

/// The end of a transaction of a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Committed,
    /// It is committed, but the sink gets an error.
    AnswerLost,
    Rejected,
    Unavailable,
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

async fn read(
    State(reference_model): State<ReferenceModel>,
    Path((family, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    let item = format!("{family}/{id}").parse().map_err(|_| StatusCode::NOT_FOUND)?;
    Ok(reference_model.lock().read(item, life(&headers)?))
}

/// Returns the life that sent a request.
fn life(headers: &HeaderMap) -> Result<LifeId, StatusCode> {
    let life = wire::number(headers, wire::LIFE).and_then(|life| u32::try_from(life).ok());
    life.map(LifeId).ok_or(StatusCode::BAD_REQUEST)
}

/// Commits the batch of a sink. The reply has the number of changed rows, and a delay by which the
/// sink learns of the commit later.
async fn flush(
    State(reference_model): State<ReferenceModel>,
    headers: HeaderMap,
    batch: String,
) -> Result<String, StatusCode> {
    let batch = database::decode(&batch).ok_or(StatusCode::BAD_REQUEST)?;
    let fence = if headers.contains_key(wire::NO_FENCE) { Fence::Missing } else { Fence::Compares };
    let mut held = reference_model.lock();
    let (fate, rows) = held.flush(&batch, fence, life(&headers)?);
    let delay = held.transaction_time();
    match fate {
        Fate::Committed => Ok(format!("{rows} {}", delay.as_micros())),
        Fate::AnswerLost | Fate::Rejected => Err(StatusCode::INTERNAL_SERVER_ERROR),
        Fate::Unavailable => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn commit(
    State(reference_model): State<ReferenceModel>,
    Path((family, id)): Path<(String, String)>,
) -> Result<String, StatusCode> {
    let item = format!("{family}/{id}").parse().map_err(|_| StatusCode::NOT_FOUND)?;
    Ok(reference_model.lock().commit(item).to_string())
}

/// Commits like [`commit`], but takes its time before that. The reply includes a delay, by which
/// the writer learns of the commit later. So writes overlap, and end in another order than they
/// commit.
async fn transaction(
    State(reference_model): State<ReferenceModel>,
    Path((family, id)): Path<(String, String)>,
) -> Result<String, StatusCode> {
    let item = format!("{family}/{id}").parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let before = reference_model.lock().transaction_time();
    tokio::time::sleep(before).await;
    let mut held = reference_model.lock();
    let version = held.commit(item);
    Ok(format!("{version} {}", held.transaction_time().as_micros()))
}

/// An instance's access to the reference model.
#[derive(Debug, Clone)]
pub(crate) struct ReferenceClient {
    pub(crate) address: SocketAddr,
    pub(crate) life: u32,
    pub(crate) client: HttpClient,
}

/// A flush that the database did not confirm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlushFailure {
    pub(crate) is_unavailable: bool,
}

/// The reply to a handler.
pub(crate) struct Reported {
    pub(crate) run: u64,
    pub(crate) version: u64,
    pub(crate) delay: Duration,
    pub(crate) fails: bool,
    pub(crate) modified: Duration,
}

impl ReferenceClient {
    pub(crate) async fn read(&self, item: Item) -> Result<Reported> {
        let text = self.send("read", item).await?;
        let numbers: Vec<u64> = text.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [run, version, delay, fails, modified] = numbers[..] else {
            anyhow::bail!("the reference model cannot be read: {text}");
        };
        let (delay, modified) = (Duration::from_micros(delay), Duration::from_secs(modified));
        Ok(Reported { run, version, delay, fails: fails != 0, modified })
    }

    pub(crate) async fn commit(&self, item: Item) -> Result<u64> {
        Ok(self.send("commit", item).await?.parse()?)
    }

    /// Commits in a transaction that takes a while before and after the commit.
    pub(crate) async fn transaction(&self, item: Item) -> Result<u64> {
        let text = self.send("transaction", item).await?;
        let (version, delay) = text.split_once(' ').context("the reference model cannot be read")?;
        tokio::time::sleep(Duration::from_micros(delay.parse()?)).await;
        Ok(version.parse()?)
    }

    /// Commits a batch of queued writes. Returns the number of rows that it changed, after a while.
    ///
    /// # Errors
    /// If the batch may not be committed. The flag says whether the database is unavailable.
    pub(crate) async fn flush(&self, batch: &[Row], fence: Fence) -> Result<u64, FlushFailure> {
        let mut request =
            Request::post(format!("http://{}/flush", self.address)).header(wire::LIFE, self.life);
        if fence == Fence::Missing {
            request = request.header(wire::NO_FENCE, "1");
        }
        let failure = |is_unavailable| FlushFailure { is_unavailable };
        let answer = self.client.send_body(request, database::encode(batch)).await;
        let answer = answer.map_err(|_| failure(true))?;
        if answer.status != StatusCode::OK {
            return Err(failure(answer.status == StatusCode::SERVICE_UNAVAILABLE));
        }
        let numbers = answer.text().split_once(' ');
        let numbers = numbers.and_then(|(rows, delay)| Some((rows.parse().ok()?, delay.parse().ok()?)));
        let (rows, delay) = numbers.ok_or(failure(false))?;
        tokio::time::sleep(Duration::from_micros(delay)).await;
        Ok(rows)
    }

    async fn send(&self, what: &str, item: Item) -> Result<String> {
        let uri = format!("http://{}/{what}/{item}", self.address);
        let answer = self.client.send(Request::post(uri).header(wire::LIFE, self.life)).await;
        let answer = answer.context("the reference model cannot be reached")?;
        anyhow::ensure!(answer.status == StatusCode::OK, "the reference model answered {}", answer.status);
        Ok(answer.text().to_owned())
    }
}
