//! Invalidations that the log has not been told yet.
