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
    assert_eq!(site.run(&["enable"]).await.code, 0);
    for instance in [&a, &b] {
        instance.answers("/products/1", "HIT", 1).await;
    }
    assert_eq!(site.json(&["switches"]).await, serde_json::json!([]));
}
