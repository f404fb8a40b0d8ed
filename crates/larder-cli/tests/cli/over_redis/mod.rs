//! The commands over Redis alone: the real program, a real Redis, and real instances.

mod purging;
mod reading;
mod site;
mod steering;
mod trouble;
