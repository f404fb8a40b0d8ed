//! The clients of a fill: those that leave, and the run that ends with the last of them.

use loom::future::block_on;
use loom::thread;

/// A count of clients, as far as the scenarios need one. It is the same for each: `larder`'s own, and those with a mistake.
pub trait Clients: Clone + Send + Sync + 'static {
    /// One client.
    type Guard: Send + 'static;

    /// A count without a client.
    fn new() -> Self;
    /// Adds a client.
    fn guard(&self) -> Self::Guard;
    /// Waits until there is no client.
    fn empty(&self);
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident $clients:ident),+ $(,)?) => { $(
        #[allow(dead_code, unused_mut, clippy::all)] // Not everything is explored, and mistakes are written shortly.
        pub(crate) mod $name {
            include!(concat!(env!("OUT_DIR"), "/client_count_", stringify!($name), ".rs"));

            $(#[$doc])*
            #[derive(Clone)]
            pub struct $clients(Arc<ClientCount>);

            /// See [`Clients::Guard`](super::Clients::Guard).
            pub struct Client(ClientGuard);

            impl super::Clients for $clients {
                type Guard = Client;

                fn new() -> Self {
                    Self(ClientCount::new())
                }

                fn guard(&self) -> Client {
                    Client(self.0.guard())
                }

                fn empty(&self) {
                    super::block_on(self.0.wait_until_none());
                }
            }
        }
        pub use self::$name::$clients;
    )+ };
}

counts! {
    /// As it is.
    sound Sound,
    /// The count is read before anything listens.
    counts_before_listening CountsBeforeListening,
    /// A client that leaves wakes nothing.
    leaves_in_silence LeavesInSilence,
    /// A client leaves in two steps, so that two may each take the other one for the last.
    leaves_in_two_steps LeavesInTwoSteps,
}

/// So many clients leave at once, while the run waits until none is left. It always ends.
pub fn all_leave<C: Clients>(number: usize) {
    let clients = C::new();
    let guards: Vec<_> = (0..number).map(|_| clients.guard()).collect();
    let leaving: Vec<_> = guards.into_iter().map(|seat| thread::spawn(move || drop(seat))).collect();
    clients.empty();
    for client in leaving {
        let _ = client.join();
    }
}

/// A client comes while another one leaves. The run ends once both have left.
pub fn another_comes<C: Clients>() {
    let clients = C::new();
    let seat = clients.guard();
    let leaving = thread::spawn(move || drop(seat));
    let late = clients.guard();
    let run = thread::spawn({
        let clients = clients.clone();
        move || clients.empty()
    });
    drop(late);
    let _ = (leaving.join(), run.join());
}
