//! Operations: writes that are not merged, such as the increments of a counter.
//!
//! | file | what it does |
//! | --- | --- |
//! | `operations_builder.rs` | the options |
//! | `operation_log.rs` | the handle: push an operation, and wait until it is durable |
//! | `operation_form.rs` | how operations are encoded, and what their flush invalidates |
//! | `operation.rs` | an operation as the sink gets it |
//! | `dead_operations.rs` | the quarantine |

mod dead_operations;
mod operation;
mod operation_form;
mod operation_log;
mod operations_builder;

pub use self::operation::Operation;
pub use self::operation_log::Operations;
pub use self::operations_builder::OperationsBuilder;
