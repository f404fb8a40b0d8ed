//! A service with scripted answers.

mod answer;
mod body;
mod service;

pub use answer::Answer;
pub use body::{AnswerBody, BodyError, Step};
pub use service::Origin;
