//! Which requests have room in their budgets, and what each costs that is sent.

mod estimates;
mod selectors;

use futures_util::future::join;

use super::*;
use crate::{
    identity::token::GatewayKey,
    money::Usd,
    price::{Estimated, PriceOf},
    spend::Standing,
    upstream::Cause,
};

/// Ten requests a day, of one dollar each.
const TEN: &str = "
endpoints:
  - path: /paid
    target: http://127.0.0.1:1/v1
    cost_per_request: 1
    budgets: [{ name: ten, usd: 10, window: day, soft: 0.8 }]
";

fn paid() -> Ask {
    Ask {
        path: "/paid/x",
        ..chat("{}")
    }
}

/// A dollar for each million tokens of a request, ten for those of a response.
struct Prices;

impl PriceOf for Prices {
    fn estimate(&self, _: &str, model: Option<&str>, input: u64, output: u64) -> Option<Estimated> {
        let price = Estimated {
            whole: Usd::from_nano(input * 1_000 + output * 10_000),
            input: Usd::from_nano(input * 1_000),
        };
        (model != Some("unpriced")).then_some(price)
    }
}

fn priced(settings: &str, scenes: impl IntoIterator<Item = Scene>) -> Harness {
    let (environment, flags) = (Environment::default(), Flags::default());
    let settings = Settings::parse(settings, Path::new("s"), &environment, &flags);
    let mut gateway = Gateway::new(&settings.expect("settings")).expect("usable settings");
    gateway.estimates = Arc::new(Prices);
    Harness::of(gateway, scenes)
}

impl Harness {
    /// What is spent and reserved of the first budget of the settings or endpoints.
    async fn standing(&self) -> Standing {
        let gateway = &self.worker.gateway;
        let budgets = match gateway.budgets.iter().next() {
            Some(budget) => budget.clone(),
            None => {
                let found = gateway.known.endpoints.find("POST", "/paid/x");
                let crate::endpoint::Lookup::Found(found) = found else {
                    panic!("no budget");
                };
                found
                    .endpoint
                    .budgets
                    .iter()
                    .next()
                    .expect("a budget")
                    .clone()
            }
        };
        let start = budgets
            .budget
            .window
            .at(crate::machine::clock::wall())
            .start;
        let place = crate::spend::Place {
            budget: budgets.id(),
            start: start.as_millisecond(),
            whose: crate::spend::Whose::ALL,
        };
        let standing = gateway.process.budgets.spend.standing(&place).await;
        standing.expect("counts of this process")
    }

    fn outstanding(&self) -> u64 {
        self.metric("throughway_budget_reservations")
    }
}

#[actix_rt::test]
async fn a_budget_ends_with_its_last_request_and_begins_with_the_day() {
    tokio::time::pause();
    let harness = Harness::with_settings(TEN, std::iter::repeat_with(good).take(20));
    for at in 0..10 {
        let got = harness.ask(paid()).await;
        assert_eq!(got.status, 200, "{got:?}");
        let warning = got.header("x-gateway-budget-warning");
        let expected = match at {
            0..7 => "",
            7 => "ten;used=0.8",
            8 => "ten;used=0.9",
            _ => "ten;used=1",
        };
        assert_eq!(warning, expected, "{at}");
    }
    let refused = harness.ask(paid()).await;
    assert_eq!((refused.status, refused.error()), (402, "budget_exceeded"));
    assert_eq!(refused.header("retry-after"), "");
    for part in [
        "the budget ten (endpoints./paid)",
        "may take 1 USD",
        "10 USD of 10 USD are spent",
        "0 USD reserved",
        "begins anew at",
    ] {
        assert!(refused.body.contains(part), "{part}: {}", refused.body);
    }
    assert_eq!(harness.metric("throughway_budget_refusals_total"), 1);
    assert_eq!(harness.outstanding(), 0);
    tokio::time::advance(Duration::from_secs(24 * 3600)).await;
    assert_eq!(harness.ask(paid()).await.status, 200);
    assert_eq!(harness.sent().len(), 11);
}

/// What is counted of a request for each way in which it ends.
#[actix_rt::test]
async fn what_is_owed_depends_on_how_far_a_request_comes() {
    tokio::time::pause();
    let refused = Scene::unreachable(Cause::ConnectTimeout);
    let cut = stream().chunk(ms(5), TOKEN).cut(ms(5));
    for (name, scene, dollars) in [
        ("no connection", refused, 0),
        ("no head", Scene::breaks(Cause::ClosedBeforeHead), 0),
        ("an error", failing(500), 0),
        ("a refusal", failing(400), 0),
        ("a response", good(), 1),
        ("a stream that is cut", cut, 1),
    ] {
        let harness = Harness::with_settings(TEN, [scene]);
        harness.ask(paid()).await;
        let standing = harness.standing().await;
        assert_eq!(standing.spent, dollars * 1_000_000_000, "{name}");
        assert_eq!((standing.reserved, harness.outstanding()), (0, 0), "{name}");
    }
}

#[actix_rt::test]
async fn a_client_that_leaves_owes_nothing_before_the_head() {
    tokio::time::pause();
    for (scene, dollars) in [
        (good().after(ms(5000)), 0),
        (stream().chunk(ms(9000), TOKEN), 1),
    ] {
        let harness = Harness::with_settings(TEN, [scene]);
        let mut client = harness.connect();
        client.leaves = Some(ms(400));
        client.ask(paid()).await;
        assert_eq!(harness.standing().await.spent, dollars * 1_000_000_000);
        assert_eq!(harness.outstanding(), 0);
    }
}

#[actix_rt::test]
async fn what_is_reserved_is_not_left_for_others() {
    tokio::time::pause();
    let settings = TEN.replace("usd: 10", "usd: 1");
    let slow = || good().after(ms(100));
    let harness = Harness::with_settings(&settings, [slow(), slow()]);
    let (first, second) = join(harness.ask(paid()), harness.ask(paid())).await;
    assert_eq!((first.status, second.status), (200, 402));
    assert!(
        second
            .body
            .contains("0 USD of 1 USD are spent and 1 USD reserved")
    );
    assert_eq!(harness.standing().await.spent, 1_000_000_000);
}

#[actix_rt::test]
async fn stored_and_joined_responses_cost_nothing() {
    tokio::time::pause();
    let settings = "
budgets: [{ tokens: 100000, window: month }]
default_target: http://127.0.0.1:1/v1
";
    let harness = Harness::with_settings(settings, [good().after(ms(100)), good()]);
    let cached = || chat("{}").header("x-gateway-cache", "true");
    let (first, second) = join(harness.ask(cached()), harness.ask(cached())).await;
    assert_eq!((first.status, second.status), (200, 200));
    let once = harness.standing().await;
    assert_eq!(harness.sent().len(), 1);
    tokio::time::sleep(ms(10)).await;
    let stored = harness.ask(cached()).await;
    assert_eq!(stored.header("x-gateway-cache-status"), "HIT");
    assert_eq!((harness.standing().await, harness.outstanding()), (once, 0));
    assert!(once.spent > 0);
}

#[actix_rt::test]
async fn a_dry_run_tells_what_is_left_and_reserves_nothing() {
    tokio::time::pause();
    let more =
        format!("{TEN}budgets:\n  - {{ tokens: 9, window: total, match: {{ key: other }} }}\n");
    let harness = Harness::with_settings(&more, [good()]);
    assert_eq!(harness.ask(paid()).await.status, 200);
    for _ in 0..2 {
        let got = harness
            .ask(paid().header("x-gateway-dry-run", "true"))
            .await;
        let plan: serde_json::Value = serde_json::from_str(&got.body).expect("a plan");
        let budgets = plan["budgets"].as_array().expect("budgets");
        assert_eq!(budgets.len(), 1, "{budgets:?}");
        let told = |name: &str| budgets[0][name].as_str().unwrap_or_default();
        assert_eq!((told("name"), told("owner")), ("ten", "endpoints./paid"));
        assert_eq!(
            (told("spent"), told("remaining"), told("reserved")),
            ("1", "9", "0")
        );
    }
    assert_eq!((harness.sent().len(), harness.outstanding()), (1, 0));
}

/// Every way to an upstream goes by the budgets: once they are exhausted nothing is sent.
#[actix_rt::test]
async fn every_route_that_sends_is_counted() {
    tokio::time::pause();
    let settings = "
budgets: [{ tokens: 1, window: day }]
default_target: http://127.0.0.1:1/v1
providers: { mine: { custom_host: \"http://127.0.0.1:1/v1\" } }
configs: { chain: { strategy: { mode: fallback }, targets: [
    { custom_host: \"http://127.0.0.1:1/v1\" }, { custom_host: \"http://127.0.0.1:2/v1\" }] } }
endpoints: [{ path: /own, target: \"http://127.0.0.1:1/v1\" }]
";
    let at = |path| Ask { path, ..chat("{}") };
    let websocket = Ask {
        method: Method::GET,
        body: Vec::new(),
        path: "/v1/realtime?model=m",
        ..chat("{}")
    };
    let websocket = websocket
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    for (name, ask) in [
        ("unified", chat("{}")),
        ("a caller's own config", chat(ALONE)),
        ("the target itself", at("/v1")),
        ("unknown paths", at("/v1/whatever/comes")),
        ("provider", at("/mine/chat/completions")),
        ("endpoint", at("/own/x")),
        ("fallback", chat("chain")),
        ("websocket", websocket),
    ] {
        let harness = Harness::with_settings(settings, [good(), good()]);
        let first = harness.ask(chat("{}")).await;
        assert_eq!(first.status, 200, "{name}: {first:?}");
        let second = harness.ask(ask).await;
        let refused = (second.status, second.error());
        assert_eq!(refused, (402, "budget_exceeded"), "{name}");
        assert_eq!(harness.sent().len(), 1, "{name}");
    }
}
