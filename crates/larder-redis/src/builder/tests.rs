use super::*;

fn error(builder: RedisStoreBuilder) -> ConnectError {
    builder.connect().unwrap_err()
}

#[tokio::test]
async fn settings_that_cannot_be_right_are_named() {
    let builder = || RedisStore::builder("redis://127.0.0.1:1");
    for (wrong, named) in [
        (builder().namespace("a:b"), "\"a:b\""),
        (builder().namespace(""), "\"\""),
        (builder().command_timeout(Duration::ZERO), "0ns"),
        (builder().log_length(0), "0 cannot"),
        (builder().log_bytes(MIN_LOG_BYTES - 1), "65535 bytes cannot"),
        (builder().wait_for_replicas(0, Duration::from_millis(100)), "0 cannot be the number of replicas"),
        (builder().wait_for_replicas(1, Duration::ZERO), "0ns"),
        (builder().wait_for_replicas(1, Duration::from_millis(501)), "501ms"),
    ] {
        let error = error(wrong);
        assert_eq!(error.kind(), ConnectErrorKind::Setting);
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let error = error(RedisStore::builder("redis://127.0.0.1:1"));
    assert_eq!(error.kind(), ConnectErrorKind::NoRuntime);
}

#[test]
fn debug_output_has_no_password() {
    let shown = format!("{:?}", RedisStore::builder("redis://:secret@host"));
    assert!(!shown.contains("secret"), "{shown}");
}
