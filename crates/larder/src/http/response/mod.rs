//! Response parts, by which a handler controls the layer.

pub(crate) mod parts;
