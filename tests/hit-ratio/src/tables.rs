//! The tables.

use larder_hit_ratio::attack::{Attack, attack};
use larder_hit_ratio::contenders::{Admission, Kind, PEERS, Settings, replay};
use larder_hit_ratio::traces::{ALL, distinct_bytes};
use larder_hit_ratio::{Comparison, Object, Scale, Sizes};

/// The sizes of caches, as parts of the distinct bytes of a trace: 0.1 %, 1 % and 10 %.
const PARTS: [u64; 3] = [1000, 100, 10];

const ATTACKS: [Attack; 4] = [
    Attack { made_up: 1, ordinary: 10, uses: 1 },
    Attack { made_up: 1, ordinary: 1, uses: 1 },
    Attack { made_up: 10, ordinary: 1, uses: 1 },
    Attack { made_up: 1, ordinary: 1, uses: 2 },
];

/// Prints the hit ratio of each cache on each trace.
pub(crate) fn print_ratios(scale: Scale, sizes: Sizes) {
    println!("\n{sizes:?} sizes: hits in percent of the requests, and Larder less the best peer\n");
    print_head(&["traffic", "size", "Larder"], &["ceiling", "Larder − best"]);
    for traffic in ALL {
        let requests = traffic.requests(scale, sizes);
        let bytes = distinct_bytes(&requests);
        for part in PARTS {
            let compared = Comparison::of(&requests, bytes / part);
            let percent = |hits: u64| format!("{:.2}", compared.percent(hits));
            let mut cells = vec![traffic.name(), size(part), percent(compared.larder)];
            cells.extend(compared.peers.iter().copied().map(percent));
            cells.extend([percent(compared.ceiling), format!("{:+.2}", compared.lead())]);
            print_row(&cells);
        }
    }
}

/// Prints the part of the hits that a client with made-up keys takes.
pub(crate) fn print_attacks(scale: Scale) {
    println!("\nMade-up keys of ten times the capacity: lost hits in percent\n");
    print_head(&["made-up : ordinary", "size", "Larder"], &[]);
    for way in ATTACKS {
        for part in PARTS {
            let capacity = scale.objects as u64 * Sizes::Fixed.bytes(0) / part;
            let loss = |kind| format!("{:.2}", attack(kind, capacity, scale, way).percent());
            let uses = if way.uses == 1 { "" } else { ", each twice" };
            let mut cells =
                vec![format!("{} : {}{uses}", way.made_up, way.ordinary), size(part), loss(Kind::Larder)];
            cells.extend(PEERS.map(loss));
            print_row(&cells);
        }
    }
}

/// Prints the hit ratio with other settings of quick_cache: all traces, less the best peer.
pub(crate) fn print_settings(scale: Scale) {
    println!("\nOther settings: hits in percent less those of the best peer, over all traces\n");
    print_cells(&["settings", "fixed, mean", "fixed, worst", "heavy-tailed, mean", "heavy-tailed, worst"]);
    print_cells(&["---", "---:", "---:", "---:", "---:"]);
    let all = settings();
    let leads = [Sizes::Fixed, Sizes::HeavyTailed].map(|sizes| leads(&all, scale, sizes));
    for (index, settings) in all.iter().enumerate() {
        let mut cells = vec![settings.name()];
        for leads in &leads {
            let leads: Vec<f64> = leads.iter().map(|leads| leads[index]).collect();
            let mean = leads.iter().sum::<f64>() / leads.len() as f64;
            let worst = leads.iter().copied().fold(f64::INFINITY, f64::min);
            cells.extend([format!("{mean:+.2}"), format!("{worst:+.2}")]);
        }
        print_row(&cells);
    }
}

fn settings() -> Vec<Kind> {
    let mut all = vec![Kind::Larder];
    for entry_kib in [2, 4, 8, 32] {
        for hot_percent in [97, 94, 90, 85] {
            let admission = Admission::Always;
            all.push(Kind::QuickCache(Settings { hot_percent, entry_bytes: entry_kib * 1024, admission }));
        }
    }
    for entry_kib in [2, 8] {
        for least in [0.0, 0.0625, 0.25] {
            let admission = Admission::BySize(least);
            all.push(Kind::QuickCache(Settings {
                hot_percent: 90,
                entry_bytes: entry_kib * 1024,
                admission,
            }));
        }
    }
    all
}

/// Returns how far each of these caches is ahead of the best peer, for each trace and size.
fn leads(kinds: &[Kind], scale: Scale, sizes: Sizes) -> Vec<Vec<f64>> {
    let lead = |requests: &[Object], bytes: u64, part: u64| {
        let percent = |kind: &Kind| {
            let hits = replay(&mut *kind.with_capacity(bytes / part), requests);
            100.0 * hits as f64 / requests.len() as f64
        };
        let best = PEERS.iter().map(percent).fold(0.0, f64::max);
        kinds.iter().map(|kind| percent(kind) - best).collect()
    };
    let mut leads = Vec::new();
    for traffic in ALL {
        let requests = traffic.requests(scale, sizes);
        let bytes = distinct_bytes(&requests);
        leads.extend(PARTS.map(|part| lead(&requests, bytes, part)));
    }
    leads
}

/// Returns a size in percent of the distinct bytes.
fn size(part: u64) -> String {
    format!("{} %", 100.0 / part as f64)
}

/// Prints the head of a table with the names of the peers between these columns.
fn print_head(first: &[&str], last: &[&str]) {
    let mut cells: Vec<String> = first.iter().map(ToString::to_string).collect();
    cells.extend(PEERS.map(Kind::name));
    cells.extend(last.iter().map(ToString::to_string));
    print_row(&cells);
    let aligned: Vec<&str> =
        (0..cells.len()).map(|column| if column == 0 { "---" } else { "---:" }).collect();
    print_cells(&aligned);
}

fn print_row(cells: &[String]) {
    print_cells(&cells.iter().map(String::as_str).collect::<Vec<_>>());
}

fn print_cells(cells: &[&str]) {
    println!("| {} |", cells.join(" | "));
}
