//! A second request beside a slow one: when it is sent, and which of the two is the client's.

use super::*;
use crate::upstream::Cause;

const HEDGE: &str = r#""hedge":{"after":200}"#;

fn closed(after: u64) -> Scene {
    Scene::breaks(Cause::ClosedBeforeHead).after(ms(after))
}

#[actix_rt::test]
async fn the_first_good_response_wins() {
    let (alone, fallback) = (|| with(ALONE, HEDGE), || with(FALLBACK, HEDGE));
    let two = [(1, 0), (1, 200)];
    let after = |after| good().after(ms(after));
    check([
        row("none beside a fast one", alone(), [after(190)]).at(190),
        row("the second", alone(), [after(1000), after(100)])
            .sent(&two)
            .at(300),
        row("the first after all", alone(), [after(300), after(1000)])
            .sent(&two)
            .at(300),
        row("on the next target", fallback(), [after(1000), after(100)])
            .sent(&[(1, 0), (2, 200)])
            .telling("x-gateway-last-used-option-index", "config.targets[1]")
            .at(300),
        row(
            "one that failed is no winner",
            alone(),
            [closed(250), after(400)],
        )
        .sent(&two)
        .at(600),
        row(
            "the second may fail as well",
            alone(),
            [after(900), closed(100)],
        )
        .sent(&two)
        .at(900),
        row("both fail", alone(), [closed(900), closed(100)])
            .sent(&two)
            .refused(502, "upstream_closed")
            .at(900),
        row("not beside an upload under way", alone(), [after(500)])
            .asking(|ask| ask.body(&[(ms(150), "{"), (ms(150), "}")]))
            .at(800),
        row(
            "a client that leaves ends both",
            alone(),
            [after(9000), after(9000)],
        )
        .leaving(ms(400))
        .sent(&two)
        .refused(499, "client_closed")
        .at(500),
    ])
    .await;
}

#[actix_rt::test]
async fn a_response_is_held_back_for_the_hedge_to_come() {
    tokio::time::pause();
    let slow = stream().chunk(ms(5000), TOKEN).chunk(ms(0), LAST);
    let fast = stream().chunk(ms(50), TOKEN).chunk(ms(0), LAST);
    let harness = Harness::new([slow, fast]);
    let got = harness.ask(chat(with(ALONE, HEDGE))).await;
    assert!(about(250).contains(&got.head_after), "{got:?}");
    assert_eq!(harness.ports(), [1, 1]);
    assert_eq!(
        harness.metric("throughway_upstream_hedges_total{winner=\"second\"}"),
        1
    );
}

#[actix_rt::test]
async fn only_the_first_hedge_is_free() {
    tokio::time::pause();
    let slow = || good().after(ms(1000));
    let harness = Harness::new([slow(), slow(), slow()]);
    for _ in 0..2 {
        assert_eq!(harness.ask(chat(with(ALONE, HEDGE))).await.status, 200);
    }
    assert_eq!(harness.ports(), [1, 1, 1]);
    assert_eq!(
        harness.metric("throughway_upstream_hedges_total{winner=\"first\"}"),
        1
    );
}
