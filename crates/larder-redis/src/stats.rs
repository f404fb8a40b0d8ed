//! Reading the statistics of the servers.

use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::config::{Options, Server};
use fred::types::{ClusterHash, CustomCommand, Value};
use larder_core::join::join_all;
use larder_core::monitoring::StoreStats;
use larder_core::store::StoreError;

use crate::patience::{backstop, wait_within};
use crate::reply::{number, parts, text};
use crate::server_info::{self, SECTIONS};
use crate::store::{Inner, RedisStore};

/// The maximum number of servers whose statistics are read.
///
/// Of a cluster with more primaries, the first ones count. [`StoreStats::servers`] shows it.
const MAX_SERVERS: usize = 128;

impl RedisStore {
    /// Reads the counters of the server, and its use of memory.
    ///
    /// In a cluster, each number is the sum over the primaries, of which at most 128 count. The
    /// numbers of the log are those of the server that has it. A number that the server does not
    /// tell, or that this user may not read, is `None`.
    ///
    /// # Errors
    ///
    /// Returns an error if a server cannot be reached, or if one of them does not answer within the
    /// command timeout.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn print(
    /// #     store: larder_redis::RedisStore,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let stats = store.stats().await?;
    /// println!("hit ratio: {:?}", stats.hit_ratio());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stats(&self) -> Result<StoreStats, StoreError> {
        read(&self.inner).await
    }
}

/// Reads the statistics of the server, or of the primaries of a cluster.
///
/// All questions are sent at the same moment, and have the time limit of one command together. A
/// number that the user may not read is `None`.
async fn read(inner: &Inner) -> Result<StoreStats, StoreError> {
    let limit = inner.command_timeout;
    let questions = async {
        let (servers, log) = tokio::join!(read_servers(inner), read_log(inner));
        let (mut stats, (length, bytes)) = (servers?, log?);
        (stats.log_length, stats.log_bytes) = (length, bytes);
        Ok(stats)
    };
    wait_within(limit, questions).await.result.map_err(|error| inner.data.to_store_error(&error))
}

async fn read_servers(inner: &Inner) -> Result<StoreStats, Error> {
    let client = inner.data.within(backstop(inner.command_timeout));
    let nodes = inner.data.primaries().into_iter().take(MAX_SERVERS);
    let answers = join_all(nodes.map(|node| read_server(&client, node))).await;
    let mut total: Option<StoreStats> = None;
    for stats in answers {
        let stats = stats?;
        total = Some(total.map_or(stats, |sum| sum.plus(stats)));
    }
    // A cluster that was never reached has no primaries yet.
    total.ok_or_else(|| Error::new(fred::error::ErrorKind::IO, "no primary is known"))
}

async fn read_server(client: &WithOptions<Client>, node: Option<Server>) -> Result<StoreStats, Error> {
    let mut options: Options = client.options().clone();
    options.cluster_node = node;
    let command = CustomCommand::new_static("INFO", ClusterHash::Random, false);
    let answer = client.with_options(&options).custom(command, SECTIONS.to_vec()).await;
    let info = unless_refused(answer)?;
    Ok(server_info::parse(info.as_ref().and_then(text).unwrap_or_default()))
}

/// Returns the number of entries of the log, and the bytes that it takes.
async fn read_log(inner: &Inner) -> Result<(Option<u64>, Option<u64>), Error> {
    let (limit, events) = (inner.command_timeout, inner.keys.events());
    let (info, usage) = tokio::join!(
        ask(inner, limit, "XINFO", ["STREAM", events]),
        ask(inner, limit, "MEMORY", ["USAGE", events]),
    );
    let bytes = usage?.as_ref().and_then(number);
    let length = info?.as_ref().and_then(length_of);
    let unsigned = |number: i64| u64::try_from(number).ok();
    Ok((length.and_then(unsigned), bytes.and_then(unsigned)))
}

/// Sends a command whose second argument is a key.
async fn ask(
    inner: &Inner,
    limit: Duration,
    command: &'static str,
    arguments: [&str; 2],
) -> Result<Option<Value>, Error> {
    const KEY: usize = 1;
    let command = CustomCommand::new_static(command, ClusterHash::Offset(KEY), false);
    let arguments: Vec<Value> = arguments.into_iter().map(Value::from).collect();
    unless_refused(inner.data.within_at(backstop(limit), KEY).custom(command, arguments).await)
}

/// Returns `None` for a command that the server refuses: there is no such key, or no right.
fn unless_refused(answer: Result<Value, Error>) -> Result<Option<Value>, Error> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_refusal(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_refusal(error: &Error) -> bool {
    ["NOPERM", "ERR", "WRONGTYPE"].iter().any(|word| error.details().starts_with(word))
}

/// Returns the number of entries in the answer to `XINFO STREAM`.
fn length_of(info: &Value) -> Option<i64> {
    let mut pairs = parts(info)?.chunks_exact(2);
    pairs.find(|pair| text(&pair[0]) == Some("length")).and_then(|pair| number(&pair[1]))
}

#[cfg(test)]
mod tests {
    use fred::error::ErrorKind;

    use super::*;

    #[test]
    fn a_refused_command_is_unknown_and_any_other_error_is_one() {
        let refused = [
            (ErrorKind::Unknown, "NOPERM this user has no permissions"),
            (ErrorKind::Unknown, "ERR no such key"),
            (ErrorKind::InvalidArgument, "WRONGTYPE Operation against a key"),
            (ErrorKind::Unknown, "ERR unknown command 'MEMORY'"),
        ];
        for (kind, details) in refused {
            assert_eq!(unless_refused(Err(Error::new(kind, details))), Ok(None), "{details}");
        }
        let errors = [
            (ErrorKind::Timeout, "not answered in time"),
            (ErrorKind::IO, "Connection reset by peer"),
            (ErrorKind::Auth, "NOAUTH Authentication required."),
            (ErrorKind::Unknown, "LOADING Redis is loading the dataset in memory"),
        ];
        for (kind, details) in errors {
            assert!(unless_refused(Err(Error::new(kind, details))).is_err(), "{details}");
        }
    }

    #[test]
    fn the_length_of_the_log_is_found_in_its_description() {
        let info = |length: Value| Value::Array(vec!["groups".into(), 0.into(), "length".into(), length]);
        assert_eq!(length_of(&info(7.into())), Some(7));
        assert_eq!(length_of(&info("7".into())), None);
        assert_eq!(length_of(&Value::Array(vec!["length".into()])), None);
        assert_eq!(length_of(&Value::Null), None);
    }
}
