//! The storeys of `larder`: `engine/` below `http/` and `values/`, and `cache/` above all.
