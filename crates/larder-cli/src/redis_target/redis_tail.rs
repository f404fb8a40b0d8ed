//! `larder tail` over Redis.

use std::time::Duration;

use larder::feed;
use larder::fleet::LogReader;
use tokio::time::{Instant, sleep};

use crate::arguments::TailArgs;
use crate::cli_error::{CliError, CliErrorKind};
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::output::feed_item::{FeedItem, Invalidation};
use crate::redis_target::connect::{connect, failed, kind_of};
use crate::target::RedisTarget;

/// The pause before Redis is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Prints the invalidations of all instances and programs, from the log itself.
pub(crate) async fn tail(
    redis: &RedisTarget,
    args: &TailArgs,
    output: &Output,
) -> Result<ExitCode, CliError> {
    let fleet = connect(redis).await?;
    let since = args.since.unwrap_or_default();
    let mut reader = fleet.follow(since).await.map_err(|error| failed(redis, &error))?;
    output.note("waiting for invalidations; Ctrl-C ends it");
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(item) = item(&next(&mut reader, redis, output).await?) else { continue };
        match output.is_json() {
            true => output.json_line(&item)?,
            false => item.print(output)?,
        }
        left -= u64::from(matches!(item, FeedItem::Invalidation(_)));
    }
    Ok(ExitCode::Done)
}

/// Waits for the next item. If Redis goes away, this waits for it, but not for ever.
async fn next(
    reader: &mut LogReader<'_>,
    redis: &RedisTarget,
    output: &Output,
) -> Result<feed::FeedItem, CliError> {
    let mut deadline = None;
    loop {
        let error = match reader.next().await {
            Ok(item) => return Ok(item),
            Err(error) => error,
        };
        let is_first = deadline.is_none();
        let end = *deadline.get_or_insert_with(|| Instant::now() + redis.timeout);
        if kind_of(&error) != CliErrorKind::Unreachable || Instant::now() >= end {
            return Err(failed(redis, &error));
        }
        if is_first {
            output.note(&format!("Redis does not answer: {error}"));
        }
        sleep(RETRY_PAUSE).await;
    }
}

/// Returns an item in the form of the admin API.
fn item(item: &feed::FeedItem) -> Option<FeedItem> {
    Some(match item {
        feed::FeedItem::Invalidation(event) => FeedItem::Invalidation(Invalidation {
            selector: event.selector.clone(),
            is_soft: event.is_soft,
            status: "applied".to_owned(),
            log_id: event.log_id.map(|id| id.to_string()),
            unix_millis: event.at.unix_millis(),
            is_own: None,
        }),
        feed::FeedItem::LogReset => FeedItem::LogReset,
        feed::FeedItem::Missed(count) => FeedItem::Missed { count: *count },
        _ => return None,
    })
}
