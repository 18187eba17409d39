//! What comes after `WHERE`, for either database, and the values that stand there.

use uuid::Uuid;

use super::{columns, session::Bound};

/// Conditions of an SQL statement.
#[derive(Default)]
pub struct Conditions<'v> {
    pub texts: Vec<String>,
    pub values: Vec<Bound<'v>>,
}

impl<'v> Conditions<'v> {
    /// Adds a condition, in which `?` stands for the value.
    pub fn add(&mut self, condition: &str, value: Bound<'v>) {
        self.values.push(value);
        let place = format!("${}", self.values.len());
        self.texts.push(condition.replace('?', &place));
    }

    /// The trace id is the record's own id, or one that a caller chose.
    pub fn add_trace(&mut self, trace_id: &str) {
        let own = Uuid::parse_str(trace_id).unwrap_or_default();
        self.values
            .push(Bound::Bytes(own.as_bytes().to_vec().into()));
        let chosen = "SELECT id FROM throughway_records WHERE trace = ?";
        let condition = format!("id IN ({chosen} UNION ALL SELECT ${})", self.values.len());
        self.add(&condition, Bound::int(columns::trace_hash(trace_id)));
    }

    /// A field of the metadata has this value.
    pub fn add_metadata(&mut self, name: &'v str, value: &'v str, is_postgres: bool) {
        let (name, condition) = match is_postgres {
            true => (Bound::text(name), "metadata::json ->> # = ?"),
            false => (
                Bound::text(format!("$.\"{name}\"")),
                "json_extract(metadata, #) = ?",
            ),
        };
        self.values.push(name);
        let place = format!("${}", self.values.len());
        let value = Bound::Text(Some(columns::text(value)));
        self.add(&condition.replace('#', &place), value);
    }

    /// After `WHERE`.
    pub fn sql(&self) -> String {
        match self.texts.is_empty() {
            true => "1 = 1".to_owned(),
            false => self.texts.join(" AND "),
        }
    }
}
