//! Two shops under load, the Redis and the database that they share, and a Prometheus.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use larder_testing::RedisServer;

use crate::panels::panels;
use crate::process::{Folder, Shop, listening, start_with};
use crate::server::Prometheus;
use crate::short_times::{config, rules};

/// How long the test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long an alert does not fire before its fault.
const QUIET: Duration = Duration::from_secs(10);

/// Everything that runs. The fields end in this order.
pub(crate) struct Site {
    pub(crate) prometheus: Prometheus,
    pub(crate) shops: [Arc<Shop>; 2],
    pub(crate) redis: RedisServer,
    pub(crate) folder: Folder,
}

impl Site {
    /// Starts everything, with clients of the demo. The memory of the shops is too small for what
    /// these ask for.
    pub(crate) async fn start() -> Self {
        let folder = Folder::new("prometheus");
        let redis = RedisServer::builder().config("maxmemory 256mb").config("maxmemory-policy volatile-lfu");
        let redis = redis.start().await.unwrap();
        let url = redis.url();
        let options = ["--redis", &url, "--demo-load", "--memory-bytes", "100000"];
        let options = [&options[..], &["--cart-durability", "memory"]].concat();
        let shops = [(); 2].map(|()| Arc::new(listening(start_with(folder.database(), &options))));
        let file = folder.database().with_file_name("prometheus.yml");
        std::fs::write(file.with_file_name("alerts.yml"), rules()).unwrap();
        std::fs::write(&file, config(shops.each_ref().map(|shop| &*shop.addr))).unwrap();
        let prometheus = Prometheus::start(&file);
        let site = Self { prometheus, shops, redis, folder };
        let both = "count(count by (instance) (larder_requests_total)) == 2";
        assert!(until(async || !site.prometheus.query(both).is_empty()).await, "a shop is not scraped");
        site
    }

    /// Waits until each query of these panels has had data. Some things happen only now and then.
    pub(crate) async fn until_data(&self, is_wanted: impl Fn(&str) -> bool) {
        let titles = panels(&self.prometheus).into_iter().map(|panel| panel.title);
        let mut empty: BTreeSet<_> = titles.filter(|title| is_wanted(title)).collect();
        assert!(!empty.is_empty());
        let have_data = until(async || {
            let panels = panels(&self.prometheus).into_iter();
            for panel in panels.filter(|panel| panel.has_data(&self.prometheus)) {
                empty.remove(&panel.title);
            }
            empty.is_empty()
        });
        assert!(have_data.await, "these panels have no data: {empty:?}");
    }

    /// Waits until none of these alerts has fired for some time.
    ///
    /// On a busy machine, an alert may tell the truth without a fault of the test: Redis was slow.
    pub(crate) async fn until_quiet(&self, alerts: &[&str]) {
        let mut fired = Vec::new();
        let is_quiet = until(async || {
            fired = self.prometheus.fired_within(QUIET);
            fired.retain(|labels| alerts.iter().any(|alert| labels["alertname"] == *alert));
            fired.is_empty()
        });
        assert!(is_quiet.await, "these fire without a fault: {fired:?}");
    }

    /// Waits until all of these alerts fire at once.
    pub(crate) async fn until_firing(&self, alerts: &[&str]) {
        let mut firing = BTreeSet::new();
        let fires = until(async || {
            firing = self.prometheus.firing();
            alerts.iter().all(|alert| firing.contains(*alert))
        });
        assert!(fires.await, "expected {alerts:?}, and these fire: {firing:?}");
    }
}

/// Polls until the condition holds. Returns false if it does not hold in time.
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) -> bool {
    let began = Instant::now();
    while !holds().await {
        if began.elapsed() > PATIENCE {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    true
}

/// A client that sends requests to a shop, one after the other, until it is dropped.
pub(crate) struct Client {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A request: its method, its path and its body.
pub(crate) type Request = (&'static str, String, &'static str);

impl Client {
    /// Starts the client. `request` makes the request with this number.
    pub(crate) fn start(shop: &Arc<Shop>, request: impl Fn(u32) -> Request + Send + 'static) -> Self {
        let (shop, stop) = (Arc::clone(shop), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for number in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // Not every request succeeds while something is wrong.
                let _ = send(&shop, &request(number));
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

/// Sends a request, and reads the response to its end.
fn send(shop: &Shop, (method, path, body): &Request) -> io::Result<u64> {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(&shop.addr)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request.as_bytes())?;
    io::copy(&mut stream, &mut io::sink())
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
