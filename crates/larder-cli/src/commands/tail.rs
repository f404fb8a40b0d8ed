//! `larder tail`.

use serde_json::Value;

use crate::admin::AdminClient;
use crate::arguments::TailArgs;
use crate::cli_error::CliError;
use crate::context::{Connection, Context};
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::output::feed_item::FeedItem;
use crate::redis_target;

pub(crate) async fn run(args: &TailArgs, context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Admin(_) if args.since.is_some() => Err(CliError::usage(
            "`--since` needs Redis, because an application does not keep earlier invalidations",
        )),
        Connection::Redis(redis) => redis_target::tail(&redis, args, &context.output).await,
        Connection::Admin(admin) => tail(&admin, args, &context.output).await,
    }
}

async fn tail(admin: &AdminClient, args: &TailArgs, output: &Output) -> Result<ExitCode, CliError> {
    let mut lines = admin.stream("invalidations").await?;
    output.note("waiting for invalidations; Ctrl-C ends it");
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(line) = lines.next().await? else {
            return Err(CliError::unreachable("the application has ended the feed"));
        };
        let wrong = |error| CliError::failed(format!("the feed has a line that is no JSON: {error}"));
        let json: Value = serde_json::from_str(&line).map_err(wrong)?;
        let item: FeedItem = serde_json::from_value(json.clone()).map_err(wrong)?;
        match output.is_json() {
            true => output.json_line(&json)?,
            false => item.print(output)?,
        }
        left -= u64::from(matches!(item, FeedItem::Invalidation(_)));
    }
    Ok(ExitCode::Done)
}
