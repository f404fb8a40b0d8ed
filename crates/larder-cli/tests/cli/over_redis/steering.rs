//! `larder disable`, `enable` and `switches` over Redis.

use super::site::Site;

#[tokio::test]
async fn a_switch_is_for_all_instances_and_says_who_set_it() {
    let site = Site::new().await;
    let (a, b) = (site.instance().await, site.instance().await);
    a.answers("/products/1", "HIT", 1).await;
    let run = site.run(&["disable", "--for", "10m"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.contains("everything") && run.out.contains("ann@"), "{run:?}");
    for instance in [&a, &b] {
        instance.answers("/products/1", "BYPASS", 1).await;
    }
    let switches = site.json(&["switches"]).await;
    assert_eq!((&switches[0]["reach"], &switches[0]["scope"]), (&"fleet".into(), &"all".into()));
    assert_eq!(site.run(&["enable", "--route", "/other"]).await.code, 1);
    let mut enable = site.program(&["enable"]);
    enable.env("USER", "bob");
    assert!(tokio::task::spawn_blocking(move || enable.status().unwrap()).await.unwrap().success());
    // The instances log the change with this name.
    let record = site.redis.command(&["GET", "larder:{larder:log}:switches"]).await.unwrap();
    assert!(record.as_str().unwrap().contains(r#""by":"bob@"#), "{record:?}");
    for instance in [&a, &b] {
        instance.answers("/products/1", "HIT", 1).await;
    }
    assert_eq!(site.json(&["switches"]).await, serde_json::json!([]));
}
