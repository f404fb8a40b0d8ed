//! The rules, held on this workspace.

use std::path::Path;

use anyhow::Result;
use larder_house::{Detail, Rule, Workspace, workspace_root};

fn hold(rule: Rule) -> Result<()> {
    let root = workspace_root(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let violations = rule.check(&Workspace::read(&root)?, Detail::FirstLine)?;
    assert!(violations.is_empty(), "{}:\n{}", rule.sentence(), violations.join("\n"));
    Ok(())
}

#[test]
fn rooms_know_only_rooms_below_them() -> Result<()> {
    hold(Rule::Circles)
}

#[test]
fn a_storey_names_nothing_above_it() -> Result<()> {
    hold(Rule::Storeys)
}

#[test]
fn a_function_fits_on_one_screen() -> Result<()> {
    hold(Rule::Lengths)
}

#[test]
fn a_file_name_occurs_once_in_a_crate() -> Result<()> {
    hold(Rule::FileNames)
}

#[test]
fn the_impl_blocks_of_a_type_are_in_one_room() -> Result<()> {
    hold(Rule::ImplHomes)
}

#[test]
fn no_parameter_is_a_tuple() -> Result<()> {
    hold(Rule::Parameters)
}

#[test]
fn the_files_that_the_architecture_names_exist() -> Result<()> {
    hold(Rule::Architecture)
}
