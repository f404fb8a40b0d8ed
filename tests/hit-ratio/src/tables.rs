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

/// Prints the hit ratios of quick_cache with other settings, less those with Larder's.
pub(crate) fn print_settings(scale: Scale) {
    println!("\nOther settings of quick_cache: hits in percent, less those with the settings of Larder\n");
    print_cells(&["settings", "fixed, mean", "least", "most", "heavy-tailed, mean", "least", "most"]);
    print_cells(&["---", "---:", "---:", "---:", "---:", "---:", "---:"]);
    let all = settings();
    let gains = [Sizes::Fixed, Sizes::HeavyTailed].map(|sizes| gains(&all, scale, sizes));
    for (index, settings) in all.iter().enumerate() {
        let mut cells = vec![settings.to_string()];
        for gains in &gains {
            let gains: Vec<f64> = gains.iter().map(|gains| gains[index]).collect();
            let mean = gains.iter().sum::<f64>() / gains.len() as f64;
            let least = gains.iter().copied().fold(f64::INFINITY, f64::min);
            let most = gains.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            cells.extend([mean, least, most].map(|gain| format!("{gain:+.2}")));
        }
        print_row(&cells);
    }
}

/// The settings of Larder, apart from its shards.
const LARDER: Settings = Settings { hot_percent: 90, entry_bytes: 2048, admission: Admission::Always };

fn settings() -> Vec<Settings> {
    let mut all = Vec::new();
    for entry_kib in [2, 4, 8, 32] {
        let always = |hot_percent| Settings { hot_percent, entry_bytes: entry_kib * 1024, ..LARDER };
        all.extend([97, 94, 90, 85].map(always));
    }
    for entry_kib in [2, 8] {
        let by_size =
            |least| Settings { entry_bytes: entry_kib * 1024, admission: Admission::BySize(least), ..LARDER };
        all.extend([0.0, 0.0625, 0.25].map(by_size));
    }
    all
}

/// Returns the gain of each of these settings, for each trace and size of the cache.
fn gains(all: &[Settings], scale: Scale, sizes: Sizes) -> Vec<Vec<f64>> {
    let gain = |requests: &[Object], capacity: u64| {
        let percent = |settings: Settings| {
            let hits = replay(&mut *Kind::QuickCache(settings).with_capacity(capacity), requests);
            100.0 * hits as f64 / requests.len() as f64
        };
        let larder = percent(LARDER);
        all.iter().map(|settings| percent(*settings) - larder).collect()
    };
    let mut gains = Vec::new();
    for traffic in ALL {
        let requests = traffic.requests(scale, sizes);
        let bytes = distinct_bytes(&requests);
        gains.extend(PARTS.map(|part| gain(&requests, bytes / part)));
    }
    gains
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
