//! The shop as a whole: the shared state of the handlers, and how the shop starts and stops.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::args::Args;
use crate::caching::Caching;
use crate::cart_store::CartStore;
use crate::collections::Collections;
use crate::database::Database;
use crate::demo_load;
use crate::errors::Error;
use crate::metrics;
use crate::operations;
use crate::recommendations::{recommend_every, recommend_first_page};
use crate::routes;
use crate::sessions::Sessions;
use crate::start_error::StartError;
use crate::stats::Runs;
use crate::view_counter::ViewCounter;

/// How long running requests may continue once the shop is to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long a start waits for Redis.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// The state that handlers share.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) database: Database,
    pub(crate) cache: Caching,
    pub(crate) values: Collections,
    pub(crate) carts: CartStore,
    pub(crate) views: ViewCounter,
    pub(crate) sessions: Sessions,
    pub(crate) runs: Arc<Runs>,
}

/// The shop with an open database. Call [`close`](Self::close) once it serves no more requests.
#[derive(Debug)]
pub struct Shop {
    router: Router,
    cache: Caching,
    values: Collections,
    views: ViewCounter,
    /// The token of the operations, if it was made up.
    made_up_token: Option<String>,
}

impl Shop {
    /// Opens the shop for these arguments. The caller binds `args.addr`.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be opened, or if the URL of Redis is invalid.
    pub async fn open(args: &Args) -> Result<Self, StartError> {
        let app = App::open(args).await?;
        let (cache, values, views) = (app.cache.clone(), app.values.clone(), app.views.clone());
        let no_token = |error| StartError::new("cannot make a token up", io::Error::other(error));
        let made_up_token = match &args.admin_token {
            Some(_) => None,
            None => Some(operations::random_token().map_err(no_token)?),
        };
        let token = args.admin_token.as_ref().or(made_up_token.as_ref());
        let router = match token {
            Some(token) if cache.is_enabled() => operations::nest(app.into_router(), &cache, token)
                .map_err(|error| StartError::new("cannot protect the operations", error))?,
            _ => app.into_router(),
        };
        Ok(Self { router, cache, values, views, made_up_token })
    }

    /// Returns the path of the operations of the cache, and their token if it was made up.
    ///
    /// Without a cache, there are none.
    #[must_use]
    pub fn operations(&self) -> Option<(&'static str, Option<&str>)> {
        self.cache.is_enabled().then_some((operations::PATH, self.made_up_token.as_deref()))
    }

    /// Sends requests of made-up clients until the future is dropped.
    pub fn demo_load(&self) -> impl Future<Output = ()> + Send + use<> {
        demo_load::run(self.router.clone())
    }

    /// Returns the routes.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Waits until the cache can use Redis, for at most two seconds.
    ///
    /// Without Redis, reads are misses, and carts cannot be read or saved. The shop serves
    /// even so, and connects later.
    pub async fn ready(&self) {
        self.cache.ready(READY_TIMEOUT).await;
    }

    /// Runs the recommendation job once.
    pub async fn recommend(&self) {
        recommend_first_page(&self.values).await;
    }

    /// Runs the recommendation job now, and then at this interval, until the future is dropped.
    pub fn recommend_every(&self, interval: Duration) -> impl Future<Output = ()> + Send + use<> {
        recommend_every(self.values.clone(), interval)
    }

    /// Lets the cache finish its background work. Without this, invalidations that other instances
    /// have not received because Redis was down would be lost with the process, and without Redis,
    /// carts and views that are not in the database.
    pub async fn close(self) {
        self.views.close().await;
        self.cache.close().await;
    }
}

/// Returns the router of a [`Shop`] that is never closed.
///
/// # Errors
///
/// Fails if the database cannot be opened, or if the URL of Redis is invalid.
pub async fn app(args: &Args) -> Result<Router, StartError> {
    Ok(App::open(args).await?.into_router())
}

impl App {
    async fn open(args: &Args) -> Result<Self, StartError> {
        metrics::install()?;
        let database = Database::open(&args.database, args.query_delay)
            .await
            .map_err(|error| StartError::new(format!("cannot open the database {}", args.database), error))?;
        // The URL may contain a password, so the message does not repeat it.
        let cache = Caching::open(args).map_err(|error| StartError::new("cannot use this Redis", error))?;
        let values = Collections::open(cache.cache(), &database, args.memory_bytes / 2)
            .map_err(|error| StartError::new("cannot create the collections of values", error))?;
        let carts = CartStore::open(&cache, &database, args.cart_durability.into())
            .map_err(|error| StartError::new("cannot create the collection of carts", error))?;
        let views = ViewCounter::open(&cache, &database)
            .map_err(|error| StartError::new("cannot create the collections of views", error))?;
        Ok(Self {
            database,
            cache,
            values,
            carts,
            views,
            sessions: Sessions::default(),
            runs: Arc::default(),
        })
    }

    fn into_router(self) -> Router {
        routes::routes(&self).with_state(self)
    }
}

/// Serves until `stop` completes, then lets running requests end, for at most ten seconds.
///
/// # Errors
///
/// Fails if the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, stopped) = oneshot::channel();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        // If the listener has failed by now, there is no receiver.
        let _ = stopping.send(());
    });
    let out_of_patience = async {
        // An error means that the server has ended, which the other branch reports.
        let _ = stopped.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = serving => served,
        () = out_of_patience => Ok(()),
        never = metrics::upkeep() => match never {},
    }
}

/// Runs the work to its end even if the client disconnects and the handler's future is dropped.
///
/// A write and its invalidation belong together. If only the write happened, the cache would keep
/// outdated responses.
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

    /// On a paused clock, the timeout expires as soon as no other progress is possible.
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
            sent = committed => sent.unwrap(),
        }
        drop(handler);
        // Without a task of its own, the work would be dropped with the handler, and the receiver
        // with it.
        let _ = leave.send(());
        timeout(Duration::from_secs(1), invalidated).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error() {
        let done: Result<Infallible, Error> = run_to_completion(async { panic!("on purpose") }).await;
        assert!(matches!(done, Err(Error::Task(_))));
    }
}
