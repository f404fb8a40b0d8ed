//! The files that `ARCHITECTURE.md` names exist.
