//! Numbers with units.

use std::time::Duration;

/// Returns a number with a space between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Returns a number of bytes, such as `1.5 MiB`.
#[allow(clippy::cast_precision_loss)] // Shown with one digit after the point.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

/// Returns a time, such as `340 µs`, `12.0 ms`, `1.5 s`, `3 min`, `2 h` or `5 d`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if time.is_zero() => "0 s".to_owned(),
        _ if seconds < 0.001 => format!("{} µs", time.as_micros()),
        _ if seconds < 0.999_95 => format!("{:.1} ms", seconds * 1e3),
        _ if seconds < 120.0 => format!("{seconds:.1} s"),
        _ if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        _ if seconds < 48.0 * 3600.0 => format!("{:.0} h", seconds / 3600.0),
        _ => format!("{:.0} d", seconds / 86_400.0),
    }
}

/// Returns a number of seconds as a time. One that is no time is a dash.
pub(crate) fn seconds(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| "-".to_owned(), duration)
}

/// Returns a fraction as a percentage, such as `98.5 %`.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.1} %", fraction * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1000, "1 000"), (65_536, "65 536"), (1_234_567, "1 234 567")]
        {
            assert_eq!(count(number), expected);
        }
        for (number, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (1_048_575, "1.0 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(bytes(number), expected);
        }
        for (micros, expected) in [
            (0, "0 s"),
            (1, "1 µs"),
            (999, "999 µs"),
            (12_000, "12.0 ms"),
            (999_990, "1.0 s"),
            (1_500_000, "1.5 s"),
            (180_000_000, "3 min"),
            (7_200_000_000, "2 h"),
            (432_000_000_000, "5 d"),
        ] {
            assert_eq!(duration(Duration::from_micros(micros)), expected);
        }
        assert_eq!(
            (percent(0.0), percent(0.985), percent(1.0)),
            ("0.0 %".into(), "98.5 %".into(), "100.0 %".into())
        );
    }
}
