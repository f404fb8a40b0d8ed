//! Where the explored sources find what they know of HTTP.

pub(crate) use crate::memory;
