//! The arguments of the program, and which command runs.
//!
//! | file | what it does |
//! | --- | --- |
//! | `command.rs` | the commands |
//! | `target_table.rs` | which of them goes where, for the help and the docs |
//! | `run_program.rs` | runs one, until it ends or the user ends it |

mod command;
mod run_program;
mod target_table;

pub(crate) use crate::command_line::run_program::run_program;
