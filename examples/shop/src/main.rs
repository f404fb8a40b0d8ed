//! Starts the shop, and stops it on Ctrl-C or SIGTERM.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use shop::{Args, Shop, StartError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shop: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), StartError> {
    let cannot_listen = |error| StartError::new(format!("cannot listen on {}", args.addr), error);
    let stop = stop_signal().map_err(|error| StartError::new("cannot wait for signals", error))?;
    let shop = Shop::open(args).await?;
    shop.ready().await;
    let listener = TcpListener::bind(args.addr).await.map_err(cannot_listen)?;
    let addr = listener.local_addr().map_err(cannot_listen)?;
    println!("listening on http://{addr}");
    if let Some((path, token)) = shop.operations() {
        println!("console at http://{addr}{path}");
        // The operator knows a token that was set. Other people may read this output.
        token.iter().for_each(|token| println!("token of the console: {token}"));
    }
    let job = tokio::spawn(shop.recommend_every(args.recommend_every));
    let load = args.demo_load.then(|| tokio::spawn(shop.demo_load()));
    let served = shop::serve(listener, shop.router(), stop).await;
    job.abort();
    load.iter().for_each(JoinHandle::abort);
    shop.close().await;
    served.map_err(|error| StartError::new("stopped serving", error))
}

/// Completes when the process is asked to end.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Completes when the process is asked to end.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a handler for Ctrl-C, the system ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Formats the error with its causes, except causes whose text is already included.
fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.map(ToString::to_string).fold(error.to_string(), |text, cause| {
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}
