//! The context of a command: its target and its output.

use crate::admin::AdminClient;
use crate::cli_error::CliError;
use crate::output::Output;
use crate::target::{AdminUrl, Environment, RedisTarget, Target, TargetArgs};
use crate::target::{resolve, resolve_admin, resolve_redis};
use crate::transport::HttpClient;

/// The context of a command.
#[derive(Debug)]
pub(crate) struct Context {
    /// The name of the command, for errors.
    command: &'static str,
    args: TargetArgs,
    environment: Environment,
    pub(crate) output: Output,
}

/// A target that is ready to be asked.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // A command has one of it.
pub(crate) enum Connection {
    /// An application, by its admin router.
    Admin(AdminClient),
    /// Redis. No application needs to run.
    Redis(RedisTarget),
}

impl Context {
    pub(crate) const fn new(
        command: &'static str,
        args: TargetArgs,
        environment: Environment,
        output: Output,
    ) -> Self {
        Self { command, args, environment, output }
    }

    /// Returns the target of a command that goes over both kinds.
    pub(crate) fn connection(&self) -> Result<Connection, CliError> {
        match resolve(&self.args, &self.environment)? {
            Target::Admin(url) => self.client(url).map(Connection::Admin),
            Target::Redis(redis) => Ok(Connection::Redis(redis)),
        }
    }

    /// Returns the client of the admin URL, for a command that is not available over Redis.
    pub(crate) fn admin(&self) -> Result<AdminClient, CliError> {
        self.client(resolve_admin(self.command, &self.args, &self.environment)?)
    }

    /// Returns the Redis, for a command that needs one. Its URL may be an argument of this command.
    pub(crate) fn redis(&self, url: Option<&str>) -> Result<RedisTarget, CliError> {
        resolve_redis(self.command, url, &self.args, &self.environment)
    }

    /// Returns a client for requests to the application itself.
    pub(crate) fn http_client(&self) -> Result<HttpClient, CliError> {
        HttpClient::new(self.args.ca_pem()?.as_deref(), self.args.timeout)
    }

    fn client(&self, url: AdminUrl) -> Result<AdminClient, CliError> {
        Ok(AdminClient::new(url, self.http_client()?))
    }
}
