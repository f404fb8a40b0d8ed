//! Response parts: how a handler talks to the layer.

pub(crate) mod parts;
