//! Reads a budget as an operator writes it, and writes it so. The deserializer knows the path of
//! each field, and so does every error.

use std::fmt::Display;

use jiff::{civil::Weekday, tz::TimeZone};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, value::StrDeserializer},
    ser::SerializeMap as _,
};
use serde_json::Value;

use super::{Amount, Budget, By, Calendar, Match, OnUnknownUsage, Period, Share, Unit, Window};
use crate::money::Usd;

const LONGEST_NAME: usize = 64;
const LONGEST_ZONE: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    usd: Option<Usd>,
    #[serde(default)]
    tokens: Option<Tokens>,
    window: Named,
    #[serde(default)]
    timezone: Option<Zone>,
    #[serde(default)]
    week_start: Option<Day>,
    #[serde(default)]
    soft: Option<Share>,
    #[serde(default)]
    by: By,
    #[serde(default, rename = "match")]
    only: Match,
    #[serde(default)]
    on_unknown_usage: OnUnknownUsage,
    #[serde(default)]
    name: Option<Name>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    Day,
    Week,
    Month,
    Total,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

struct Tokens(u64);
struct Zone(TimeZone);
struct Name(Box<str>);

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(from)?;
        let limit = limit(&written).map_err(D::Error::custom)?;
        let window = window(&written).map_err(D::Error::custom)?;
        Ok(Budget {
            name: written.name.map(|name| name.0),
            limit,
            window,
            soft: written.soft,
            by: written.by,
            only: written.only,
            on_unknown_usage: written.on_unknown_usage,
        })
    }
}

fn limit(written: &Written) -> Result<Amount, &'static str> {
    let (unit, count) = match (&written.usd, &written.tokens) {
        (Some(usd), None) => (Unit::Usd, usd.nano()),
        (None, Some(tokens)) => (Unit::Tokens, tokens.0),
        (None, None) => return Err("needs usd or tokens: what may be spent in a window"),
        (Some(_), Some(_)) => {
            return Err("has usd and tokens: make two budgets of it, which both hold");
        }
    };
    Ok(Amount { unit, count })
}

fn window(written: &Written) -> Result<Window, &'static str> {
    let period = match written.window {
        Named::Day => Period::Day,
        Named::Week => Period::Week,
        Named::Month => Period::Month,
        Named::Total => match &written.timezone {
            Some(_) => return Err("has a timezone, which a total has no use for"),
            None => return check_week(written, None).map(|()| Window::Total),
        },
    };
    check_week(written, Some(period))?;
    let zone = written.timezone.as_ref().map(|zone| zone.0.clone());
    Ok(Window::Calendar(Calendar {
        period,
        zone: zone.unwrap_or(TimeZone::UTC),
        week_start: written.week_start.map_or(Weekday::Monday, Weekday::from),
    }))
}

fn check_week(written: &Written, period: Option<Period>) -> Result<(), &'static str> {
    match written.week_start.is_some() && period != Some(Period::Week) {
        true => Err("has a week_start, which goes with a window of a week only"),
        false => Ok(()),
    }
}

impl From<Day> for Weekday {
    fn from(day: Day) -> Self {
        match day {
            Day::Monday => Weekday::Monday,
            Day::Tuesday => Weekday::Tuesday,
            Day::Wednesday => Weekday::Wednesday,
            Day::Thursday => Weekday::Thursday,
            Day::Friday => Weekday::Friday,
            Day::Saturday => Weekday::Saturday,
            Day::Sunday => Weekday::Sunday,
        }
    }
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Day::Monday,
            Weekday::Tuesday => Day::Tuesday,
            Weekday::Wednesday => Day::Wednesday,
            Weekday::Thursday => Day::Thursday,
            Weekday::Friday => Day::Friday,
            Weekday::Saturday => Day::Saturday,
            Weekday::Sunday => Day::Sunday,
        }
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let count = Value::deserialize(from)?.as_u64();
        let count = count.filter(|count| *count <= Amount::MOST);
        let refused = || {
            let most = Amount::MOST;
            D::Error::custom(format_args!("must be a whole number from 0 to {most}"))
        };
        count.map(Tokens).ok_or_else(refused)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = text(from)?;
        let zone = (text.len() <= LONGEST_ZONE).then(|| TimeZone::get(&text));
        let zone = zone.and_then(Result::ok);
        // `Local` would be another on every machine.
        let zone = zone.filter(|zone| zone.iana_name().is_some());
        zone.map(Zone).ok_or_else(|| {
            D::Error::custom("must be the name of an IANA time zone, such as Europe/Berlin or UTC")
        })
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = text(from)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(is_plain);
        match fits {
            true => Ok(Name(text.into())),
            false => Err(D::Error::custom(format_args!(
                "must be 1 to {LONGEST_NAME} of A-Z a-z 0-9 . _ -"
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for By {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let by = By::parse(&text(from)?);
        by.ok_or_else(|| D::Error::custom(By::EXPECTED))
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let share = Value::deserialize(from)?.as_f64();
        let share = share.filter(|share| (0.001..=1.0).contains(share));
        let share = share.map(|share| Share((share * 1000.0).round() as u16));
        share.ok_or_else(|| D::Error::custom("must be a number from 0.001 to 1, such as 0.8"))
    }
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) => Ok(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(D::Error::custom("must be text"))
        }
    }
}

impl Serialize for Budget {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_map(None)?;
        if let Some(name) = &self.name {
            fields.serialize_entry("name", name)?;
        }
        match self.limit.unit {
            Unit::Usd => fields.serialize_entry("usd", &Usd::from_nano(self.limit.count))?,
            Unit::Tokens => fields.serialize_entry("tokens", &self.limit.count)?,
        }
        fields.serialize_entry("window", self.window.name())?;
        if let Window::Calendar(calendar) = &self.window {
            fields.serialize_entry("timezone", calendar.zone.iana_name().unwrap_or("UTC"))?;
            if calendar.period == Period::Week {
                fields.serialize_entry("week_start", &Day::from(calendar.week_start))?;
            }
        }
        if let Some(soft) = self.soft {
            fields.serialize_entry("soft", &soft.as_f64())?;
        }
        if self.by != By::Nothing {
            fields.serialize_entry("by", &self.by.name())?;
        }
        if !self.only.is_everything() {
            fields.serialize_entry("match", &self.only)?;
        }
        if self.on_unknown_usage != OnUnknownUsage::default() {
            fields.serialize_entry("on_unknown_usage", &self.on_unknown_usage)?;
        }
        fields.end()
    }
}

/// An amount of dollars that may have a minus sign: whether it has one, and the amount.
///
/// # Errors
/// It is no such amount.
pub fn signed_usd(written: &Value) -> Result<(bool, Usd), String> {
    let text = match written {
        Value::String(text) => text.clone(),
        written => written.to_string(),
    };
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let read = match written {
        Value::String(_) => Usd::deserialize(StrDeserializer::<serde_json::Error>::new(rest)),
        // Read as a number again, which may have an exponent.
        _ => serde_json::from_str::<Usd>(rest),
    };
    let told = |error: &dyn Display| error.to_string();
    read.map(|usd| (is_negative, usd)).map_err(|it| told(&it))
}

#[cfg(test)]
mod tests;
