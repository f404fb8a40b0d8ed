//! `larder explain`.

use clap::Args;
use http::Method;
use http::header::HOST;
use serde_json::json;

use crate::arguments::{HeaderArg, RequestUrl};
use crate::cli_error::CliError;
use crate::commands::explanation::Explanation;
use crate::context::Context;
use crate::exit_code::ExitCode;

/// The arguments of `larder explain`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExplainArgs {
    /// The URL, such as `https://shop.example/products/7`, or a path. Its host becomes the field
    /// Host. For a path, it is the host of the admin URL.
    #[arg(value_name = "URL")]
    uri: String,

    /// A header field of the request, such as `Accept-Language: de`. A value `$NAME` is read from
    /// the environment, where no other user sees it.
    #[arg(long = "header", short = 'H', value_name = "FIELD")]
    headers: Vec<HeaderArg>,

    /// The method: GET or HEAD.
    #[arg(long, default_value = "GET")]
    method: Method,
}

pub(crate) async fn run(args: &ExplainArgs, context: &Context) -> Result<ExitCode, CliError> {
    let admin = context.admin()?;
    let url = RequestUrl::parse(&args.uri).ok_or_else(|| {
        CliError::usage("the request needs a URL, such as https://shop.example/a, or a path")
    })?;
    let mut headers: Vec<_> =
        args.headers.iter().map(|field| (field.name.as_str(), field.value.reveal())).collect();
    if !args.headers.iter().any(|field| field.name == HOST) {
        headers.push((HOST.as_str(), url.host.as_deref().unwrap_or_else(|| admin.host())));
    }
    let body = json!({ "method": args.method.as_str(), "uri": url.target, "headers": headers });
    let answer = admin.post("explain", &body).await?;
    match context.output.is_json() {
        true => context.output.json(&answer)?,
        false => context.output.line(answer.read::<Explanation>()?.to_text().trim_end())?,
    }
    Ok(ExitCode::Done)
}
