//! The commands over Redis alone: the real program, a real Redis, and real instances.

mod purging;
mod reading;
mod site;
mod steering;
#[cfg(unix)]
mod stopped_processes;
mod trouble;
