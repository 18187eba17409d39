use super::*;

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input: Some(input),
        output: Some(output),
        ..Usage::default()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn cost(sheet: &Sheet, usage: &Usage, tier: Option<&str>, at: Timestamp) -> Option<u64> {
    let sale = Sale {
        usage,
        longest_input: None,
        service_tier: tier,
        at,
    };
    sheet.cost(&sale).map(|(usd, _)| usd.nano())
}

fn prices(prices: &[(Unit, u64)]) -> PriceSet {
    let prices = prices.iter();
    prices
        .map(|(unit, nano)| (*unit, Price::flat(*nano, MILLION)))
        .collect()
}

#[test]
fn a_sum_is_rounded_once() {
    // 0.4 and 0.3 billionths.
    let sheet = Sheet::of(prices(&[(Unit::Input, 400_000), (Unit::Output, 300_000)]));
    let now = at("2026-11-22T00:00:00Z");
    assert_eq!(cost(&sheet, &usage(1, 1), None, now), Some(1));
    assert_eq!(cost(&sheet, &usage(1, 0), None, now), Some(0));
    assert_eq!(cost(&sheet, &usage(0, 0), None, now), Some(0));
}

#[test]
fn what_has_no_price_has_no_cost() {
    let sheet = Sheet::of(prices(&[(Unit::Page, 1)]));
    let now = at("2026-11-22T00:00:00Z");
    assert_eq!(cost(&sheet, &usage(1_000, 10), None, now), None);
    let sheet = Sheet::of(prices(&[(Unit::Input, 1)]));
    assert_eq!(cost(&sheet, &Usage::default(), None, now), None);
    assert_eq!(cost(&Sheet::default(), &usage(1, 1), None, now), None);
}

#[test]
fn a_long_input_has_the_rate_of_its_tier() {
    let tiered = Price {
        base: Rate {
            nano: MILLION,
            per: MILLION,
        },
        tiers: [(100, 2), (200, 5)]
            .map(|(above, times)| {
                let rate = Rate {
                    nano: times * MILLION,
                    per: MILLION,
                };
                (above, rate)
            })
            .to_vec(),
    };
    let sheet = Sheet::of([(Unit::Input, tiered)].into());
    let now = at("2026-11-22T00:00:00Z");
    for (input, expected) in [(100, 100), (101, 202), (200, 400), (201, 1005)] {
        assert_eq!(cost(&sheet, &usage(input, 0), None, now), Some(expected));
    }
    // Several inputs of at most 100 tokens.
    let several = sheet.cost(&Sale {
        usage: &usage(201, 0),
        longest_input: Some(100),
        service_tier: None,
        at: now,
    });
    assert_eq!(several.map(|(usd, _)| usd.nano()), Some(201));
}

#[test]
fn prices_hold_at_their_times_and_for_their_tiers() {
    let one = |nano| prices(&[(Unit::Input, nano * MILLION)]);
    let from = at("2026-11-01T00:00:00Z").as_second();
    let night = Period::Daily {
        begin: 22 * 3600,
        end: 6 * 3600,
    };
    let sheet = Sheet {
        sets: vec![
            (Period::Always, one(1)),
            (Period::From(from), one(2)),
            (night, one(3)),
        ],
        variants: vec![Variant {
            tier: "flex".into(),
            period: Period::From(from),
            prices: one(7),
        }],
        ..Sheet::default()
    };
    for (time, tier, expected) in [
        ("2026-10-31T12:00:00Z", None, 1),
        ("2026-11-01T12:00:00Z", None, 2),
        ("2026-11-01T21:59:59Z", None, 2),
        ("2026-11-01T22:00:00Z", None, 3),
        ("2026-11-02T05:59:59Z", None, 3),
        ("2026-11-02T06:00:00Z", None, 2),
        ("2026-11-02T06:00:00Z", Some("flex"), 7),
        ("2026-10-31T12:00:00Z", Some("flex"), 1),
        ("2026-11-02T06:00:00Z", Some("other"), 2),
    ] {
        assert_eq!(
            cost(&sheet, &usage(1, 0), tier, at(time)),
            Some(expected),
            "{time}"
        );
    }
}

#[test]
fn parts_tell_unit_prices_as_people_write_them() {
    let sheet = Sheet::of(
        [
            (Unit::Input, Price::flat(2_500_000_000, MILLION)),
            (Unit::Search, Price::flat(10_000_000_000, 1_000)),
            (Unit::Millisecond, Price::flat(36_000_000, 3_600_000)),
        ]
        .into(),
    );
    let used = Usage {
        input: Some(4),
        units: crate::usage::Units {
            searches: Some(2),
            milliseconds: Some(500),
            ..crate::usage::Units::default()
        },
        ..Usage::default()
    };
    let sale = Sale {
        usage: &used,
        longest_input: None,
        service_tier: None,
        at: at("2026-11-22T00:00:00Z"),
    };
    let (usd, parts) = sheet.cost(&sale).expect("a price");
    assert_eq!(usd.to_string(), "0.020015");
    let parts: Vec<_> = parts
        .iter()
        .map(|it| (&*it.what, it.count, it.price.to_string()))
        .collect();
    let expected = [
        ("input", 4, "2.5".to_owned()),
        ("searches", 2, "0.01".to_owned()),
        ("milliseconds", 500, "0.01".to_owned()),
    ];
    assert_eq!(parts, expected);
}

#[test]
fn lies_about_usage_cannot_overflow_a_cost() {
    let sheet = Sheet::of(prices(&[(Unit::Input, u64::MAX), (Unit::Output, u64::MAX)]));
    let now = at("2026-11-22T00:00:00Z");
    let most = cost(&sheet, &usage(u64::MAX, u64::MAX), Some("x"), now);
    assert_eq!(most, Some(u64::MAX));
}
