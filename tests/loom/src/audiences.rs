//! The clients of a fill: those that leave, and the run that ends with the last of them.

use loom::future::block_on;
use loom::thread;

/// An audience, as far as the scenarios need one. It is the same for each: `larder`'s own, and
/// those with a mistake.
pub trait Clients: Clone + Send + Sync + 'static {
    /// One client.
    type Seat: Send + 'static;

    /// An audience without a client.
    fn new() -> Self;
    /// Adds a client.
    fn seat(&self) -> Self::Seat;
    /// Waits until there is no client.
    fn empty(&self);
}

macro_rules! audiences {
    ($($(#[$doc:meta])* $name:ident $clients:ident),+ $(,)?) => { $(
        // Not everything is explored, and mistakes are written shortly.
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
pub fn all_leave<C: Clients>(clients: usize) {
    let audience = C::new();
    let seats: Vec<_> = (0..clients).map(|_| audience.seat()).collect();
    let leaving: Vec<_> = seats.into_iter().map(|seat| thread::spawn(move || drop(seat))).collect();
    audience.empty();
    for client in leaving {
        let _ = client.join();
    }
}

/// A client comes while another one leaves. The run ends once both have left.
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
