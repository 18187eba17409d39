//! What of the sums is asked for, and for which time? A query is read from the parameters of a URL,
//! and says which sums of hours and days answer it.

use super::super::{
    columns,
    filter::{BadParameter, Column, time},
    metadata_sums,
    rollup::Span,
};

/// From this length on, days are read in place of hours.
const FEW_DAYS: i64 = 2 * 24 * 3600;
/// What names of fields of the metadata begin with.
pub const METADATA: &str = "metadata.";
/// The longest time that is told hour by hour.
const MOST_HOURS: i64 = 31 * 24 * 3600;

/// What is asked for. Times are seconds since 1970, whole hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    pub from: i64,
    /// Before this.
    pub to: i64,
    pub by_time: Option<Span>,
    pub by: Vec<Column>,
    pub(super) equal: Vec<(Column, String)>,
    /// Sums of this field of the metadata are read, in place of those of all requests.
    pub metadata: Option<OfMetadata>,
}

/// The sums of one field of the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfMetadata {
    /// The name of the field.
    pub name: String,
    /// There is a row for each value.
    pub is_grouped: bool,
    /// Only this value.
    pub(super) equal: Option<String>,
}

impl UsageQuery {
    /// Reads the parameters of a query; without `from` and `to` it is the day before `now`, in
    /// seconds since 1970.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn of(parameters: &[(String, String)], now: i64) -> Result<Self, BadParameter> {
        let mut query = UsageQuery {
            from: i64::MIN,
            to: i64::MAX,
            by_time: None,
            by: Vec::new(),
            equal: Vec::new(),
            metadata: None,
        };
        for (name, value) in parameters {
            query.take(name, value)?;
        }
        query.settle(now)?;
        Ok(query)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), BadParameter> {
        let hour = Span::Hour.seconds() * 1000;
        match (name, Column::of_name(name)) {
            ("from", _) => self.from = time(name, value)?.div_euclid(hour) * hour / 1000,
            ("to", _) => {
                self.to = (time(name, value)? + hour - 1).div_euclid(hour) * hour / 1000;
            }
            ("group", _) => value.split(',').try_for_each(|it| self.group_by(it))?,
            (field, None) if field.starts_with(METADATA) => {
                self.of_metadata(name, field)?.equal = Some(columns::text(value).into_owned());
            }
            (_, Some(column)) if Column::OF_SUMS.contains(&column) => {
                column.check(value)?;
                self.equal.push((column, columns::text(value).into_owned()));
            }
            _ => {
                return Err(BadParameter::new(
                    name,
                    "usage does not take this parameter",
                ));
            }
        }
        Ok(())
    }

    fn group_by(&mut self, what: &str) -> Result<(), BadParameter> {
        match (what, Column::of_name(what)) {
            ("hour", _) => self.by_time = Some(Span::Hour),
            ("day", _) => self.by_time = Some(Span::Day),
            (_, Some(column)) if Column::OF_SUMS.contains(&column) => {
                if !self.by.contains(&column) {
                    self.by.push(column);
                }
            }
            (field, None) if field.starts_with(METADATA) => {
                self.of_metadata("group", field)?.is_grouped = true;
            }
            _ => {
                let names = Column::OF_SUMS.map(Column::name).join(", ");
                let message =
                    format!("group is any of hour or day, {names}, and metadata.NAME, with commas");
                return Err(BadParameter::new("group", message));
            }
        }
        Ok(())
    }

    /// Asks for the sums of a field, `metadata.NAME`.
    fn of_metadata(
        &mut self,
        parameter: &str,
        field: &str,
    ) -> Result<&mut OfMetadata, BadParameter> {
        let name = field.trim_start_matches(METADATA);
        let asked = self.metadata.get_or_insert_with(|| OfMetadata {
            name: name.to_owned(),
            is_grouped: false,
            equal: None,
        });
        match asked.name == name {
            true => Ok(asked),
            false => {
                let message = "usage is told for one field of the metadata at a time";
                Err(BadParameter::new(parameter, message))
            }
        }
    }

    /// Whether there are sums of what is asked for; `summed`: the names of metadata that have them.
    ///
    /// # Errors
    /// There are none.
    pub fn check_metadata(&self, summed: &[Box<str>]) -> Result<(), BadParameter> {
        let Some(asked) = &self.metadata else {
            return Ok(());
        };
        let field = format!("{METADATA}{}", asked.name);
        if !summed.iter().any(|it| **it == *asked.name) {
            let message = format!(
                "{field} is not summed up: name it in `records.usage_metadata` in the settings"
            );
            return Err(BadParameter::new(&field, message));
        }
        let filters = self.equal.iter().map(|(column, _)| column);
        let has_sums = |it: &&Column| metadata_sums::COLUMNS.contains(it);
        match self.by.iter().chain(filters).find(|it| !has_sums(it)) {
            None => Ok(()),
            Some(column) => {
                let name = column.name();
                let message = format!("{field} is summed up by key and team only, not by {name}");
                Err(BadParameter::new(name, message))
            }
        }
    }

    fn settle(&mut self, now: i64) -> Result<(), BadParameter> {
        let hour = Span::Hour.seconds();
        if self.to == i64::MAX {
            self.to = (now + hour - 1).div_euclid(hour) * hour;
        }
        if self.from == i64::MIN {
            self.from = self.to - Span::Day.seconds();
        }
        if self.from >= self.to {
            return Err(BadParameter::new("from", "from must be before to"));
        }
        if self.by_time == Some(Span::Hour) && self.to - self.from > MOST_HOURS {
            let message = "by hour, at most 31 days can be asked for: group by day";
            return Err(BadParameter::new("group", message));
        }
        Ok(())
    }

    /// Which sums are read: those of days where whole days are asked for, else those of hours.
    pub(super) fn parts(&self) -> Vec<(Span, i64, i64)> {
        let (hour, day) = (Span::Hour, Span::Day.seconds());
        let first = (self.from + day - 1).div_euclid(day) * day;
        let last = self.to.div_euclid(day) * day;
        let is_short = self.to - self.from < FEW_DAYS || last <= first;
        if is_short || self.by_time == Some(Span::Hour) {
            return vec![(hour, self.from, self.to)];
        }
        let parts = [
            (hour, self.from, first),
            (Span::Day, first, last),
            (hour, last, self.to),
        ];
        parts
            .into_iter()
            .filter(|(_, from, to)| from < to)
            .collect()
    }
}

#[cfg(test)]
mod tests;
