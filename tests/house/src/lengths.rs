//! A function fits on one screen.
