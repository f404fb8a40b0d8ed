//! Starts the proxy, and stops it on Ctrl-C or SIGTERM.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use reverse_proxy::{Args, Proxy};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("reverse-proxy: {why}");
            ExitCode::FAILURE
        }
    }
}

/// # Errors
///
/// Describes the step that failed and the reason.
async fn run(args: &Args) -> Result<(), String> {
    let cannot_listen = |error| format!("cannot listen on {}: {error}", args.addr);
    let stop = stop_signal().map_err(|error| format!("cannot wait for signals: {error}"))?;
    let proxy = Proxy::open(args).map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(args.addr).await.map_err(cannot_listen)?;
    let addr = listener.local_addr().map_err(cannot_listen)?;
    println!("listening on http://{addr}");
    proxy.serve(listener, stop).await;
    proxy.close().await;
    Ok(())
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
