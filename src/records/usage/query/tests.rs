//! Which sums are read for which times, and what is refused.

use super::*;

const DAY: i64 = 24 * 3600;
const NOW: i64 = 1_795_132_800 + 5000;

fn read(parameters: &[(&str, &str)]) -> Result<UsageQuery, BadParameter> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let parameters: Vec<_> = parameters.iter().map(owned).collect();
    UsageQuery::of(&parameters, NOW)
}

#[test]
fn times_are_whole_hours_and_the_day_before_is_the_default() {
    let query = read(&[]).expect("a query");
    assert_eq!(
        (query.from, query.to),
        (1_795_132_800 + 7200 - DAY, 1_795_132_800 + 7200)
    );
    let query = read(&[
        ("from", "2026-11-20T00:59:59Z"),
        ("to", "2026-11-20T02:00:01Z"),
    ]);
    let query = query.expect("a query");
    assert_eq!(
        (query.from - 1_795_132_800, query.to - query.from),
        (0, 3 * 3600)
    );
}

#[test]
fn whole_days_are_read_from_sums_of_days() {
    let midnight = 1_795_132_800;
    let table = [
        (midnight, midnight + DAY, "", vec![(Span::Hour, 0, DAY)]),
        (
            midnight,
            midnight + 2 * DAY,
            "",
            vec![(Span::Day, 0, 2 * DAY)],
        ),
        (
            midnight,
            midnight + 2 * DAY,
            "hour",
            vec![(Span::Hour, 0, 2 * DAY)],
        ),
        (
            midnight - 3600,
            midnight + 2 * DAY + 7200,
            "day",
            vec![
                (Span::Hour, -3600, 0),
                (Span::Day, 0, 2 * DAY),
                (Span::Hour, 2 * DAY, 2 * DAY + 7200),
            ],
        ),
    ];
    for (from, to, group, expected) in table {
        let (from, to) = (from.to_string(), to.to_string());
        let mut parameters = vec![("from", &*from), ("to", &*to)];
        if !group.is_empty() {
            parameters.push(("group", group));
        }
        let parts = read(&parameters).expect("a query").parts();
        let parts = parts
            .iter()
            .map(|(span, from, to)| (*span, from - midnight, to - midnight));
        assert_eq!(parts.collect::<Vec<_>>(), expected, "{parameters:?}");
    }
}

#[test]
fn what_cannot_be_asked_for_is_named() {
    let table: [(&[(&str, &str)], &str); 6] = [
        (&[("group", "code")], "group"),
        (&[("code", "x")], "code"),
        (&[("from", "yesterday")], "from"),
        (&[("from", "1795132800"), ("to", "1795132800")], "from"),
        (&[("from", "1700000000"), ("group", "hour")], "group"),
        (&[("limit", "3")], "limit"),
    ];
    for (parameters, name) in table {
        assert_eq!(read(parameters).map_err(|it| it.name), Err(name.to_owned()));
    }
}
