//! `larder purge` over Redis.

use std::time::Duration;

use larder::fleet::{AppendedInvalidation, Fleet, FleetPreview, FleetReclaim};
use larder::{Glob, Invalidation, Prefix, Selector, SelectorError, Tag, UriName};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::arguments::PurgeArgs;
use crate::cli_error::{CliError, CliErrorKind};
use crate::exit_code::ExitCode;
use crate::output::{Output, units};
use crate::redis_target::connect::{connect, failed, kind_of};
use crate::target::RedisTarget;

/// The maximum number of scans of a dry run, of 500 keys each.
const MAX_SCANS: u32 = 400;
/// How long the memory of Redis is freed.
const RECLAIM_TIME: Duration = Duration::from_secs(5);
/// The pause before an append is repeated.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// The characters that only hidden values in keys have.
const HIDDEN: &str = "^#";

/// Appends to the log, or says what that would reach. A script learns from the exit code whether
/// the log has it.
pub(crate) async fn purge(
    redis: &RedisTarget,
    args: &PurgeArgs,
    output: &Output,
) -> Result<ExitCode, CliError> {
    let invalidation = invalidation(args)?;
    let fleet = connect(redis).await?;
    if args.dry_run {
        let preview = fleet.preview(invalidation, MAX_SCANS).await.map_err(|error| failed(redis, &error))?;
        return print_preview(&preview, output);
    }
    let appended = append(&fleet, redis, &invalidation).await?;
    // What is left is refused as well, and expires.
    let freed = match fleet.reclaim(&appended, RECLAIM_TIME).await {
        Ok(freed) => freed,
        Err(error) => {
            output.note(&format!("the memory of Redis was not freed: {error}"));
            FleetReclaim::default()
        }
    };
    fleet.close().await;
    print_appended(&appended, freed, args.soft, output)?;
    Ok(ExitCode::Done)
}

/// Appends until it succeeds, or the time is over. A duplicate costs only misses.
async fn append(
    fleet: &Fleet,
    redis: &RedisTarget,
    what: &Invalidation,
) -> Result<AppendedInvalidation, CliError> {
    let deadline = Instant::now() + redis.timeout;
    loop {
        match fleet.invalidate(what.clone()).await {
            Ok(appended) => return Ok(appended),
            Err(error) if kind_of(&error) == CliErrorKind::Unreachable && Instant::now() < deadline => {
                sleep(RETRY_PAUSE).await;
            }
            Err(error) => {
                let error = failed(redis, &error);
                let text = format!("not applied, as far as is known: {error}. Purge again");
                return Err(CliError::new(error.kind(), text));
            }
        }
    }
}

/// Returns what the arguments name.
fn invalidation(args: &PurgeArgs) -> Result<Invalidation, CliError> {
    let selectors = &args.selectors;
    if let Some(key) = selectors.keys.iter().find(|key| key.contains(HIDDEN)) {
        let text =
            format!("`{key}` has a hidden value, which only the application can look up: use an admin URL");
        return Err(CliError::usage(text));
    }
    let mut all = Invalidation::default();
    for tag in &selectors.tags {
        all = all.and(Tag::new(&**tag));
    }
    for key in &selectors.keys {
        all = all.and(Selector::Key(key.as_str().into()));
    }
    for uri in &selectors.uris {
        all = all.and(UriName::new(uri).map_err(|error| wrong(&error))?);
    }
    for prefix in &selectors.prefixes {
        all = all.and(Prefix::new(prefix).map_err(|error| wrong(&error))?);
    }
    for glob in &selectors.globs {
        all = all.and(Glob::new(glob).map_err(|error| wrong(&error))?);
    }
    if selectors.all {
        all = all.and(Selector::All);
    }
    Ok(if args.soft { all.soft() } else { all })
}

fn wrong(error: &SelectorError) -> CliError {
    CliError::usage(error.to_string())
}

fn print_preview(preview: &FleetPreview, output: &Output) -> Result<ExitCode, CliError> {
    let FleetPreview { entries, keys, is_complete, uncounted, .. } = preview;
    if output.is_json() {
        output.json(&json!({
            "outcome": "dry-run",
            "redis": {
                "entries": entries,
                "keys": keys,
                "is_complete": is_complete,
                "uncounted": uncounted,
            },
        }))?;
    } else {
        let at_least = if *is_complete { "" } else { "at least " };
        output.line(&format!("would reach {at_least}{} entries in Redis", units::count(*entries)))?;
        for key in keys {
            output.line(&format!("  {key}"))?;
        }
        for selector in uncounted {
            output.line(&format!("not counted: {selector}, since keys in Redis do not show it"))?;
        }
        output.note("The memory of the instances may have more. An admin URL shows that of one instance.");
    }
    let is_nothing = *entries == 0 && uncounted.is_empty() && *is_complete;
    Ok(if is_nothing { ExitCode::Findings } else { ExitCode::Done })
}

fn print_appended(
    appended: &AppendedInvalidation,
    freed: FleetReclaim,
    is_soft: bool,
    output: &Output,
) -> Result<(), CliError> {
    if output.is_json() {
        return output.json(&json!({
            "outcome": "applied",
            "log_id": appended.log_id.to_string(),
            "incarnation": appended.incarnation.to_string(),
            "selectors": appended.selectors,
            "redis": { "removed": freed.removed, "is_complete": freed.is_complete },
        }));
    }
    let id = appended.log_id;
    output.line(&format!(
        "applied: the log has it at {id}, and each instance follows within its max_staleness"
    ))?;
    match (is_soft, freed.is_complete) {
        (true, _) => Ok(()),
        (false, true) => output.line(&format!("removed {} entries from Redis", units::count(freed.removed))),
        (false, false) => output.line(&format!(
            "removed {} entries from Redis; the others are refused, and expire",
            units::count(freed.removed)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::SelectorArgs;

    fn args(selectors: SelectorArgs, soft: bool) -> PurgeArgs {
        PurgeArgs { selectors, soft, ..PurgeArgs::default() }
    }

    #[test]
    fn arguments_become_selectors() {
        let selectors = SelectorArgs {
            tags: vec!["a:b".to_owned()],
            keys: vec!["user:7".to_owned()],
            uris: vec!["/a?b".to_owned()],
            prefixes: vec!["/p".to_owned()],
            globs: vec!["/g/*".to_owned()],
            all: true,
        };
        let expected = Invalidation::tag("a:b")
            .and(Selector::Key("user:7".into()))
            .and(UriName::new("/a?b").unwrap())
            .and(Prefix::new("/p").unwrap())
            .and(Glob::new("/g/*").unwrap())
            .and(Selector::All);
        assert_eq!(invalidation(&args(selectors.clone(), false)).unwrap(), expected);
        assert_eq!(invalidation(&args(selectors, true)).unwrap(), expected.soft());
    }

    #[test]
    fn arguments_that_name_nothing_are_refused() {
        for selectors in [
            SelectorArgs { uris: vec!["products".to_owned()], ..SelectorArgs::default() },
            SelectorArgs { prefixes: vec!["/100%".to_owned()], ..SelectorArgs::default() },
            SelectorArgs { globs: vec!["a*".to_owned()], ..SelectorArgs::default() },
            SelectorArgs { keys: vec!["u|http|a|/b|p|^#1f3a9c02".to_owned()], ..SelectorArgs::default() },
        ] {
            let error = invalidation(&args(selectors, false)).unwrap_err();
            assert_eq!(error.kind(), CliErrorKind::Usage, "{error}");
        }
    }
}
