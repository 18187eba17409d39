use std::collections::BTreeSet;

use super::{labels::*, *};

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

#[test]
fn the_reference_lists_what_the_page_shows() {
    let metrics = Metrics::new();
    metrics.count_cache(CacheResult::Disabled, Some(NoCacheReason::Method));
    let page = metrics.page();
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let shown: BTreeSet<String> = samples.map(|line| sample_name(line).to_owned()).collect();
    let entries = Metrics::entries().into_iter();
    let listed: BTreeSet<String> = entries.map(|entry| entry.name).collect();
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
