//! The arguments that all commands have.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli_error::CliError;

const MIN_TIMEOUT: Duration = Duration::from_millis(10);
const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// Where a command goes. There is no argument for a secret: every user of the machine can read the
/// arguments of a program.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArgs {
    /// The admin URL, such as https://shop.example/ops/cache, or a Redis URL without its password.
    /// Without it: LARDER_URL, then REDIS_URL, where passwords are allowed.
    #[arg(long, short, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// A file with the token of the admin URL. Without it: LARDER_TOKEN, then the file of
    /// LARDER_TOKEN_FILE.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// A file with the password of Redis. Without it: REDIS_PASSWORD_FILE.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) redis_password_file: Option<PathBuf>,

    /// The namespace of the cache in Redis. Without it: LARDER_NAMESPACE, then `larder`.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,

    /// The schema of the cache in Redis, as in `RedisStoreBuilder::schema`.
    #[arg(long, global = true, value_name = "N", default_value_t = 1)]
    pub(crate) schema: u32,

    /// A PEM file with the certificates that TLS trusts, in place of the system's.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Sends the token over plain HTTP to a host other than this one. Everyone on the way can read
    /// it.
    #[arg(long, global = true)]
    pub(crate) insecure_http: bool,

    /// How long to wait for an answer, from 10ms to 10m.
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = parse_timeout)]
    pub(crate) timeout: Duration,
}

impl TargetArgs {
    /// Reads the certificates that TLS trusts. `None` stands for the system's.
    pub(crate) fn ca_pem(&self) -> Result<Option<Vec<u8>>, CliError> {
        let read = |path: &PathBuf| {
            fs::read(path)
                .map_err(|error| CliError::usage(format!("`{}` cannot be read: {error}", path.display())))
        };
        self.ca_file.as_ref().map(read).transpose()
    }
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match (MIN_TIMEOUT..=MAX_TIMEOUT).contains(&timeout) {
        true => Ok(timeout),
        false => Err("a timeout is from 10ms to 10m".to_owned()),
    }
}
