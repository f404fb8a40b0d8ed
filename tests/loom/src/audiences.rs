//! The clients of a fill. The run ends with the last of them.

use loom::future::block_on;
use loom::thread;

/// The operations of an audience that the scenarios use. `larder`'s own source implements it, and
/// so does each copy with a mistake.
pub trait Clients: Clone + Send + Sync + 'static {
    /// One client.
    type Seat: Send + 'static;

    /// Creates an audience without a client.
    fn new() -> Self;
    /// Adds a client.
    fn seat(&self) -> Self::Seat;
    /// Waits until there is no client.
    fn empty(&self);
}

macro_rules! audiences {
    ($($(#[$doc:meta])* $name:ident $clients:ident),+ $(,)?) => { $(
        // The scenarios use only a part, and the mistakes are written tersely.
        #[allow(dead_code, unused_mut, clippy::all)]
        pub(crate) mod $name {
            include!(concat!(env!("OUT_DIR"), "/audience_", stringify!($name), ".rs"));

            $(#[$doc])*
            #[derive(Clone)]
            pub struct $clients(Arc<Audience>);

            /// See [`Clients::Seat`](super::Clients::Seat).
            pub struct Client(Seat);

            impl super::Clients for $clients {
                type Seat = Client;

                fn new() -> Self {
                    Self(Audience::new())
                }

                fn seat(&self) -> Client {
                    Client(self.0.seat())
                }

                fn empty(&self) {
                    super::block_on(self.0.empty());
                }
            }
        }
        pub use self::$name::$clients;
    )+ };
}

audiences! {
    /// The original.
    sound Sound,
    /// The count is read before the waiter listens.
    counts_before_listening CountsBeforeListening,
    /// A client that leaves wakes no waiter.
    leaves_in_silence LeavesInSilence,
    /// A client leaves in two steps, so that two clients may each mistake the other for the last
    /// one.
    leaves_in_two_steps LeavesInTwoSteps,
}

/// This many clients leave at once, while the run waits until none is left. The run always ends.
pub fn all_leave<C: Clients>(clients: usize) {
    let audience = C::new();
    let seats: Vec<_> = (0..clients).map(|_| audience.seat()).collect();
    let leaving: Vec<_> = seats.into_iter().map(|seat| thread::spawn(move || drop(seat))).collect();
    audience.empty();
    for client in leaving {
        let _ = client.join();
    }
}

/// One client arrives while another one leaves. The run ends once both have left.
pub fn another_comes<C: Clients>() {
    let audience = C::new();
    let seat = audience.seat();
    let leaving = thread::spawn(move || drop(seat));
    let late = audience.seat();
    let run = thread::spawn({
        let audience = audience.clone();
        move || audience.empty()
    });
    drop(late);
    let _ = (leaving.join(), run.join());
}
