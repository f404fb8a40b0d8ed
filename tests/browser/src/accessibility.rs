//! The accessibility of a page, checked by axe-core.

use anyhow::Result;
use serde::Deserialize;

use crate::browser::Browser;

/// The library, from the folder of vendored files.
const AXE: &str = include_str!("../vendor/axe-core/axe.min.js");

/// Runs the checks of these rules, or of all that axe turns on.
const CHECK: &str = "
    const [rules] = arguments;
    const runOnly = rules.length ? { type: 'rule', values: rules } : undefined;
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
    /// The demand of the rule.
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
    let names: &[&str] = match rules {
        Rules::All => &[],
        Rules::Colors => &["color-contrast", "link-in-text-block"],
    };
    browser.run_async(CHECK, &[names.into()]).await
}
