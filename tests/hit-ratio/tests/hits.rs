//! The hits of Larder on small traces, compared with other caches and with the ceiling.

use larder_hit_ratio::attack::{Attack, attack};
use larder_hit_ratio::contenders::{Kind, PEERS};
use larder_hit_ratio::traces::{ALL, Traffic, distinct_bytes};
use larder_hit_ratio::{Comparison, Object, Scale, Sizes};

const SCALE: Scale = Scale { objects: 20_000, requests: 100_000 };

/// Compares all caches on each trace, with this part of its distinct bytes as their capacity.
///
/// Returns the comparisons with names.
fn compare(sizes: Sizes, part: u64) -> Vec<(String, Comparison)> {
    let compare = |traffic: Traffic| {
        let requests = traffic.requests(SCALE, sizes);
        let capacity = distinct_bytes(&requests) / part;
        (format!("{}, {} %", traffic.name(), 100 / part), Comparison::of(&requests, capacity))
    };
    ALL.map(compare).to_vec()
}

fn assert_below_the_ceiling(name: &str, compared: &Comparison) {
    let most = compared.best_peer().max(compared.larder);
    assert!(most <= compared.ceiling, "{name}: {most} hits, {} at most", compared.ceiling);
}

#[test]
fn larder_is_within_one_percent_of_the_best_cache_if_all_responses_have_one_size() {
    let mut behind = Vec::new();
    for (name, compared) in [100, 10].into_iter().flat_map(|part| compare(Sizes::Fixed, part)) {
        assert_below_the_ceiling(&name, &compared);
        if compared.lead() < -1.0 {
            behind.push(format!("{name}: {:+.2}", compared.lead()));
        }
    }
    assert!(behind.is_empty(), "{behind:#?}");
}

/// moka is ahead: docs/PERFORMANCE.md says why.
#[test]
fn larder_is_ahead_of_lru_if_responses_have_very_different_sizes() {
    for (name, compared) in compare(Sizes::HeavyTailed, 10) {
        assert_below_the_ceiling(&name, &compared);
        let lru = PEERS.iter().zip(&compared.peers).find(|(kind, _)| **kind == Kind::FoyerLru);
        assert!(lru.is_some_and(|(_, hits)| compared.larder > *hits), "{name}: {compared:?}");
    }
}

#[test]
fn made_up_keys_take_less_than_two_percent_of_the_hits() {
    for (made_up, ordinary) in [(1, 10), (1, 1)] {
        let loss = attack(Kind::Larder, 1 << 20, SCALE, Attack { made_up, ordinary, uses: 1 });
        assert!(loss.before > 1000, "{loss:?} is too little to compare");
        assert!(loss.percent() < 2.0, "{made_up}:{ordinary}: {:.2} %, {loss:?}", loss.percent());
    }
}

/// The attack is real: a cache without resistance loses much.
#[test]
fn made_up_keys_take_hits_of_a_cache_that_only_knows_the_last_use() {
    let attack = attack(Kind::FoyerLru, 1 << 20, SCALE, Attack { made_up: 1, ordinary: 1, uses: 1 });
    assert!(attack.percent() > 5.0, "{:.2} %", attack.percent());
}

#[test]
fn each_cache_finds_what_it_stored() {
    for kind in [Kind::Larder].into_iter().chain(PEERS) {
        let mut cache = kind.with_capacity(1 << 20);
        let object = Object { key: 7, bytes: 2048 };
        assert_eq!([false, true, true], [(); 3].map(|()| cache.request(object)), "{}", kind.name());
    }
}
