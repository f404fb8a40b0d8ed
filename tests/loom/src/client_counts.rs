//! The clients of a fill: they leave, and the run ends when the last one has left.

use loom::future::block_on;
use loom::thread;

/// The operations of a client count that the scenarios use.
///
/// Both `larder`'s own count and each version with a mistake implement it.
pub trait Clients: Clone + Send + Sync + 'static {
    /// The guard of one client.
    type Guard: Send + 'static;

    /// Creates a count without clients.
    fn new() -> Self;
    /// Adds a client, which leaves when the guard is dropped.
    fn guard(&self) -> Self::Guard;
    /// Waits until there are no clients.
    fn empty(&self);
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident $clients:ident),+ $(,)?) => { $(
        // Not all of the source is explored, and mistakes are written briefly.
        #[allow(dead_code, unused_mut, clippy::all)]
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
    /// The unchanged source.
    sound Sound,
    /// The run reads the count before it listens for changes.
    counts_before_listening CountsBeforeListening,
    /// A client that leaves does not wake the run.
    leaves_in_silence LeavesInSilence,
    /// A client leaves in two steps, so two clients may each assume that the other one is the last.
    leaves_in_two_steps LeavesInTwoSteps,
}

/// Lets this many clients leave at once while the run waits. The run always ends.
pub fn all_leave<C: Clients>(number: usize) {
    let clients = C::new();
    let guards: Vec<_> = (0..number).map(|_| clients.guard()).collect();
    let leaving: Vec<_> = guards.into_iter().map(|seat| thread::spawn(move || drop(seat))).collect();
    clients.empty();
    for client in leaving {
        let _ = client.join();
    }
}

/// Adds a client while another one leaves. The run ends once both have left.
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
