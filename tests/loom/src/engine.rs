//! Where the explored sources find each other.

pub(crate) use crate::sync;

pub(crate) mod coalesce {
    pub(crate) use crate::client_counts::sound as client_count;
}

pub(crate) mod invalidation_log {
    pub(crate) use crate::stamped;

    /// Nothing that is explored waits for a token.
    pub(crate) mod wait_slots {
        #[derive(Default)]
        #[allow(dead_code)] // Nothing that is explored acquires a slot.
        pub(crate) struct WaitSlots(());
    }
}
