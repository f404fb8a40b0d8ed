//! Which target the arguments and the environment name.

use crate::cli_error::CliError;
use crate::target::admin_url::AdminUrl;
use crate::target::environment::Environment;
use crate::target::redis_url::{RedisTarget, UrlSource};
use crate::target::target_args::TargetArgs;

/// Where a command goes.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// To an application, by its admin router.
    Admin(AdminUrl),
    /// To Redis. No application needs to run.
    Redis(RedisTarget),
}

const NO_TARGET: &str = "no target: --url or LARDER_URL names an admin URL, such as https://shop.example/ops/cache, \
                         and REDIS_URL names a Redis";

/// Returns the target of a command that takes both kinds.
pub(crate) fn resolve(args: &TargetArgs, environment: &Environment) -> Result<Target, CliError> {
    let named = args.url.as_deref().map(|url| (url, UrlSource::Argument));
    let from = |name| environment.get(name).map(|url| (url, UrlSource::Environment));
    let (url, source) = named
        .or_else(|| from(Environment::LARDER_URL))
        .or_else(|| from(Environment::REDIS_URL))
        .ok_or_else(|| CliError::usage(NO_TARGET))?;
    match is_web(url) {
        true => AdminUrl::new(url, args, environment).map(Target::Admin),
        false => redis(url, source, args, environment).map(Target::Redis),
    }
}

/// Returns the admin URL, for a command that needs one.
pub(crate) fn resolve_admin(
    command: &str,
    args: &TargetArgs,
    environment: &Environment,
) -> Result<AdminUrl, CliError> {
    match resolve(args, environment)? {
        Target::Admin(admin) => Ok(admin),
        Target::Redis(_) => Err(CliError::usage(format!(
            "`larder {command}` is not available over Redis: --url or LARDER_URL has to be an admin URL, such as \
             https://shop.example/ops/cache"
        ))),
    }
}

/// Returns the Redis, for a command that needs one. It may be an argument of this command.
///
/// `LARDER_URL` may be an admin URL at the same time.
pub(crate) fn resolve_redis(
    command: &str,
    url: Option<&str>,
    args: &TargetArgs,
    environment: &Environment,
) -> Result<RedisTarget, CliError> {
    let from = |name| environment.get(name).map(|url| (url, UrlSource::Environment));
    let named = url.or(args.url.as_deref()).map(|url| (url, UrlSource::Argument));
    let (url, source) = named
        .or_else(|| from(Environment::LARDER_URL).filter(|(url, _)| !is_web(url)))
        .or_else(|| from(Environment::REDIS_URL))
        .ok_or_else(|| {
            CliError::usage(format!("`larder {command}` needs a Redis: REDIS_URL, or --url redis://…"))
        })?;
    match is_web(url) {
        true => Err(CliError::usage(format!("`larder {command}` needs a Redis URL, not an admin URL"))),
        false => redis(url, source, args, environment),
    }
}

fn is_web(url: &str) -> bool {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

fn redis(
    url: &str,
    source: UrlSource,
    args: &TargetArgs,
    environment: &Environment,
) -> Result<RedisTarget, CliError> {
    match url.starts_with("redis") && url.contains("://") {
        true => RedisTarget::new(url, source, args, environment),
        false => Err(CliError::usage(format!(
            "`{url}` is no URL of a target: it begins with https://, http://, redis:// or rediss://"
        ))),
    }
}
