//! The load of one Redis while many instances wait for one fill.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use larder::Cache;
use larder::values::Values;
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::quantile::Times;
use crate::redis::Counts;

/// The durations of the fill.
const FILLS: [Duration; 3] = [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5)];
const ROUNDS: u32 = 5;

const HEAD: &str = "\
| instances | fill | fills | commands a second | of it in scripts | Redis: processor | found after its end p50 / p99 / max |
| ---: | ---: | ---: | ---: | ---: | ---: | --- |";

pub(crate) async fn table(instances: usize) -> Result<()> {
    println!("## Instances that wait for one fill\n\n{HEAD}");
    let server = RedisServer::start().await?;
    let mut waiting = Vec::new();
    for _ in 0..instances {
        waiting.push(start(&server)?);
    }
    // Until each of them has connected and announced itself.
    sleep(Duration::from_secs(7)).await;
    for (number, fill) in (0..).zip(FILLS) {
        println!("{}", measure(&server, &waiting, fill, number).await?);
    }
    println!();
    Ok(())
}

/// Starts an instance. It is patient, so that a busy machine makes no command fail.
fn start(server: &RedisServer) -> Result<Names> {
    let store = RedisStore::builder(&server.url()).command_timeout(Duration::from_secs(10)).connect()?;
    Ok(Cache::builder().shared_store(store).build().values("product").build()?)
}

type Names = Values<u32, String>;

async fn measure(server: &RedisServer, instances: &[Names], fill: Duration, number: u32) -> Result<String> {
    let (mut late, mut cpu, mut commands, mut scripts) = (Vec::new(), 0.0, 0.0, 0.0);
    let fills = Arc::new(AtomicU32::new(0));
    for round in 0..ROUNDS {
        let before = Counts::read(server).await?;
        let (ended, found) = load_everywhere(instances, number * ROUNDS + round, fill, &fills).await?;
        let counts = Counts::read(server).await?.since(before);
        late.extend(found.into_iter().map(|at| at.saturating_duration_since(ended)));
        (cpu, commands) = (cpu + counts.cpu, commands + counts.commands);
        scripts += counts.scripts;
        sleep(Duration::from_millis(300)).await;
    }
    let seconds = fill.as_secs_f64() * f64::from(ROUNDS);
    Ok(format!(
        "| {} | {} ms | {} | {:.0}/s | {:.0}/s | {:.1} % | {} ms |",
        instances.len(),
        fill.as_millis(),
        fills.load(Ordering::Relaxed),
        commands / seconds,
        scripts / seconds,
        cpu / seconds * 100.0,
        Times::new(late).label(),
    ))
}

/// Loads one key on all instances. Returns when the fill ended, and when each other instance had
/// its value.
async fn load_everywhere(
    instances: &[Names],
    key: u32,
    fill: Duration,
    fills: &Arc<AtomicU32>,
) -> Result<(Instant, Vec<Instant>)> {
    let mut loads = JoinSet::new();
    for names in instances {
        let (names, fills) = (names.clone(), Arc::clone(fills));
        loads.spawn(async move {
            let mut ended = None;
            let load = async || {
                sleep(fill).await;
                fills.fetch_add(1, Ordering::Relaxed);
                ended = Some(Instant::now());
                Ok::<_, Infallible>(Some("x".to_owned()))
            };
            let loaded = names.get_or_load(&key, load).await;
            (loaded.is_ok(), ended, Instant::now())
        });
    }
    let (mut ended, mut found) = (None, Vec::new());
    for (is_loaded, own_end, at) in loads.join_all().await {
        ensure!(is_loaded, "a load failed");
        match own_end {
            Some(own_end) => ended = Some(own_end),
            None => found.push(at),
        }
    }
    Ok((ended.context("nothing was loaded")?, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_instance_loads_and_the_others_find_its_value() {
        let server = RedisServer::start().await.unwrap();
        let instances: Vec<Names> = (0..3).map(|_| start(&server).unwrap()).collect();
        sleep(Duration::from_millis(500)).await;
        let fills = Arc::default();
        let (_, found) = load_everywhere(&instances, 7, Duration::from_millis(100), &fills).await.unwrap();
        assert_eq!((fills.load(Ordering::Relaxed), found.len()), (1, 2));
    }
}
