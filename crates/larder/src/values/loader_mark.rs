//! The marks of collections with and without a loader.

use std::marker::PhantomData;

/// Marks a collection without a loader.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums)] // There are no values of it.
pub enum NoLoader {}

/// Marks a collection with a loader, whose errors are of the type `E`.
#[derive(Debug)]
pub struct Loader<E>(PhantomData<fn() -> E>);
