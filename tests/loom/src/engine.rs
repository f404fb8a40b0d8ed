//! The paths under which the explored sources import each other.

pub(crate) use crate::sync;

pub(crate) mod coalesce {
    pub(crate) use crate::client_counts::sound as client_count;
    pub(crate) use crate::flight_waits::sound as flight_waits;

    /// A stand-in, because no follower of the scenarios gives up.
    pub(crate) mod own_requests {
        #[derive(Default)]
        pub(crate) struct OwnRequests(());
    }
}

pub(crate) mod invalidation_log {
    pub(crate) use crate::stamped;
    pub(crate) use crate::views::sound as view;

    /// A stand-in, because the scenarios do not wait for a token.
    pub(crate) mod wait_slots {
        #[derive(Default)]
        #[allow(dead_code)] // The scenarios do not acquire a slot.
        pub(crate) struct WaitSlots(());
    }
}
