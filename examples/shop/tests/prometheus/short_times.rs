//! The files of `ops/prometheus` with times that a test can wait for.

const ALERTS: &str = include_str!("../../../../ops/prometheus/alerts.yml");
const CONFIG: &str = include_str!("../../../../ops/prometheus/prometheus.yml");

/// The range of rates. It has 15 scrapes.
pub(crate) const RANGE: &str = "15s";

/// Returns the rules: an alert fires after two seconds, and rates are those of some seconds.
///
/// Everything else is as in the file. Names keep the original times.
pub(crate) fn rules() -> String {
    ALERTS.lines().map(shorten).collect()
}

fn shorten(line: &str) -> String {
    let indentation = line.len() - line.trim_start().len();
    let line = match line.trim_start().starts_with("for: ") {
        true => format!("{}for: 2s", &line[..indentation]),
        false => line.to_owned(),
    };
    let line = line.replace("[5m]", &format!("[{RANGE}]")).replace("offset 1h", "offset 20s");
    line.replace("(larder_queue_oldest_seconds) > 300", "(larder_queue_oldest_seconds) > 5") + "\n"
}

/// Returns the configuration with these two targets, and a scrape every second.
pub(crate) fn config(targets: [&str; 2]) -> String {
    let config = CONFIG.replace("_interval: 15s", "_interval: 1s");
    config.replace("shop-a:3000", targets[0]).replace("shop-b:3000", targets[1])
}

#[test]
fn only_times_are_shortened() {
    let rules = rules();
    assert_eq!(rules.lines().count(), ALERTS.lines().count());
    for long in ["[5m]", "offset 1h", "> 300", "for: 1"] {
        assert!(ALERTS.contains(long), "{long}");
        let expression = rules.lines().find(|line| !line.trim().starts_with('#') && line.contains(long));
        assert_eq!(expression, None);
    }
    let changed = rules.lines().zip(ALERTS.lines()).filter(|(short, long)| short != long);
    let is_time = |line: &str| ["for: ", "[15s]", "offset 20s", "> 5"].iter().any(|time| line.contains(time));
    assert!(changed.clone().all(|(short, _)| is_time(short)));
    assert!(changed.count() > 10);
}

#[test]
fn the_configuration_has_the_targets_of_the_test() {
    let config = config(["127.0.0.1:1", "127.0.0.1:2"]);
    assert!(config.contains("targets: [127.0.0.1:1, 127.0.0.1:2]"), "{config}");
    assert_eq!(config.matches("_interval: 1s").count(), 2, "{config}");
}
