//! `GET` and `SET` of the server alone, as redis-benchmark measures them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::Expiration;
use tokio::time::timeout;

use crate::bench::bench_report::{Row, RowShape};
use crate::bench::load_loop::{Until, run};
use crate::bench::plan::Plan;
use crate::cli_error::CliError;
use crate::redis_link::connect;
use crate::scratch::{EXPIRY, Namespace};
use crate::target::RedisTarget;

/// The names of all keys, and the value that they have.
struct Values {
    names: Vec<String>,
    value: Bytes,
}

/// Measures with one operation on each of many connections, and then with many on one connection.
pub(super) async fn measure(
    target: &RedisTarget,
    namespace: &Namespace,
    plan: &Plan,
) -> Result<Vec<Row>, CliError> {
    let mut clients = Vec::new();
    for _ in 0..plan.tasks {
        clients.push(connect(target, plan.command_limit()).await?);
    }
    let values = Arc::new(Values::new(namespace, plan)?);
    fill(&clients, &values, plan).await?;
    let one = clients.first().cloned().into_iter().cycle();
    let shared: Vec<Client> = one.take(clients.len()).collect();
    let mut rows = Vec::new();
    let groups = [
        (&clients, RowShape { connections: plan.tasks, in_flight: 1 }),
        (&shared, RowShape { connections: 1, in_flight: plan.tasks }),
    ];
    for (clients, shape) in groups {
        let load = run(operations(clients, &values, get), plan.keys, &Until::time(plan.time)).await?;
        rows.push(Row::new("redis", "GET", Some(shape), &load));
        let load = run(operations(clients, &values, set), plan.keys, &Until::time(plan.time)).await?;
        rows.push(Row::new("redis", "SET", Some(shape), &load));
    }
    for client in &clients {
        let _ = timeout(Duration::from_millis(500), client.quit()).await;
    }
    Ok(rows)
}

async fn fill(clients: &[Client], values: &Arc<Values>, plan: &Plan) -> Result<(), CliError> {
    let until = Until::each_key_once(Duration::from_secs(30), plan.keys);
    let load = run(operations(clients, values, set), plan.keys, &until).await?;
    match load.failed {
        0 => Ok(()),
        failed => Err(CliError::failed(format!("{failed} of {} keys cannot be written", plan.keys))),
    }
}

/// Returns an operation for each client.
fn operations<A, F>(clients: &[Client], values: &Arc<Values>, act: A) -> Vec<impl Fn(u64) -> F + use<A, F>>
where
    A: Fn(Client, Arc<Values>, u64) -> F + Copy,
{
    let operation = |client: &Client| {
        let (client, values) = (client.clone(), Arc::clone(values));
        move |index| act(client.clone(), Arc::clone(&values), index)
    };
    clients.iter().map(operation).collect()
}

async fn get(client: Client, values: Arc<Values>, index: u64) -> bool {
    let answer: Result<Option<Bytes>, _> = client.get(values.name(index)).await;
    answer.is_ok_and(|value| value.is_some_and(|value| value.len() == values.value.len()))
}

async fn set(client: Client, values: Arc<Values>, index: u64) -> bool {
    let expiry = Some(Expiration::PX(i64::try_from(EXPIRY.as_millis()).unwrap_or(i64::MAX)));
    let answer: Result<(), _> =
        client.set(values.name(index), values.value.clone(), expiry, None, false).await;
    answer.is_ok()
}

impl Values {
    fn new(namespace: &Namespace, plan: &Plan) -> Result<Self, CliError> {
        let length = usize::try_from(plan.bytes).map_err(|error| CliError::usage(error.to_string()))?;
        let names = (0..plan.keys).map(|index| namespace.response(&format!("{{raw:{index}}}"))).collect();
        Ok(Self { names, value: Bytes::from(vec![b'x'; length]) })
    }

    fn name(&self, index: u64) -> &str {
        let index = usize::try_from(index).unwrap_or_default();
        self.names.get(index).map_or("", String::as_str)
    }
}
