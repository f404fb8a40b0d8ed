//! The rules, under one name each.

use anyhow::Result;

use crate::circles::Detail;
use crate::workspace::Workspace;
use crate::{architecture, circles, file_names, impl_homes, lengths, parameters, storeys};

/// A rule of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// In no folder of a crate do files and subfolders depend on each other in a circle.
    Circles,
    /// In `larder`, a storey names nothing above it, and `engine/` names no HTTP crate.
    Storeys,
    /// A function fits on one screen.
    Lengths,
    /// A file name occurs once in a crate.
    FileNames,
    /// The inherent `impl` blocks of a type are in the folder of its definition.
    ImplHomes,
    /// No parameter is a tuple.
    Parameters,
    /// The files that `ARCHITECTURE.md` names exist.
    Architecture,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 7] = [
        Self::Circles,
        Self::Storeys,
        Self::Lengths,
        Self::FileNames,
        Self::ImplHomes,
        Self::Parameters,
        Self::Architecture,
    ];

    /// Returns the rule as a sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Circles => "Rooms know only rooms below them",
            Self::Storeys => "A storey of larder names nothing above it, and the engine no HTTP",
            Self::Lengths => "A function fits on one screen",
            Self::FileNames => "A file name occurs once in a crate",
            Self::ImplHomes => "The impl blocks of a type are in one room",
            Self::Parameters => "No parameter is a tuple",
            Self::Architecture => "The files that ARCHITECTURE.md names exist",
        }
    }

    /// Returns the violations of this rule, each as text of one or more lines.
    ///
    /// # Errors
    ///
    /// Fails if a source file cannot be parsed, or if a declared module has no file.
    pub fn check(self, workspace: &Workspace, detail: Detail) -> Result<Vec<String>> {
        match self {
            Self::Circles => circles::check(workspace, circles::ALLOWED, detail),
            Self::Storeys => storeys::check(workspace),
            Self::Lengths => lengths::check(workspace),
            Self::FileNames => Ok(file_names::check(workspace)),
            Self::ImplHomes => impl_homes::check(workspace),
            Self::Parameters => parameters::check(workspace),
            Self::Architecture => Ok(architecture::check(workspace)),
        }
    }
}
