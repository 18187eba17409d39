//! `throughway prices check`: says which prices are in force, and what of them deserves a look.

use std::io::{self, Write};

use jiff::{Timestamp, civil::Date};

use crate::price::{Prices, Sheet, Unit, built_in};

/// A table that is older is worth a look.
const OLD_DAYS: i32 = 90;

/// Prints the layers, then one line for each thing that deserves a look.
pub fn run(prices: &Prices, out: &mut dyn Write) -> io::Result<u8> {
    writeln!(out, "settings: {} overrides", prices.overrides().len())?;
    let today = Timestamp::now();
    match prices.file() {
        None => writeln!(out, "file: none")?,
        Some(file) => {
            let (count, format) = (file.models().count(), file.format());
            let (path, date) = (file.path.display(), &file.date);
            writeln!(out, "file: {path}, {format}, {date}, {count} models")?;
            for (what, times) in file.ignored() {
                writeln!(out, "  not counted: {what}, {times} times")?;
            }
            tell_age(&file.date, today, out)?;
        }
    }
    let count = built_in::TABLE
        .get()
        .as_ref()
        .map_or(0, |it| it.models().count());
    writeln!(out, "built in: {}, {count} models", built_in::DATE)?;
    tell_age(built_in::DATE, today, out)?;
    for line in odd(prices, today) {
        writeln!(out, "warning: {line}")?;
    }
    Ok(0)
}

fn tell_age(date: &str, today: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let today = today.to_zoned(jiff::tz::TimeZone::UTC).date();
    let age = date
        .parse::<Date>()
        .ok()
        .and_then(|it| (today - it).get_days().into());
    match age {
        Some(days) if days > OLD_DAYS => writeln!(out, "  it is {days} days old"),
        Some(_) | None => Ok(()),
    }
}

/// Overrides that never apply, and prices that are probably a slip.
fn odd(prices: &Prices, now: Timestamp) -> Vec<String> {
    let overrides = prices.overrides();
    let mut lines = Vec::new();
    for (place, own) in overrides.iter().enumerate() {
        let mut before = overrides[..place].iter();
        if let Some(first) = before.position(|it| it.hides(own)) {
            lines.push(format!(
                "prices.overrides[{place}] never applies: prices.overrides[{first}] comes first"
            ));
        }
        if let Some(slip) = slip(&own.sheet, now) {
            lines.push(format!("prices.overrides[{place}]: {slip}"));
        }
    }
    lines
}

fn slip(sheet: &Sheet, now: Timestamp) -> Option<&'static str> {
    let price = |unit| Some(sheet.price(unit, None, now)?.base.nano);
    let (input, read) = (price(Unit::Input), price(Unit::CacheRead));
    match (input, read, price(Unit::Output)) {
        (Some(input), Some(read), _) if read > input => {
            Some("cached input is dearer than other input")
        }
        (Some(input), _, None) if input > 0 => Some("output has no price, and so costs nothing"),
        (None, _, Some(output)) if output > 0 => Some("input has no price, and so costs nothing"),
        _ => None,
    }
}
