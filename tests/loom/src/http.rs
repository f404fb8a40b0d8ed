//! The paths under which the explored sources import types of `http`.

pub(crate) use crate::memory;
