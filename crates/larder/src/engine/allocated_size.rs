//! How many bytes of memory something takes, with what the allocator and a table add to it.

/// The bytes that the table of the memory tier takes for an entry, besides its key and value.
///
/// These are the links and the state of its place, and its part of the index. The table doubles
/// when it is full, so a quarter of its places is free on average. That is included.
pub(crate) const PLACE: usize = 48;
/// The bytes that the allocator adds to an allocation, on average: its own record, and the rest of
/// the unit that it rounds up to.
const ALLOCATION: usize = 16;
/// The bytes of the two reference counts of an `Arc`.
const ARC: usize = 2 * size_of::<usize>();
/// The bytes of the reference count of `Bytes`, which is allocated when they are first copied.
const SHARED: usize = 3 * size_of::<usize>();

/// Returns the number of bytes that an allocation of this length takes. An empty one takes none.
pub(crate) const fn allocated(length: usize) -> usize {
    if length == 0 { 0 } else { length + ALLOCATION }
}

/// Returns the number of bytes that an `Arc` of something this long takes.
pub(crate) const fn allocated_arc(length: usize) -> usize {
    allocated(length + ARC)
}

/// Returns the number of bytes that `Bytes` of this length take.
pub(crate) const fn allocated_bytes(length: usize) -> usize {
    if length == 0 { 0 } else { allocated(length) + allocated(SHARED) }
}
