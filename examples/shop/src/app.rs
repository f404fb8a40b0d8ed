//! The shop put together: what handlers share, and how it starts and stops.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::args::Args;
use crate::caching::Caching;
use crate::database::Database;
use crate::errors::Error;
use crate::routes;
use crate::start_error::StartError;
use crate::stats::Runs;

/// How long requests that are running may go on once the shop is to stop.
const GRACE: Duration = Duration::from_secs(10);

/// What handlers share.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) database: Database,
    pub(crate) cache: Caching,
    pub(crate) runs: Arc<Runs>,
}

/// The shop with its database open, to be [closed](Self::close) when nobody is served any more.
#[derive(Debug)]
pub struct Shop {
    router: Router,
    cache: Caching,
}

impl Shop {
    /// The shop that the arguments ask for. `args.addr` is left to the caller.
    ///
    /// # Errors
    ///
    /// The database cannot be opened, or the URL of Redis cannot be right.
    pub async fn open(args: &Args) -> Result<Self, StartError> {
        let (router, cache) = open(args).await?;
        Ok(Self { router, cache })
    }

    /// Its routes.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Lets the cache finish what it does in the background: without that, what others were to be told of a write while
    /// Redis was away would be lost with the process.
    pub async fn close(self) {
        self.cache.close().await;
    }
}

/// The router of a [`Shop`] that is never closed.
///
/// # Errors
///
/// The database cannot be opened, or the URL of Redis cannot be right.
pub async fn app(args: &Args) -> Result<Router, StartError> {
    Ok(open(args).await?.0)
}

async fn open(args: &Args) -> Result<(Router, Caching), StartError> {
    let database = Database::open(&args.database, args.query_delay)
        .await
        .map_err(|error| StartError::new(format!("cannot open the database {}", args.database), error))?;
    // The URL may hold a password, so it is not repeated.
    let cache = Caching::open(args).map_err(|error| StartError::new("cannot use this Redis", error))?;
    let routes = routes::routes(&cache);
    let runs = Arc::default();
    Ok((routes.with_state(App { database, cache: cache.clone(), runs }), cache))
}

/// Serves until `stop` is done, then lets the requests that are running end, for at most ten seconds.
///
/// # Errors
///
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, stopped) = oneshot::channel();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        // Nobody hears it if the listener has failed by then.
        let _ = stopping.send(());
    });
    let out_of_patience = async {
        // An error says that the server is gone, which the other branch reports.
        let _ = stopped.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = serving => served,
        () = out_of_patience => Ok(()),
    }
}

/// Runs the work to its end even if the client leaves, which drops the handler's future.
///
/// A write and the invalidation after it belong together: cut between them, the cache would keep what the database
/// no longer says.
pub(crate) async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.map_err(Error::Task)?
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::time::timeout;

    use super::*;

    /// On a paused clock the timeout is over as soon as nothing can happen any more.
    #[tokio::test(start_paused = true)]
    async fn work_goes_on_when_the_client_leaves() {
        let (commit, committed) = oneshot::channel();
        let (leave, left) = oneshot::channel();
        let (invalidate, invalidated) = oneshot::channel();
        let mut handler = Box::pin(run_to_completion(async move {
            commit.send(()).unwrap();
            left.await.unwrap();
            invalidate.send(()).unwrap();
            Ok(())
        }));
        tokio::select! {
            biased;
            _ = &mut handler => panic!("it cannot be done yet"),
            told = committed => told.unwrap(),
        }
        drop(handler);
        // Without a task of its own, the work has gone with the handler, and nobody hears this.
        let _ = leave.send(());
        timeout(Duration::from_secs(1), invalidated).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error() {
        let done: Result<Infallible, Error> = run_to_completion(async { panic!("on purpose") }).await;
        assert!(matches!(done, Err(Error::Task(_))));
    }
}
