//! The cost of the tags of a response for its hits.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::hits::{Turn, Turns};
use crate::valgrind;

const TAGS: [usize; 5] = [0, 1, 10, 50, 100];
/// As many names as the table of an instance keeps.
const OTHERS: usize = 65_536;
const KINDS: [Turn; 3] = [Turn::Hit, Turn::InvalidateAndHit, Turn::Invalidate];
const ROUNDS: usize = 100;
const TURNS_PER_ROUND: u32 = 4_000;

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
        let instructions = counting.then(|| count(tags)).transpose()?;
        println!("{}", row(tags, time(tags)?, instructions));
    }
    println!();
    Ok(())
}

/// The cost of a hit, and of a hit after another tag was invalidated.
#[derive(Debug, Clone, Copy)]
struct Cost {
    hit: f64,
    checked: f64,
}

/// Measures nanoseconds. The fastest round of each kind counts, because slower rounds measure other
/// load on the machine. The kinds alternate, so that they run under the same conditions.
fn time(tags: usize) -> Result<Cost> {
    let mut turns = Turns::new(tags, OTHERS)?;
    let mut best = [f64::INFINITY; KINDS.len()];
    for _ in 0..ROUNDS {
        for (kind, best) in KINDS.into_iter().zip(&mut best) {
            *best = best.min(time_round(&mut turns, kind)?);
        }
    }
    let [hit, both, invalidate] = best;
    Ok(Cost { hit, checked: both - invalidate })
}

fn time_round(turns: &mut Turns, kind: Turn) -> Result<f64> {
    let (hits, begun) = (turns.hits(), Instant::now());
    for _ in 0..TURNS_PER_ROUND {
        turns.run_turn(kind)?;
    }
    let nanos = begun.elapsed().as_secs_f64() * 1e9 / f64::from(TURNS_PER_ROUND);
    let expected = if kind == Turn::Invalidate { 0 } else { u64::from(TURNS_PER_ROUND) };
    ensure!(turns.hits() - hits == expected, "something was no hit");
    Ok(nanos)
}

fn count(tags: usize) -> Result<Cost> {
    let [hit, both, invalidate] = KINDS.map(|kind| valgrind::instructions(kind, tags));
    let (hit, both, invalidate) = (hit?, both?, invalidate?);
    Ok(Cost { hit: hit as f64, checked: both as f64 - invalidate as f64 })
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
    fn a_missing_count_is_left_open() {
        let cost = Cost { hit: 500.4, checked: 700.0 };
        assert_eq!(row(10, cost, None), "| 10 | 500 ns | 700 ns | – | – |");
        assert_eq!(row(10, cost, Some(cost)), "| 10 | 500 ns | 700 ns | 500 | 700 |");
    }

    #[test]
    fn a_round_is_of_its_kind() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _entered = runtime.enter();
        let mut turns = Turns::new(1, 2).unwrap();
        for kind in KINDS {
            assert!(time_round(&mut turns, kind).unwrap() > 0.0);
        }
    }
}
