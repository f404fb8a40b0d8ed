//! Loom's types, and replacements for tokio's types that are built on them.

pub(crate) mod watch;

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

pub(crate) use loom::sync::atomic::AtomicU64;
pub(crate) use loom::sync::{Mutex, MutexGuard, RwLock};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A replacement for tokio's `Notify`.
///
/// `notify_waiters` wakes every future that was created before the call, polled or not.
#[derive(Default)]
pub(crate) struct Notify(Mutex<Calls>);

#[derive(Default)]
struct Calls {
    count: usize,
    waiting: Vec<Waker>,
}

impl Notify {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notify_waiters(&self) {
        let waiting = {
            let mut calls = lock(&self.0);
            calls.count += 1;
            std::mem::take(&mut calls.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn notified(&self) -> Notified<'_> {
        Notified { notify: self, made_at: lock(&self.0).count }
    }
}

pub(crate) struct Notified<'a> {
    notify: &'a Notify,
    made_at: usize,
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut calls = lock(&self.notify.0);
        if calls.count != self.made_at {
            return Poll::Ready(());
        }
        calls.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}

/// A replacement for tokio's `timeout_at`, with a deadline that never expires.
///
/// A waiter that is not woken hangs, and loom reports this.
pub(crate) async fn timeout_at<F: Future>(_: ::tokio::time::Instant, work: F) -> Result<F::Output, ()> {
    Ok(work.await)
}

/// A replacement for tokio's task-local values, which are never set.
pub(crate) mod tokio {
    use std::future::Future;
    use std::marker::PhantomData;

    /// A value that is never set.
    pub(crate) struct Unset<T>(pub(crate) PhantomData<fn(T) -> T>);

    impl<T> Unset<T> {
        pub(crate) fn try_with<R>(&'static self, _: impl FnOnce(&T) -> R) -> Result<R, ()> {
            Err(())
        }

        pub(crate) fn scope<F: Future>(&'static self, _: T, work: F) -> F {
            work
        }
    }

    macro_rules! task_local {
        (static $name:ident: $value:ty;) => {
            static $name: crate::sync::tokio::Unset<$value> =
                crate::sync::tokio::Unset(std::marker::PhantomData);
        };
    }
    pub(crate) use task_local;
}
