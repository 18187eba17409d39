use std::{collections::BTreeSet, time::Duration};

use super::{labels::*, *};
use crate::{
    money::Usd,
    price::{Cost, PriceSource},
    usage::Usage,
};

#[test]
fn every_outcome_has_its_own_counter() {
    let metrics = Metrics::new();
    for outcome in Outcome::ALL {
        metrics.ended(outcome).inc();
    }
    let page = metrics.page();
    for outcome in Outcome::ALL {
        let line = format!(
            "throughway_requests_total{{outcome=\"{}\"}} 1",
            outcome.as_str()
        );
        assert!(page.contains(&line), "{line}\n{page}");
    }
}

/// Counts each value once, and finds a line for each.
fn each_value_has_a_line<L: LabelValue>(name: &str, label: &str, count: impl Fn(&Metrics, L)) {
    let metrics = Metrics::new();
    for value in L::ALL {
        count(&metrics, *value);
    }
    let page = metrics.page();
    for value in L::ALL {
        let value = value.label();
        let line = format!("throughway_{name}_total{{{label}=\"{value}\"}} 1\n");
        assert!(page.contains(&line), "{line}\n{page}");
    }
}

#[test]
fn every_value_of_a_label_has_its_own_counter() {
    each_value_has_a_line("errors", "code", Metrics::count_error);
    each_value_has_a_line(
        "upstream_failed_attempts",
        "fault",
        Metrics::count_failed_attempt,
    );
    each_value_has_a_line("breaker_transitions", "to", Metrics::count_breaker);
    each_value_has_a_line("cache_requests", "status", |it, result| {
        it.count_cache(result, None)
    });
    each_value_has_a_line("cache_refusals", "reason", |it, reason| {
        it.count_cache(CacheResult::Miss, Some(reason));
    });
    each_value_has_a_line("upstream_hedges", "winner", |it, winner: Winner| {
        it.count_hedge(winner == Winner::Second);
    });
}

#[test]
fn statuses_count_by_their_class() {
    let metrics = Metrics::new();
    for status in [100, 101, 200, 299, 304, 404, 499, 500, 599, 600, 999] {
        metrics.count_upstream_status(status);
    }
    let page = metrics.page();
    for (class, count) in [("1xx", 2), ("2xx", 2), ("3xx", 1), ("4xx", 2), ("5xx", 4)] {
        let line = format!("throughway_upstream_responses_total{{class=\"{class}\"}} {count}\n");
        assert!(page.contains(&line), "{line}\n{page}");
    }
}

#[test]
fn a_reason_of_the_cache_is_shown_once_it_was_counted() {
    let metrics = Metrics::new();
    assert!(!metrics.page().contains("throughway_cache_refusals_total{"));
    metrics.count_cache(CacheResult::Disabled, Some(NoCacheReason::Method));
    let line = "throughway_cache_refusals_total{reason=\"method\"} 1\n";
    assert!(metrics.page().contains(line));
}

/// A sample's name, without labels and value.
fn sample_name(line: &str) -> &str {
    line.split(['{', ' ']).next().unwrap_or_default()
}

/// The ends of a histogram's samples are the kind's, not the metric's.
fn metric_name<'l>(line: &'l str, listed: &BTreeSet<String>) -> &'l str {
    let name = sample_name(line);
    let ends = ["_bucket", "_count", "_sum"];
    let base = ends.iter().find_map(|end| name.strip_suffix(end));
    base.filter(|base| listed.contains(*base)).unwrap_or(name)
}

fn usage() -> Usage {
    Usage {
        input: Some(100),
        cache_read: Some(30),
        output: Some(0),
        ..Usage::default()
    }
}

fn end<'a>(usage: &'a Usage, cost: Option<&'a Cost>) -> EndFacts<'a> {
    EndFacts {
        outcome: Outcome::Relayed,
        route: RouteLabel::Unified,
        provider: Some("openai"),
        duration: Duration::from_millis(7),
        first_token: Some(Duration::from_millis(6)),
        own: Duration::from_micros(30),
        usage: Some(usage),
        cost,
        key: Some("app"),
        team: Some("search"),
    }
}

fn cost() -> Cost {
    Cost {
        usd: Usd::from_nano(1_500_000_000),
        source: PriceSource::BuiltIn,
        table_date: None,
        parts: Box::default(),
    }
}

const BY_KEY: KeyLabels = KeyLabels {
    key: true,
    team: true,
    most: 2,
};

#[test]
fn the_end_of_a_request_is_counted_by_closed_sets_of_labels() {
    let (metrics, usage, cost) = (Metrics::new(), usage(), cost());
    metrics.note_end(&end(&usage, Some(&cost)));
    metrics.note_end(&EndFacts {
        provider: Some("made up"),
        first_token: None,
        ..end(&usage, None)
    });
    let page = metrics.page();
    let labels = "outcome=\"relayed\",route=\"unified\",provider=\"openai\"";
    for line in [
        format!("throughway_request_duration_seconds_count{{{labels}}} 1"),
        format!("throughway_request_duration_seconds_bucket{{le=\"0.005\",{labels}}} 0"),
        format!("throughway_request_duration_seconds_bucket{{le=\"0.01\",{labels}}} 1"),
        format!("throughway_request_duration_seconds_bucket{{le=\"+Inf\",{labels}}} 1"),
        format!("throughway_request_duration_seconds_sum{{{labels}}} 0.007"),
        "throughway_own_duration_seconds_bucket{le=\"0.00005\",route=\"unified\"} 2".to_owned(),
        "throughway_tokens_total{kind=\"input\",provider=\"openai\"} 100".to_owned(),
        "throughway_tokens_total{kind=\"cache_read\",provider=\"other\"} 30".to_owned(),
        "throughway_cost_dollars_total{provider=\"openai\"} 1.5".to_owned(),
        "throughway_unpriced_requests_total{provider=\"other\"} 1".to_owned(),
    ] {
        assert!(page.contains(&format!("{line}\n")), "{line}\n{page}");
    }
    assert!(
        !page.contains("made up") && !page.contains("key_requests_total"),
        "{page}"
    );
}

#[test]
fn keys_have_series_if_they_are_asked_for_up_to_a_number() {
    let (metrics, usage, cost) = (Metrics::new(), usage(), cost());
    metrics.count_by_key(BY_KEY);
    for key in ["a", "b", "c", "d", "a"] {
        let facts = end(&usage, Some(&cost));
        metrics.note_end(&EndFacts {
            key: Some(key),
            ..facts
        });
    }
    let page = metrics.page();
    for (key, team, count) in [
        ("a", "search", 2),
        ("b", "search", 1),
        ("other", "other", 2),
    ] {
        let labels = format!("{{key=\"{key}\",team=\"{team}\"}}");
        for line in [
            format!("throughway_key_requests_total{labels} {count}\n"),
            format!(
                "throughway_key_input_tokens_total{labels} {}\n",
                100 * count
            ),
        ] {
            assert!(page.contains(&line), "{line}\n{page}");
        }
    }
    assert!(!page.contains("key=\"c\""), "{page}");
}

#[test]
fn the_reference_lists_what_the_page_shows() {
    let metrics = Metrics::new();
    metrics.count_cache(CacheResult::Disabled, Some(NoCacheReason::Method));
    metrics.count_by_key(BY_KEY);
    metrics.note_end(&end(&usage(), Some(&cost())));
    metrics.note_end(&end(&usage(), None));
    let page = metrics.page();
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let entries = Metrics::entries().into_iter();
    let listed: BTreeSet<String> = entries.map(|entry| entry.name).collect();
    let shown = samples.map(|line| metric_name(line, &listed).to_owned());
    let shown: BTreeSet<String> = shown.collect();
    assert_eq!(shown, listed);
}

#[test]
fn handles_count_into_the_page() {
    let metrics = Metrics::new();
    metrics.bodies().kept.set(5);
    metrics.bodies().refused.inc();
    metrics.redis().up.set(1);
    metrics.redis().failures.inc_by(2);
    metrics.cache_redis().up.set(1);
    metrics.cache_redis().failures.inc_by(3);
    metrics.unusable_entries().damaged.inc();
    metrics.unusable_entries().other_format.inc_by(2);
    let page = metrics.page();
    for line in [
        "throughway_request_body_kept_bytes 5\n",
        "throughway_request_body_not_kept_total 1\n",
        "throughway_redis_up 1\n",
        "throughway_redis_failures_total 2\n",
        "throughway_cache_redis_up 1\n",
        "throughway_cache_redis_failures_total 3\n",
        "throughway_cache_unusable_entries_total{reason=\"damaged\"} 1\n",
        "throughway_cache_unusable_entries_total{reason=\"other_format\"} 2\n",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}
