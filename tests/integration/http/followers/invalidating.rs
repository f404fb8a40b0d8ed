//! Rule 13 of the log.

use super::*;

/// Rule 13: a request after an invalidation gets nothing that the fill read before, and need not
/// wait for it.
#[tokio::test]
async fn a_request_after_an_invalidation_does_not_follow_what_was_read_before() {
    for (by_handler, soft) in [(false, false), (false, true), (true, false), (true, true)] {
        let (cache, _) = cache();
        let (gate, second) = (Gate::new(), Gate::new());
        let origin = Origin::queue([parts(&["old ", "v1"], &gate), parts(&["new ", "v2"], &second)]);
        let (site, door) = named(&cache, by_handler, &origin).await;
        let mut before = head(&site, "/a").await;
        assert_eq!(next(&mut before).await, "old ");
        let mut joined = head(&site, "/a").await;
        assert_eq!(next(&mut joined).await, "old ");
        door.came(2).await;

        let what = larder::Invalidation::of(Tag::new("thing"));
        let _ = cache.invalidate(if soft { what.soft() } else { what }).await;
        // The first gate does not hold these requests, although the first two still wait for it.
        // One of them runs the handler for all.
        let after = at_once(&site, "/a", 5);
        door.came(5).await;
        soon("another run", second.arrived(1)).await;
        second.open();
        assert!(all(after).await.iter().all(|page| page.is("MISS", "new v2")), "{by_handler} {soft}");
        gate.open();
        for earlier in [before, joined] {
            assert_eq!(rest(earlier).await.unwrap(), "v1");
        }
        assert!(site.get("/a").await.is("HIT", "new v2"), "{by_handler} {soft}");
        assert_eq!(origin.calls(), 2);
    }
}

/// Rule 13: the names of a response are known with its head, and are checked then. A request that
/// joined after an invalidation does not follow.
#[tokio::test]
async fn a_request_that_joined_after_an_invalidation_does_not_follow_once_the_head_has_come() {
    let (cache, _) = cache();
    let (late, gate) = (Gate::new(), Gate::new());
    let origin = Origin::queue([parts(&["old ", "v1"], &gate).held_at(&late), Answer::ok("v2")]);
    let (site, door) = named(&cache, true, &origin).await;
    let before = at_once(&site, "/a", 1);
    soon("the first run", late.arrived(1)).await;
    let _ = cache.invalidate(Tag::new("thing")).await;
    door.came(1).await;
    let after = at_once(&site, "/a", 3);
    door.came(3).await;
    assert_eq!(origin.calls(), 1, "no request knows yet that it waits in vain");
    late.open();
    assert!(all(after).await.iter().all(|page| page.text() == "v2"));
    assert_eq!(origin.calls(), 2);
    gate.open();
    assert_eq!(all(before).await[0].text(), "old v1");
    assert!(site.get("/a").await.is("HIT", "v2"));
}
