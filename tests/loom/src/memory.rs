//! The parts of a stored response that the explored sources use.

pub(crate) use self::held::Stale;

pub(crate) mod held {
    use larder_core::log::names::Names;
    use larder_core::log::position::Position;
    use larder_core::time::Boot;

    use crate::sync::AtomicU64;

    pub(crate) struct Held {
        pub(crate) meta: Meta,
        pub(crate) filled_at: Option<Boot>,
        pub(crate) valid_at: AtomicU64,
    }

    pub(crate) struct Meta {
        pub(crate) position: Position,
        pub(crate) names: Names,
    }

    /// The explored code does not access its contents.
    #[derive(Clone)]
    pub(crate) struct Stale;
}
