//! What tags on a response cost its hits.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::hits::{Turn, Turns};
use crate::valgrind;

const TAGS: [usize; 5] = [0, 1, 10, 50, 100];
/// As many names as the table of an instance keeps.
const OTHERS: usize = 65_536;
const ROUNDS: usize = 20;
const IN_A_ROUND: u32 = 20_000;

const HEAD: &str = "\
| tags | hit | checked again | hit, instructions | checked again, instructions |
| ---: | ---: | ---: | ---: | ---: |";

pub(crate) fn table() -> Result<()> {
    println!("## Tags\n\n{HEAD}");
    let counting = valgrind::is_installed();
    if !counting {
        eprintln!("valgrind is not installed, so instructions are not counted");
    }
    for tags in TAGS {
        let nanos = Cost::of(|turn| time(turn, tags))?;
        let instructions = if counting {
            let count = |turn| Ok(valgrind::instructions(turn, tags)? as f64);
            Some(Cost::of(count)?)
        } else {
            None
        };
        println!("{}", row(tags, nanos, instructions));
    }
    println!();
    Ok(())
}

/// What a hit costs, and what one costs after something else was invalidated.
#[derive(Debug, Clone, Copy)]
struct Cost {
    hit: f64,
    checked: f64,
}

impl Cost {
    fn of(mut measure: impl FnMut(Turn) -> Result<f64>) -> Result<Self> {
        let hit = measure(Turn::Hit)?;
        let checked = measure(Turn::InvalidateAndHit)? - measure(Turn::Invalidate)?;
        Ok(Self { hit, checked })
    }
}

/// Nanoseconds of one turn, in the fastest round: what a busy machine takes away is not its cost.
fn time(turn: Turn, tags: usize) -> Result<f64> {
    let mut turns = Turns::new(tags, OTHERS)?;
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (hits, begun) = (turns.hits(), Instant::now());
        for _ in 0..IN_A_ROUND {
            turns.take(turn)?;
        }
        best = best.min(begun.elapsed().as_secs_f64() * 1e9 / f64::from(IN_A_ROUND));
        let expected = if turn == Turn::Invalidate { 0 } else { u64::from(IN_A_ROUND) };
        ensure!(turns.hits() - hits == expected, "something was no hit");
    }
    Ok(best)
}

fn row(tags: usize, nanos: Cost, instructions: Option<Cost>) -> String {
    let [hit, checked] = instructions.map_or([None, None], |cost| [Some(cost.hit), Some(cost.checked)]);
    let count = |count: Option<f64>| count.map_or_else(|| "–".to_owned(), |count| format!("{count:.0}"));
    format!(
        "| {tags} | {:.0} ns | {:.0} ns | {} | {} |",
        nanos.hit,
        nanos.checked,
        count(hit),
        count(checked)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalidation_is_not_part_of_the_hit_after_it() {
        let cost = Cost::of(|turn| {
            Ok(match turn {
                Turn::Hit => 500.0,
                Turn::InvalidateAndHit => 1000.0,
                Turn::Invalidate => 300.0,
            })
        });
        let cost = cost.unwrap();
        assert_eq!(row(10, cost, None), "| 10 | 500 ns | 700 ns | – | – |");
        assert_eq!(row(10, cost, Some(cost)), "| 10 | 500 ns | 700 ns | 500 | 700 |");
    }
}
