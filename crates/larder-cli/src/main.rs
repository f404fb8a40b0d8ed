//! The command line of the Larder HTTP cache.
//!
//! | file or folder | what it does |
//! | --- | --- |
//! | `command_line/` | the arguments of the program, and which command runs |
//! | `commands/` | the commands, but for those below |
//! | `warm/` | requests pages, so that their responses are stored |
//! | `doctor/` | finds what is wrong with a Redis |
//! | `size/` | says how much memory Redis needs |
//! | `bench/` | measures a Redis, and Larder on it |
//! | `scratch/` | keys that a command writes and removes again, for `size/` and `bench/` |
//! | `redis_link/` | a plain connection to Redis, for `doctor/`, `size/` and `bench/` |
//! | `redis_target/` | the commands that go over Redis alone |
//! | `arguments/` | arguments that more than one room reads |
//! | `context.rs` | what every command gets: the target, the output |
//! | `admin/` | the client of the admin API |
//! | `transport/` | HTTP requests over TCP and TLS |
//! | `target/` | where a command goes: an admin URL or a Redis |
//! | `output/` | tables, JSON, progress |
//! | `cli_error.rs`, `exit_code.rs` | how a command ends |
//! | `secrets.rs` | texts that are never printed |

mod admin;
mod arguments;
mod bench;
mod cli_error;
mod command_line;
mod commands;
mod context;
mod doctor;
mod exit_code;
mod output;
mod redis_link;
mod redis_target;
mod scratch;
mod secrets;
mod size;
mod target;
mod transport;
mod warm;

use std::process;

fn main() -> process::ExitCode {
    command_line::run_program().into()
}
