//! The commands that go over Redis alone.

use crate::arguments::{DisableArgs, EnableArgs, InspectArgs, PurgeArgs, TailArgs};
use crate::cli_error::CliError;
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::target::RedisTarget;

const LATER: &str = "this command does not go over Redis yet";

pub(crate) async fn purge(_: &RedisTarget, _: &PurgeArgs, _: &Output) -> Result<ExitCode, CliError> {
    Err(CliError::failed(LATER))
}

pub(crate) async fn tail(_: &RedisTarget, _: &TailArgs, _: &Output) -> Result<ExitCode, CliError> {
    Err(CliError::failed(LATER))
}

pub(crate) async fn stats(_: &RedisTarget, _: &Output) -> Result<ExitCode, CliError> {
    Err(CliError::failed(LATER))
}

pub(crate) async fn instances(_: &RedisTarget, _: &Output) -> Result<ExitCode, CliError> {
    Err(CliError::failed(LATER))
}

pub(crate) async fn inspect(_: &RedisTarget, _: &InspectArgs, _: &Output) -> Result<ExitCode, CliError> {
    Err(CliError::failed(LATER))
}

pub(crate) async fn disable(_: &RedisTarget, _: &DisableArgs, _: &Output) -> Result<ExitCode, CliError> {
    Err(CliError::failed(LATER))
}

pub(crate) async fn enable(_: &RedisTarget, _: &EnableArgs, _: &Output) -> Result<ExitCode, CliError> {
    Err(CliError::failed(LATER))
}

pub(crate) async fn switches(_: &RedisTarget, _: &Output) -> Result<ExitCode, CliError> {
    Err(CliError::failed(LATER))
}
