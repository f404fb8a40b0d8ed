//! The operator who runs this program.

/// The longest name in the record of the switches.
const MAX_BYTES: usize = 128;

/// Returns the user and the host, such as `ann@web-1`.
pub(super) fn operator() -> String {
    let named = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = named("USER").or_else(|| named("LOGNAME")).or_else(|| named("USERNAME"));
    shown(&user.unwrap_or_else(|| "unknown".to_owned()), &host())
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "unknown".to_owned())
}

fn shown(user: &str, host: &str) -> String {
    let mut text = String::new();
    for char in format!("{user}@{host}").chars().filter(|char| !char.is_control()) {
        if text.len() + char.len_utf8() > MAX_BYTES {
            break;
        }
        text.push(char);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_one_that_the_record_accepts() {
        assert_eq!(shown("ann", "web-1"), "ann@web-1");
        assert_eq!(shown("a\nb", "c"), "ab@c");
        assert_eq!(shown(&"é".repeat(100), "c").len(), 128);
        assert!(operator().contains('@'));
    }
}
