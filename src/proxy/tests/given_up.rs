//! What is charged for attempts whose responses no client got.

use super::{
    records::{Recorded, USED},
    *,
};
use crate::{
    spend::{Place, Whose},
    upstream::Cause,
};

/// A dollar for each million tokens of a request, two for those of a response.
const SETTINGS: &str = "
prices: { overrides: [{ model: m, input: 1, output: 2 }] }
budgets:
  - { usd: 1, window: total, by: origin }
  - { tokens: 100000, window: total }
";
const BODY: &str = r#"{"model":"m","messages":[]}"#;
/// What the response costs that is relayed, in billionths of a dollar.
const RELAYED: u64 = 10 * 1_000 + 20 * 2_000;
/// What its input costs.
const INPUT: u64 = 10 * 1_000;

/// A response that reports 10 tokens of input and 20 of output.
fn used() -> Scene {
    let length: &'static str = USED.len().to_string().leak();
    let headers = [
        ("content-type", "application/json"),
        ("content-length", length),
    ];
    Scene::responds(200, &headers).chunk(ms(0), USED)
}

impl Recorded {
    /// What is counted for each value of a budget of the settings.
    async fn spent(&self, budget: usize) -> BTreeMap<String, u64> {
        let gateway = &self.harness.worker.gateway;
        let scoped = gateway.budgets.iter().nth(budget).expect("a budget");
        let span = scoped.budget.window.at(crate::machine::clock::wall());
        let place = Place {
            budget: scoped.id(),
            start: span.start.as_millisecond(),
            whose: Whose::ALL,
        };
        let values = gateway.process.budgets.spend.values(&place).await;
        let values = values.expect("counts of this process").into_iter();
        values
            .map(|it| (it.label.to_string(), it.standing.spent))
            .collect()
    }
}

fn ask(config: impl Into<String>) -> Ask {
    chat(config).body(&[(ms(0), BODY)])
}

/// The input of an attempt is owed once its upstream has begun to respond, and not before.
#[actix_rt::test]
async fn a_response_that_had_begun_costs_its_input() {
    tokio::time::pause();
    let hedge = with(FALLBACK, r#""hedge":{"after":100}"#);
    let error = Scene::responds(200, JSON).chunk(ms(0), r#"{"error":{"message":"no"}}"#);
    for (name, config, first, owed) in [
        ("cut before a token", FALLBACK, stream().cut(ms(5)), INPUT),
        (
            "a hedge with a head",
            &hedge,
            stream().chunk(ms(900), TOKEN),
            INPUT,
        ),
        ("a hedge without", &hedge, stream().after(ms(900)), 0),
        ("an error in a 200", FALLBACK, error, 0),
        ("an error", FALLBACK, failing(503), 0),
        (
            "no head",
            FALLBACK,
            Scene::breaks(Cause::ClosedBeforeHead),
            0,
        ),
    ] {
        let mut recorded = Recorded::with_settings(SETTINGS, [first, used().after(ms(10))]);
        let record = recorded.record_of(ask(config)).await;
        let attempts = record.attempts.iter();
        let costs: Vec<u64> = attempts
            .map(|it| it.cost.map_or(0, |it| it.nano()))
            .collect();
        assert_eq!(costs, [owed, 0], "{name}");
        let cost = record.cost.expect("a cost");
        assert_eq!(cost.usd.nano(), RELAYED + owed, "{name}");
        let by_origin = recorded.spent(0).await;
        let of = |port: u8| by_origin.get(&format!("http://127.0.0.1:{port}")).copied();
        let relayed = record.origin.as_deref().expect("an origin");
        assert_eq!(by_origin.values().sum::<u64>(), RELAYED + owed, "{name}");
        if relayed == "http://127.0.0.1:2" {
            assert_eq!((of(1), of(2)), (Some(owed), Some(RELAYED)), "{name}");
        }
        let tokens = recorded.spent(1).await.into_values().sum::<u64>();
        assert_eq!(tokens, 30 + owed / 1_000, "{name}");
    }
}

#[actix_rt::test]
async fn a_client_that_leaves_owes_the_input_of_a_response_that_was_held_back() {
    tokio::time::pause();
    let mut recorded = Recorded::with_settings(SETTINGS, [stream().chunk(ms(9000), TOKEN)]);
    let mut client = recorded.harness.connect();
    client.leaves = Some(ms(400));
    client.ask(ask(FALLBACK)).await;
    let record = recorded.only().await;
    let estimated = BODY.len().div_ceil(3) as u64;
    assert_eq!(record.cost.map(|it| it.usd.nano()), Some(estimated * 1_000));
    let tokens = recorded.spent(1).await.into_values().sum::<u64>();
    assert_eq!(tokens, estimated);
}
