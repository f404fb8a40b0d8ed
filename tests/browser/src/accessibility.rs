//! The accessibility of a page, checked by axe-core.

use anyhow::Result;
use serde::Deserialize;

use crate::browser::Browser;

/// The library, from the folder of vendored files.
const AXE: &str = include_str!("../vendor/axe-core/axe.min.js");

/// Runs the checks, or those with a tag alone.
const CHECK: &str = "
    const runOnly = arguments[0] ? { type: 'tag', values: [arguments[0]] } : undefined;
    const { violations } = await axe.run(document, { resultTypes: ['violations'], runOnly });
    return violations.map(({ id, help, nodes }) => (
        { id, help, nodes: nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`) }
    ));
";

/// A rule that a page violates.
#[derive(Debug, Deserialize)]
pub struct Violation {
    /// The name of the rule, such as `color-contrast`.
    pub id: String,
    /// What the rule asks for.
    pub help: String,
    /// The elements that violate it, and why.
    pub nodes: Vec<String>,
}

/// The rules to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// All of them.
    All,
    /// Those about colours, which are all that a theme changes.
    Colors,
}

/// Returns the rules that the page violates as it is now.
///
/// The library is a script of the driver, to which the policy of the page does not apply.
///
/// # Errors
///
/// Fails if the library fails.
pub async fn violations(browser: &Browser, rules: Rules) -> Result<Vec<Violation>> {
    if !browser.run::<bool>("return 'axe' in window", &[]).await? {
        browser.run::<()>(AXE, &[]).await?;
    }
    let tag = match rules {
        Rules::All => None,
        Rules::Colors => Some("cat.color"),
    };
    browser.run_async(CHECK, &[tag.into()]).await
}
