//! probe
use larder_hit_ratio::{contenders::*, traces::*, *};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::collections::{HashSet, VecDeque};
#[derive(Clone)]
struct W;
impl Weighter<u64, u64> for W { fn weight(&self, _: &u64, b: &u64) -> u64 { *b } }
enum Rule { Prob(f64), Door(f64), Sq(f64) }
struct Adm { t: Cache<u64, u64, W>, cap: u64, rule: Rule, rng: fastrand::Rng, seen: HashSet<u64>, order: VecDeque<u64> }
impl Adm { fn new(cap: u64, e: u64, h: f64, rule: Rule) -> Self {
  let o = OptionsBuilder::new().estimated_items_capacity(((cap/e) as usize).max(16)).weight_capacity(cap).shards(1).hot_allocation(h).ghost_allocation(0.5).build().unwrap();
  Self { t: Cache::with_options(o, W, DefaultHashBuilder::default(), DefaultLifecycle::default()), cap, rule, rng: fastrand::Rng::with_seed(1), seen: HashSet::new(), order: VecDeque::new() } } }
impl Contender for Adm { fn request(&mut self, o: Object) -> bool {
  if self.t.get(&o.key).is_some() { return true; }
  let full = self.t.weight() + o.bytes > self.cap;
  let mean = self.t.weight() as f64 / (self.t.len().max(1) as f64);
  let admit = !full || match self.rule {
    Rule::Prob(k) => self.rng.f64() < (-(o.bytes as f64) / (k * mean)).exp(),
    Rule::Sq(k) => self.rng.f64() < k * mean / o.bytes as f64,
    Rule::Door(k) => (o.bytes as f64) < k * mean || {
        let was = self.seen.contains(&o.key);
        if !was { self.seen.insert(o.key); self.order.push_back(o.key); while self.order.len() > self.t.len() { let x = self.order.pop_front().unwrap(); self.seen.remove(&x); } }
        was },
  };
  if admit { self.t.insert(o.key, o.bytes); }
  false } }
fn main() {
    let scale = Scale { objects: 200_000, requests: 1_000_000 };
    let settings = |h, g, e| Kind::QuickCache(Settings { hot_percent: h, ghost_percent: g, entry_bytes: e });
    let mut kinds = vec![Kind::Larder];
    for e in [2048, 4096, 8192, 16384, 32768] { for h in [97, 94, 90, 85] { kinds.push(settings(h, 50, e)); } }
    kinds.extend(PEERS);
    let size = std::env::args().nth(1).unwrap();
    let adm = std::env::args().nth(2).is_some();
    let sizes = if size == "f" { Sizes::Fixed } else { Sizes::HeavyTailed };
    {
        for t in ALL {
            let r = t.requests(scale, sizes);
            let all = distinct_bytes(&r);
            for part in [1000, 100, 10] {
                let cap = all / part;
                let pct = |h: u64| 100.0 * h as f64 / r.len() as f64;
                let tag = format!("{:?}\t{}\t{}", sizes, t.name(), 100.0/part as f64);
                println!("{tag}\tceiling\t{:.3}", pct(ceiling::max_hits(&r, cap)));
                if adm {
                    for k in [0.5, 1.0, 2.0, 4.0, 8.0] {
                        for e in [4096, 32768] {
                        for (n, rule) in [("prob", Rule::Prob(k)), ("door", Rule::Door(k)), ("sq", Rule::Sq(k))] {
                            println!("{tag}\t{n} {k} {e}\t{:.3}", pct(replay(&mut Adm::new(cap, e, 0.97, rule), &r)));
                        } }
                    }
                    continue;
                }
                for k in &kinds {
                    println!("{tag}\t{}\t{:.3}", k.name(), pct(replay(&mut *k.with_capacity(cap), &r)));
                }
            }
        }
    }
}
