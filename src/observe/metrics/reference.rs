//! The table of metrics as a page of the reference, `docs/metrics.md`.

use std::fmt::Write as _;

use super::{
    Metrics, PREFIX,
    kinds::{Metric, Row},
};

/// One metric on the page.
pub struct Entry {
    /// The full name, as on the page that Prometheus reads.
    pub name: String,
    kind: &'static str,
    labels: Vec<(&'static str, Vec<&'static str>)>,
    help: &'static str,
}

impl Entry {
    pub(super) fn of<M: Metric>(row: &Row) -> Self {
        let mut name = format!("{PREFIX}_{}", row.name);
        if let Some(unit) = row.unit {
            name = format!("{name}_{unit}");
        }
        Entry {
            name: name + M::ENDING,
            kind: M::KIND,
            labels: M::labels(row),
            help: row.help,
        }
    }

    fn labels(&self) -> String {
        let label = |(name, values): &(&str, Vec<&str>)| {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            match values.is_empty() {
                true => format!("`{name}`"),
                false => format!("`{name}`: {}", values.join(", ")),
            }
        };
        self.labels.iter().map(label).collect::<Vec<_>>().join("; ")
    }
}

/// The text of the page.
pub fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         `GET /gateway/metrics` answers in the OpenMetrics text format 1.0, which Prometheus \
         reads. Counters start at 0 with the process.\n\n\
         No label has a value that a client could choose. `provider` is a provider of the catalogue \
         or of the settings, `passthrough` where there is none, and `other` for all others. Series \
         of several labels, and of `key` and `team`, are on the page once they were counted; \
         the latter only if [`metrics.labels`](settings.md) asks for them, and beyond \
         `metrics.max_series` as `other`.\n\n\
         | metric | kind | label and its values | meaning |\n|---|---|---|---|\n",
    );
    for entry in Metrics::entries() {
        let (name, kind, labels, help) = (&entry.name, entry.kind, entry.labels(), entry.help);
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {help} |");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_is_in_step() {
        crate::golden::assert_page("metrics.md", &page());
    }
}
