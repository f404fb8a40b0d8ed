//! Tables for the wire form.
