fn main() {
    let want = std::env::args().nth(1);
    for scope in larder_model::configurations::small() {
        if want.as_ref().is_some_and(|want| scope.name != want) { continue; }
        let report = larder_model::run::check(&scope, std::env::var("MOST").ok().and_then(|m| m.parse().ok()).unwrap_or(20_000_000), 1);
        println!("{:12} {} {} {} {:?} {}", scope.name, report.states, report.unique, report.depth, report.took, report.is_exhausted);
        if let Some(trace) = report.trace {
            for a in &trace.actions { println!("   {a:?}"); }
            println!("{:?}\n{:#?}", trace.broken, trace.end);
        }
    }
}
