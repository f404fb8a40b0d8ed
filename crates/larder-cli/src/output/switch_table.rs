//! A table of switches, over an admin URL or over Redis.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::output::dates::{date, until};
use crate::output::{Table, number, text, units};

/// A switch, in the form of the admin API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Switch {
    /// `"all"`, `{ "route": … }` or `{ "class": … }`.
    pub(crate) scope: Value,
    /// `instance` or `fleet`.
    pub(crate) reach: String,
    pub(crate) who: String,
    /// In seconds since 1970.
    pub(crate) since: u64,
    pub(crate) until: u64,
}

/// Returns a table of switches.
pub(crate) fn switch_table(switches: &[Switch]) -> Table {
    let mut table = Table::new([
        text("switched off"),
        text("where"),
        number("for"),
        text("until"),
        text("by"),
        text("since"),
    ]);
    for switch in switches {
        let (since, end) = (Duration::from_secs(switch.since), Duration::from_secs(switch.until));
        table.row([
            scope_text(&switch.scope),
            if switch.reach == "fleet" { "all instances" } else { "this instance" }.to_owned(),
            units::duration(until(end)),
            date(end),
            switch.who.clone(),
            date(since),
        ]);
    }
    table
}

fn scope_text(scope: &Value) -> String {
    let named = |kind: &str| scope[kind].as_str().map(|name| format!("{kind} {name}"));
    named("route").or_else(|| named("class")).unwrap_or_else(|| "everything".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_says_what_is_off_until_when_and_by_whom() {
        let switch = |scope: Value, reach: &str| Switch {
            scope,
            reach: reach.to_owned(),
            who: "ann@web-1".to_owned(),
            since: 0,
            until: 4_102_444_800,
        };
        let table =
            switch_table(&[switch(json!("all"), "fleet"), switch(json!({ "class": "a" }), "instance")]);
        let text = table.to_text();
        let rows: Vec<_> = text.lines().skip(1).collect();
        for (row, (scope, reach)) in
            rows.iter().zip([("everything", "all instances"), ("class a", "this instance")])
        {
            let cells: Vec<_> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
            let [what, at, left, until, by, since] = cells[..] else { panic!("{row}") };
            assert_eq!((what, at, by), (scope, reach, "ann@web-1"));
            assert_eq!((until, since), ("2100-01-01 00:00:00Z", "1970-01-01 00:00:00Z"));
            assert_ne!(left, "0 s");
        }
    }
}
