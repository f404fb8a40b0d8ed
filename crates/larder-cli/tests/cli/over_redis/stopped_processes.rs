//! An instance whose process is stopped or killed, as the fleet shows it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use larder::Cache;
use larder::redis::RedisStore;
use larder_testing::RedisServer;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::site::{Site, eventually};
use crate::support::Application;

const SIGHTS: &str = "larder:{larder:log}:sights";
const RECORDS: &str = "larder:{larder:log}:instances";
/// The variable with the address of Redis, for the process of the instance.
const REDIS: &str = "LARDER_TEST_REDIS";
/// The output of that process, before its id in the fleet.
const INSTANCE: &str = "instance ";

/// Not a test: the process that the next test stops and kills.
#[tokio::test]
#[ignore = "the next test starts it as a process of its own"]
async fn process_with_an_instance() {
    let store = RedisStore::builder(&std::env::var(REDIS).unwrap()).command_timeout(Duration::from_secs(10));
    let cache = Cache::builder().shared_store(store.connect().unwrap()).build();
    println!("{INSTANCE}{}", cache.instance_id());
    std::future::pending::<()>().await;
}

/// An instance in a process of its own, which is killed when dropped.
struct Process {
    child: Child,
    /// Its id in the fleet.
    id: String,
}

impl Process {
    async fn start(redis: &RedisServer) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let test = "over_redis::stopped_processes::process_with_an_instance";
        command.args(["--exact", test, "--ignored", "--nocapture"]).env(REDIS, redis.url());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut process = Self { child, id: String::new() };
        let id = move || lines.find_map(|line| Some(line.split_once(INSTANCE)?.1.to_owned()));
        process.id = tokio::task::spawn_blocking(id).await.unwrap().unwrap();
        process
    }

    fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Stops the process, and waits until Redis has executed what it had sent before.
    async fn stop(&self, redis: &RedisServer) {
        self.send(Signal::STOP);
        let pid = self.child.id().to_string();
        eventually("it is stopped", async || {
            let state = Command::new("ps").args(["-o", "stat=", "-p", &pid]).output().unwrap();
            state.stdout.starts_with(b"T")
        })
        .await;
        redis.command(&["PING"]).await.unwrap();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Another instance, and all that shows the fleet.
struct Fleet {
    site: Site,
    app: Application,
}

impl Fleet {
    async fn new() -> Self {
        let site = Site::new().await;
        let app = Application::with_redis(&site.redis).await;
        // The connection for the list may open after that for the log.
        eventually("the list is there", async || app.cache.instances().await.is_ok()).await;
        Self { site, app }
    }

    /// Returns the state of an instance in the library, in the admin API and in `larder instances`.
    async fn states_of(&self, id: &str) -> [Option<String>; 3] {
        let listed = self.app.cache.instances().await.unwrap();
        let own =
            listed.iter().find(|one| one.record.id.to_string() == id).map(|one| one.state().to_string());
        let in_answer = |answer: &Value| {
            let one = answer["instances"].as_array().unwrap().iter().find(|one| one["id"] == id)?.clone();
            Some(one["state"].as_str().unwrap().to_owned())
        };
        // With `--json`, the program prints the answer of the API.
        let api = self.app.program().line("instances --json").run().await.json();
        [own, in_answer(&api), in_answer(&self.site.json(&["instances"]).await)]
    }

    /// Returns what the application and `larder advise` over Redis say about an instance.
    async fn advice_about(&self, id: &str) -> [Option<String>; 2] {
        let subject = format!("instance {id}");
        let own = self.app.cache.advice().await;
        let own = own.iter().find(|one| one.subject == subject).map(|one| one.kind.to_string());
        let all = self.site.json(&["advise"]).await;
        let one = all.as_array().unwrap().iter().find(|one| one["subject"] == subject.as_str());
        [own, one.map(|one| one["kind"].as_str().unwrap().to_owned())]
    }

    async fn until(&self, id: &str, state: &str) {
        let is_so = async || self.states_of(id).await.iter().all(|one| one.as_deref() == Some(state));
        eventually(&format!("the instance is {state}"), is_so).await;
    }

    /// Makes the last sight of an instance older. The clock that counts is that of Redis.
    async fn age_sight(&self, id: &str, millis: u32) {
        let millis = format!("-{millis}");
        self.site.redis.command(&["ZINCRBY", SIGHTS, &millis, id]).await.unwrap();
    }
}

#[tokio::test]
async fn a_stopped_process_is_silent_until_it_continues_and_a_killed_one_is_forgotten() {
    let fleet = Fleet::new().await;
    let mut process = Process::start(&fleet.site.redis).await;
    let id = process.id.clone();
    let silent = || [const { Some("silent") }; 3].map(|state| state.map(str::to_owned));
    fleet.until(&id, "following").await;

    process.stop(&fleet.site.redis).await;
    fleet.age_sight(&id, 15_000).await;
    assert_eq!(fleet.states_of(&id).await, silent());
    let table = fleet.site.run(&["instances"]).await.out;
    assert!(table.lines().any(|line| line.contains(&id) && line.contains("silent")), "{table}");
    assert_eq!(
        fleet.advice_about(&id).await,
        ["instance-silent", "instance-silent"].map(|kind| Some(kind.to_owned()))
    );
    process.send(Signal::CONT);
    eventually("the instance is following again", async || {
        let states = fleet.states_of(&id).await;
        assert!(states.iter().all(Option::is_some), "it was forgotten: {states:?}");
        states.iter().all(|state| state.as_deref() == Some("following"))
    })
    .await;
    assert_eq!(fleet.advice_about(&id).await, [const { None }; 2]);

    process.kill();
    fleet.age_sight(&id, 15_000).await;
    assert_eq!(fleet.states_of(&id).await, silent());
    fleet.age_sight(&id, 45_001).await;
    assert_eq!(fleet.states_of(&id).await, [const { None }; 3]);
    eventually("its record is removed", async || {
        let record = fleet.site.redis.command(&["HEXISTS", RECORDS, &id]).await.unwrap();
        record.as_integer() == Some(0)
    })
    .await;
    assert_eq!(fleet.app.cache.instances().await.unwrap().len(), 1);
}
